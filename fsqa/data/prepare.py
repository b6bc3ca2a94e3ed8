"""From a dataset to prepared splits: records stored, rows tokenised, every loss on the way counted."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fsqa.data.batches import collate
from fsqa.data.cache import cached, key_of
from fsqa.data.examples import Examples, write_examples
from fsqa.data.records import Records, shared_questions, write_records
from fsqa.dataset.base import Dataset
from fsqa.encode.base import Encoder, row_name
from fsqa.errors import InputError
from fsqa.files import write_json
from fsqa.loss.base import Loss
from fsqa.progress import counting, working
from fsqa.prompt.base import BoundLayout
from fsqa.types import SPLITS, Split


@dataclass(frozen=True)
class PreparedRecords:
    """The three splits as stored, with what is known about them."""

    splits: dict[Split, Records]
    overlap: dict[str, int]
    """Questions, or documents, that stand in two splits."""
    key: str

    @property
    def sha256(self) -> str:
        """One hash over the contents of all splits."""
        parts = "".join(str(self.splits[split].summary["sha256"]) for split in SPLITS)
        return hashlib.sha256(parts.encode()).hexdigest()

    def summary(self) -> dict[str, Any]:
        """Return counts per split, what was dropped and why, and the overlap."""
        counts: dict[str, Any] = {
            split: {name: records.summary[name] for name in ("records", "dropped")}
            for split, records in self.splits.items()
        }
        return {**counts, "overlap": self.overlap, "sha256": self.sha256}


def prepare_records(dataset: Dataset, cache: Path) -> PreparedRecords:
    """Read a dataset into the cache, or find it there. An empty split is an InputError."""
    key = key_of("records", dataset.fingerprint())

    def make(folder: Path) -> None:
        for split in SPLITS:
            dropped = Counter[str]()
            with working(f"reading {split} questions"):
                write_records(folder / split, dataset.records(split, dropped), dropped)
        splits = {split: Records(folder / split) for split in SPLITS}
        _check_not_empty(splits)
        write_json(folder / "overlap.json", _overlap(splits))

    def read(folder: Path) -> PreparedRecords:
        splits = {split: Records(folder / split) for split in SPLITS}
        return PreparedRecords(splits=splits, overlap=_read_overlap(folder), key=key)

    return cached(cache / "records", key, make, read)


def prepare_examples(
    records: PreparedRecords, layout: BoundLayout, encoder: Encoder, tokenizer_key: str, cache: Path
) -> dict[Split, Examples]:
    """Tokenise every split into the cache, or find it there."""
    key = key_of("examples", records.key, repr(layout), tokenizer_key, encoder.fingerprint)

    def make(folder: Path) -> None:
        for split, split_records in records.splits.items():
            with counting(f"tokenising {split}", len(split_records)) as advance:
                write_examples(folder / split, split_records, layout, encoder, advance)

    def read(folder: Path) -> dict[Split, Examples]:
        return {split: Examples(folder / split) for split in SPLITS}

    return cached(cache / "examples", key, make, read)


def check_every_row_counts(loss: Loss, examples: Examples, records: Records) -> None:
    """Raise InputError, naming the row, if a row has no token that counts under ``loss``."""
    # Rows with targets of the same roles stand or fall together, so one of each sort is enough.
    _, first = np.unique(examples.target_counts > 0, axis=0, return_index=True)
    for row in first:
        rows = np.array([row])
        if not loss.weigh(collate(examples, rows, rows, pad_id=0)).any():
            raise InputError(
                f"{row_name(records[int(examples.records[row])])}: no token counts under this loss; "
                "give a role that the row has a weight in loss.weights, or choose another prompt"
            )


def _check_not_empty(splits: dict[Split, Records]) -> None:
    for split, records in splits.items():
        if not len(records):
            dropped = records.summary["dropped"]
            reasons = "; dropped: " + ", ".join(f"{n} ({why})" for why, n in dropped.items()) if dropped else ""
            raise InputError(f"dataset: the {split} split has no question{reasons}; check dataset.path and its filters")


def _overlap(splits: dict[Split, Records]) -> dict[str, int]:
    pairs: list[tuple[Split, Split]] = [("train", "validation"), ("train", "test"), ("validation", "test")]
    return {f"{left}_{right}": shared_questions(_asked(splits[left]), _asked(splits[right])) for left, right in pairs}


def _asked(records: Records) -> Iterator[str]:
    """Yield what makes a record another one: its question, or the text where there is none."""
    pairs = zip(records.column("question"), records.column("context"), strict=True)
    return (question or context for question, context in pairs)


def _read_overlap(folder: Path) -> dict[str, int]:
    overlap: dict[str, int] = json.loads((folder / "overlap.json").read_text(encoding="utf-8"))
    return overlap
