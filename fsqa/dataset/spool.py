"""Records that were read once, kept in a temporary file so that reading them again takes no parsing."""

import marshal
from collections import Counter
from collections.abc import Iterator
from dataclasses import fields
from operator import attrgetter
from tempfile import TemporaryFile
from typing import IO, final

from fsqa.types import Record

CHUNK = 1024
"""Records that are written at once."""

SIZE_BYTES = 8
"""In front of each chunk stands how long it is."""

VALUES = attrgetter(*(field.name for field in fields(Record)))
"""The values of a record in the order in which one is made of them."""


@final
class Spool:
    """Records in their order, with what was left out between them; the file goes with the object.

    Of millions of records none stays in memory. A disk that is full or cannot be written to is no error: the spool is
    then without its records, and says so.
    """

    def __init__(self) -> None:
        self._file: IO[bytes] | None = None
        self._dropped = Counter[str]()
        self.whole = False
        """Whether it holds all records of a reading that came to its end."""

    def keeping(self, records: Iterator[Record], found: Counter[str], dropped: Counter[str]) -> Iterator[Record]:
        """Yield the records of a reading, and keep them; in the end ``dropped`` takes in ``found``."""
        chunk = list[tuple[object, ...]]()
        file = self._opened()
        for record in records:
            chunk.append(VALUES(record))
            if len(chunk) == CHUNK:
                file, chunk = _written(file, chunk), []
            yield record
        dropped.update(found)
        if file := _written(file, chunk):
            self._file, self._dropped, self.whole = file, found.copy(), True

    def records(self, dropped: Counter[str]) -> Iterator[Record]:
        """Yield the records again, and count what was left out when they were read."""
        assert self._file is not None
        place, end = 0, self._file.seek(0, 2)
        while place < end:
            self._file.seek(place)  # several readings may go on beside each other
            size = int.from_bytes(self._file.read(SIZE_BYTES))
            chunk = marshal.loads(self._file.read(size))  # from a file itself marshal would read it value by value
            place += SIZE_BYTES + size
            yield from (Record(*values) for values in chunk)
        dropped.update(self._dropped)

    @staticmethod
    def _opened() -> IO[bytes] | None:
        try:
            return TemporaryFile()
        except OSError:
            return None


def _written(file: IO[bytes] | None, chunk: list[tuple[object, ...]]) -> IO[bytes] | None:
    if file is None:
        return None
    try:
        held = marshal.dumps(chunk)
        file.write(len(held).to_bytes(SIZE_BYTES))
        file.write(held)
        file.flush()
    except OSError:
        file.close()
        return None
    return file
