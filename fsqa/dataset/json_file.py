"""Datasets of JSON files that hold one value: a list of rows, or an object of rows by their ids."""

import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from json import JSONDecodeError
from pathlib import Path
from typing import Any, final

from fsqa.dataset.files import FileDataset
from fsqa.dataset.jsonl import read_objects
from fsqa.dataset.rows import JSON, Row, kind_of
from fsqa.errors import InputError


@final
@dataclass(kw_only=True, eq=False)
class JsonFile(FileDataset):
    """Files with one JSON list of objects, or one object whose keys are the ids of the objects in it."""

    def rows(self, file: Path) -> Iterator[tuple[str, Row]]:
        """Yield each object with its path in the file; one that stands under a key has it as its ``id``."""
        return json_rows(file)


def json_rows(file: Path) -> Iterator[tuple[str, dict[str, object]]]:
    """Yield the objects in a JSON list or object, each with its path in the file."""
    value = read_json(file)
    if not isinstance(value, dict | list):
        raise InputError(f"{file}: wanted a list of rows, or an object of rows by their ids, came {kind_of(value)}")
    entries = value.items() if isinstance(value, dict) else enumerate(value)
    for key, row in entries:
        place = key if isinstance(key, str) else f"[{key}]"
        if not isinstance(row, dict):
            raise InputError(f"{file}:{place}: wanted an object, came {kind_of(row)}; mend the row")
        yield place, {"id": key, **row} if isinstance(key, str) else row


def read_rows(file: Path) -> Iterator[tuple[int | str, dict[str, object]]]:
    """Yield the objects of a file, one JSON value or, when its name says ``.jsonl``, one object a line."""
    yield from read_objects(file) if ".jsonl" in file.suffixes else json_rows(file)


def read_json(file: Path) -> Any:
    """Read a file that is one JSON value, unpacked when its name ends in ``.gz``."""
    try:
        with gzip.open(file, "rb") if file.suffix == ".gz" else file.open("rb") as stream:
            return JSON.decode(stream.read().decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise InputError(f"{file}: not UTF-8 ({error.reason} at byte {error.start}); save the file as UTF-8") from None
    except JSONDecodeError as error:
        raise InputError(
            f"{file}:{error.lineno}:{error.colno}: broken JSON ({error.msg}); fetch the file again"
        ) from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"{file}: JSON that cannot be read ({error}); mend it or fetch the file again") from None
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InputError(f"{file}: broken gzip data ({error}); fetch or pack the file again") from None
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror or error}") from None
