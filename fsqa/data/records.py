"""The records of a split, stored once as Arrow and read through the page cache."""

from __future__ import annotations

import hashlib
import json
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields
from itertools import accumulate, islice
from operator import attrgetter
from pathlib import Path
from typing import Any

import pyarrow as pa

from fsqa.data.arrow import array_of, values_of
from fsqa.data.collecting import collecting_only_new
from fsqa.types import Record

CHUNK = 4096
SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("question", pa.string()),
        ("answers", pa.list_(pa.string())),
        ("context", pa.string()),
        ("kind", pa.string()),
        ("candidates", pa.list_(pa.string())),
        ("relevance", pa.list_(pa.int64())),
        ("patterns", pa.list_(pa.string())),
        ("answer_starts", pa.list_(pa.int64())),
    ]
)
FIELDS = tuple(field.name for field in fields(Record))
"""In the order in which a record is made of them."""
VALUES = attrgetter(*FIELDS)


def write_records(folder: Path, records: Iterator[Record], dropped: Counter[str]) -> None:
    """Stream records into ``folder``, with a summary: how many, what was dropped and why, and a content hash."""
    digest, count, kinds = hashlib.sha256(), 0, Counter[str]()
    folder.mkdir(parents=True)
    with (
        collecting_only_new(),
        pa.OSFile(str(folder / "records.arrow"), "wb") as sink,
        pa.ipc.new_file(sink, SCHEMA) as writer,
    ):
        while chunk := list(islice(records, CHUNK)):
            columns = dict(zip(FIELDS, zip(*map(VALUES, chunk), strict=True), strict=True))
            arrays = [array_of(columns[field.name], field.type) for field in SCHEMA]
            writer.write_batch(pa.RecordBatch.from_arrays(arrays, schema=SCHEMA))
            digest.update(json.dumps(columns, ensure_ascii=False).encode())
            kinds.update(record.kind for record in chunk)
            count += len(chunk)
    summary = {
        "records": count,
        "dropped": dict(sorted(dropped.items())),
        "kinds": dict(sorted(kinds.items())),
        "sha256": digest.hexdigest(),
    }
    (folder / "records.json").write_text(json.dumps(summary, indent=2, ensure_ascii=False), encoding="utf-8")


class Records(Sequence[Record]):
    """Read-only records of one split; only the rows asked for become Python objects."""

    def __init__(self, folder: Path) -> None:
        self.summary: dict[str, Any] = json.loads((folder / "records.json").read_text(encoding="utf-8"))
        self._reader = pa.ipc.open_file(pa.memory_map(str(folder / "records.arrow")))
        chunks = [self._reader.get_batch(i) for i in range(self._reader.num_record_batches)]
        self._chunks = chunks
        self._ends = list(accumulate(chunk.num_rows for chunk in chunks))

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def __getitem__(self, i: int) -> Record:  # type: ignore[override]
        if not 0 <= i < len(self):
            raise IndexError(i)
        chunk = bisect_right(self._ends, i)
        start = self._ends[chunk - 1] if chunk else 0
        row = self._chunks[chunk].slice(i - start, 1).to_pylist()[0]
        return _record(row)

    def __iter__(self) -> Iterator[Record]:
        for chunk in self._chunks:
            yield from map(Record, *(values_of(chunk.column(name)) for name in FIELDS))

    def column(self, name: str) -> Iterator[Any]:
        """Iterate over one field alone."""
        for chunk in self._chunks:
            yield from values_of(chunk.column(name))

    def texts(self) -> Iterator[str]:
        """Iterate over all text, to train a tokenizer; a context that several questions in a row share comes once."""
        last = ""
        for chunk in self._chunks:
            columns = (values_of(chunk.column(name)) for name in ("question", "context", "answers"))
            for question, context, answers in zip(*columns, strict=True):
                if question:
                    yield question
                if context and context != last:
                    yield context
                last = context
                yield from filter(None, answers)


def shared_questions(left: Iterable[str], right: Iterable[str]) -> int:
    """Count the questions of ``right`` that also stand in ``left``, but for case and white space."""
    known = set(map(_question_hash, left))
    return sum(map(known.__contains__, map(_question_hash, right)))


def _question_hash(question: str) -> int:
    # 64 bits a question, not the text: a million questions cost tens of megabytes, not hundreds.
    return hash(" ".join(question.casefold().split()))


def _record(row: dict[str, Any]) -> Record:
    fields: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in row.items()}
    return Record(**fields)
