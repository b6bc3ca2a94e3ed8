"""The records of a split, stored once as Arrow and read through the page cache."""

from __future__ import annotations

import hashlib
import json
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, islice
from pathlib import Path
from typing import Any

import pyarrow as pa

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


def write_records(folder: Path, records: Iterator[Record], dropped: Counter[str]) -> None:
    """Stream records into ``folder``, with a summary: how many, what was dropped and why, and a content hash."""
    digest, count, kinds = hashlib.sha256(), 0, Counter[str]()
    folder.mkdir(parents=True)
    with pa.OSFile(str(folder / "records.arrow"), "wb") as sink, pa.ipc.new_file(sink, SCHEMA) as writer:
        while chunk := list(islice(records, CHUNK)):
            columns = {name: [getattr(record, name) for record in chunk] for name in SCHEMA.names}
            writer.write_batch(pa.RecordBatch.from_pydict(columns, SCHEMA))
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
            yield from map(_record, chunk.to_pylist())

    def column(self, name: str) -> Iterator[Any]:
        """Iterate over one field alone."""
        for chunk in self._chunks:
            yield from chunk.column(name).to_pylist()

    def texts(self) -> Iterator[str]:
        """Iterate over all text, to train a tokenizer; a context that several questions in a row share comes once."""
        last = ""
        for record in self:
            context = "" if record.context == last else record.context
            last = record.context
            yield from filter(None, (record.question, context, *record.answers))


def shared_questions(left: Iterable[str], right: Iterable[str]) -> int:
    """Count the questions of ``right`` that also stand in ``left``, but for case and white space."""
    known = {_question_digest(question) for question in left}
    return sum(_question_digest(question) in known for question in right)


def _question_digest(question: str) -> bytes:
    # Eight bytes a question, not the text: a million questions cost tens of megabytes, not hundreds.
    return hashlib.blake2b(" ".join(question.casefold().split()).encode(), digest_size=8).digest()


def _record(row: dict[str, Any]) -> Record:
    fields: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in row.items()}
    return Record(**fields)
