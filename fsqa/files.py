"""Files that are either the old one or the whole new one, never half of it."""

import json
import os
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path


def write_bytes(path: Path, content: bytes) -> None:
    """Write ``content`` to ``path`` in one step; missing parent folders are made.

    The bytes go to a temporary name in the same folder, which then takes the place of ``path``.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write ``text`` to ``path`` as UTF-8 in one step; line ends stay as they are."""
    write_bytes(path, text.encode("utf-8"))


def write_json(path: Path, value: object) -> None:
    """Write ``value`` to ``path`` as JSON in one step: keys in their own order, two spaces, a line end at the end."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def write_rows(path: Path, rows: Iterable[Mapping[str, object]]) -> None:
    """Write ``rows`` to ``path`` as JSON lines in one step."""
    write_text(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
