"""A few records of a split as the prompt lays them out, drawn so that every kind has its turn."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fsqa.data.batches import collate
from fsqa.data.examples import Examples
from fsqa.data.records import Records
from fsqa.data.row_lengths import Tokenised
from fsqa.loss.base import Loss
from fsqa.types import Record, Role, Split

SEED = 0


@dataclass(frozen=True)
class Piece:
    """A text of a row that has one role."""

    role: str
    text: str
    counts: bool
    """Whether any of its tokens has a weight in the loss."""


@dataclass(frozen=True)
class Sample:
    """One record as text, and how many tokens of its row count under a loss."""

    id: str
    kind: str
    pieces: tuple[Piece, ...]
    tokens: dict[str, int]
    """Tokens of its row by role; nothing where the data could not be tokenised."""
    counting: dict[str, int]
    """Those of them that have a weight in the loss."""


def draw_records(records: Records, count: int, seed: int = SEED) -> list[int]:
    """Return the numbers of ``count`` records drawn with ``seed``: one of each kind, then a second of each."""
    numbers: dict[str, int] = {}
    kinds = np.array([numbers.setdefault(kind, len(numbers)) for kind in records.column("kind")], np.int64)
    order = np.random.default_rng(seed).permutation(len(kinds))
    by_kind = order[np.argsort(kinds[order], kind="stable")]
    sizes = np.bincount(kinds)
    turns = np.empty_like(kinds)
    turns[by_kind] = np.arange(len(kinds)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    drawn = order[np.argsort(turns[order], kind="stable")][:count]
    return sorted(int(number) for number in drawn)


def plain_sample(record: Record) -> Sample:
    """Return a record without a prompt: its own texts."""
    answer = record.answers[0] if record.answers else ""
    texts = {"prompt": record.question, "context": record.context, "answer": answer}
    pieces = tuple(Piece(role, text, counts=False) for role, text in texts.items() if text)
    return Sample(record.id, record.kind, pieces, {}, {})


def tokenised_sample(record: Record, number: int, split: Split, tokenised: Tokenised, loss: Loss) -> Sample:
    """Return a record as it is laid out, with the tokens of its row; of several rows, of the one with most answer."""
    examples, encoder = tokenised.examples[split], tokenised.encoder
    rows = np.array([_row_of(number, examples)])
    batch = collate(examples, rows, rows, encoder.end_id)
    ids, roles, counts = batch.ids[0], batch.roles[0], loss.weigh(batch)[0] > 0
    prompt = tokenised.layout(record)
    behind = {role.name.lower(): bool(counts[1:][roles[1:] == role].any()) for role in Role}
    texts = [(segment.role.name.lower(), segment.text) for segment in (*prompt.given, *prompt.answer)]
    texts.append(("end", encoder.tokenizer.decode([encoder.end_id])))
    pieces = [Piece(role, text, behind[role]) for role, text in texts if text]
    if prompt.start and int(ids[0]) == encoder.start_id:
        opening = encoder.tokenizer.decode([encoder.start_id])
        pieces.insert(0, Piece("prompt", opening, counts=bool(counts[0])))
    return Sample(
        id=record.id,
        kind=record.kind,
        pieces=tuple(pieces),
        tokens={role.name.lower(): n for role in Role if (n := int((roles == role).sum()))},
        counting={role.name.lower(): n for role in Role if (n := int(counts[roles == role].sum()))},
    )


def _row_of(number: int, examples: Examples) -> int:
    """Return the row that holds most of a record's answer; of a block, the one that its text begins in."""
    first, behind = np.searchsorted(examples.records, [number, number + 1])
    if first == behind:
        return int(first) - 1
    return int(first + examples.target_counts[first:behind, Role.ANSWER].argmax())
