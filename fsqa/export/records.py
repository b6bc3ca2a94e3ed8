"""The records of a dataset as JSON lines, for any reader.

``dataset=jsonl`` takes them for a dataset, with ``dataset.fields`` naming context and kind; the fields that only some
records have, and the empty answer of a question that cannot be answered, are for ``test_questions`` alone.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from fsqa.dataset.base import Dataset
from fsqa.errors import InputError
from fsqa.types import Record, Split

FURTHER = ("candidates", "relevance", "patterns", "answer_starts")
"""Fields that only some records have."""


@dataclass(frozen=True)
class Written:
    """How many records were written, and what was left out and why."""

    records: int
    dropped: dict[str, int]


def write_records(dataset: Dataset, split: Split, target: Path) -> Written:
    """Stream a split's records into a new file, whole or not at all.

    Raises InputError when there is something at ``target`` already, when it cannot be written, and for a split without
    records.
    """
    if target.exists():
        raise InputError(f"--output: {target} is there already; name another file, or move it away")
    draft = target.with_name(f".{target.name}.draft")
    count, dropped = 0, Counter[str]()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with draft.open("w", encoding="utf-8") as file:
            for record in dataset.records(split, dropped):
                file.write(json.dumps(row(record), ensure_ascii=False) + "\n")
                count += 1
        if not count:
            raise InputError(f"--output: the {split} split has no records; take another with --split")
        draft.replace(target)
    except OSError as error:
        raise InputError(f"--output: cannot write {target}: {error.strerror or error}") from None
    finally:
        draft.unlink(missing_ok=True)
    return Written(count, dict(sorted(dropped.items())))


def row(record: Record) -> dict[str, object]:
    """Return a record as the row of a file of JSON lines."""
    own: dict[str, object] = {
        "id": record.id,
        "question": record.question,
        "answer": list(record.answers),
        "context": record.context,
        "kind": record.kind,
    }
    return own | {name: list(value) for name in FURTHER if (value := getattr(record, name))}
