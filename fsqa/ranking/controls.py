"""Texts that nobody had to generate: what a generated document has to beat before a ranker was fooled by it."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from statistics import fmean

from fsqa.types import Record


def repeated(query: str, passages: Sequence[str]) -> str:
    """Repeat the query to about the mean length of its own passages in words, at least twice: stuffed keywords."""
    words = fmean(len(passage.split()) for passage in passages) if passages else 0
    return " ".join([query] * max(2, round(words / max(1, len(query.split())))))


def passage_of_another(record: Record, records: Sequence[Record]) -> str:
    """Return a random passage of another question; it depends on the record's id and on ``records`` alone.

    Empty where no other question has one.
    """
    count = len(records)
    draw = int.from_bytes(blake2b(record.id.encode(), digest_size=8).digest())
    for step in range(count):
        other = records[(draw + step) % count]
        if other.question != record.question and other.candidates:
            return other.candidates[draw // count % len(other.candidates)]
    return ""


def human_answer(record: Record) -> str:
    """Return the record's first answer; empty where there is none."""
    return record.answers[0] if record.answers else ""
