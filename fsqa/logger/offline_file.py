"""What a W&B run that was kept offline holds, read from its file.

The file is a log of protocol buffers in the layout of LevelDB's log, which W&B describes in its own source and reads
with a program of its own, ``wandb leet inspect``.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FILE_HEADER = 7
"""Bytes before the first block: the mark ``:W&B``, a magic number and a version."""
BLOCK = 32 * 1024
RECORD_HEADER = struct.Struct("<IHB")
"""Checksum, length and kind of a piece of a record."""
WHOLE, FIRST, MIDDLE, LAST = 1, 2, 3, 4


def read_records(path: Path) -> Iterator[Any]:
    """Yield the records of a ``.wandb`` file; one that was killed ends with its last whole record."""
    from wandb.proto.wandb_internal_pb2 import Record

    for content in _contents(path.read_bytes()):
        record = Record()
        record.ParseFromString(content)
        yield record


def held_events(folder: Path) -> int:
    """Return how many events the W&B runs below a folder hold: one more than the greatest step of theirs."""
    steps = [
        record.history.step.num
        for path in folder.glob("*run-*/run-*.wandb")
        for record in read_records(path)
        if record.WhichOneof("record_type") == "history"
    ]
    return max(steps, default=-1) + 1


def wait_for_end(folder: Path, seconds: float = 10.0) -> None:
    """Wait until the file of an offline run that was finished has its last record.

    W&B writes it in a process of its own, which may still be at it when finishing returns, and which dies with ours.
    """
    until = time.monotonic() + seconds
    while not any(_has_end(path) for path in folder.glob("run-*.wandb")) and time.monotonic() < until:
        time.sleep(0.02)


def _has_end(path: Path) -> bool:
    return any(record.WhichOneof("record_type") == "exit" for record in read_records(path))


def _contents(data: bytes) -> Iterator[bytes]:
    """Join the pieces of each record; none crosses a block, and what is left of a block is filled with zeros."""
    place, content = FILE_HEADER, b""
    while place + RECORD_HEADER.size <= len(data):
        if BLOCK - place % BLOCK < RECORD_HEADER.size:
            place += BLOCK - place % BLOCK
            continue
        _, length, kind = RECORD_HEADER.unpack_from(data, place)
        place += RECORD_HEADER.size
        if kind not in (WHOLE, FIRST, MIDDLE, LAST) or place + length > len(data):
            return
        content = (content if kind in (MIDDLE, LAST) else b"") + data[place : place + length]
        place += length
        if kind in (WHOLE, LAST):
            yield content
