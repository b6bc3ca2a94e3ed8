"""Datasets of JSON lines, and the reading of text lines with errors that say where."""

import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from json import JSONDecodeError
from pathlib import Path
from typing import final

from fsqa.dataset.files import FileDataset
from fsqa.dataset.rows import JSON, Row, kind_of
from fsqa.errors import InputError


@final
@dataclass(kw_only=True, eq=False)
class JsonLines(FileDataset):
    """Files with one JSON object a line; the answers are a text or a list of texts."""

    def rows(self, file: Path) -> Iterator[tuple[int, Row]]:
        """Yield each object with its line number; blank lines are skipped."""
        return read_objects(file)


def read_objects(file: Path) -> Iterator[tuple[int, dict[str, object]]]:
    """Yield the numbered JSON objects of a file with one a line; blank lines are skipped."""
    for number, line in read_lines(file):
        if not line.strip():
            continue
        try:
            row = JSON.decode(line.rstrip())
        except JSONDecodeError as error:
            raise InputError(
                f"{file}:{number}:{error.colno}: broken JSON ({error.msg}); wanted one JSON object a line"
            ) from None
        except (ValueError, RecursionError) as error:
            raise InputError(f"{file}:{number}: JSON that cannot be read ({error}); mend the line") from None
        if not isinstance(row, dict):
            raise InputError(f"{file}:{number}: wanted one JSON object a line, came {kind_of(row)}")
        yield number, row


def read_lines(file: Path) -> Iterator[tuple[int, str]]:
    """Yield the numbered lines of a UTF-8 text file, unpacked when its name ends in ``.gz``."""
    number = 0
    try:
        with gzip.open(file, "rb") if file.suffix == ".gz" else file.open("rb") as stream:
            for number, line in enumerate(stream, 1):
                try:
                    text = line.decode()
                except UnicodeDecodeError as error:
                    byte = f"byte 0x{line[error.start]:02x} at column {error.start + 1}"
                    raise InputError(f"{file}:{number}: not UTF-8 ({byte}); save the file as UTF-8") from None
                yield number, text.removeprefix("\ufeff") if number == 1 else text
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InputError(f"{file}:{number + 1}: broken gzip data ({error}); fetch or pack the file again") from None
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror or error}") from None
