"""How long the rows are that a dataset makes: in tokens, part by part, before anything is cut."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import compress, islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fsqa.data.examples import Examples
from fsqa.data.lengths import Lengths, pooled
from fsqa.data.records import CHUNK, Records
from fsqa.encode.base import Encoder
from fsqa.encode.blocks import BlockEncoder
from fsqa.encode.masked import MaskedEncoder
from fsqa.encode.windows import SPECIALS, WindowEncoder
from fsqa.prompt.base import BoundLayout
from fsqa.types import Prompt, Record, Role, Split

MEASURED = (Role.PROMPT, Role.CONTEXT, Role.ANSWER)
"""Roles of what has a length of its own."""


@dataclass(frozen=True)
class RowLengths:
    """Tokens of the parts of a split's rows, as the prompt lays them out."""

    prompt: Lengths = field(default_factory=Lengths)
    """Question, template, and the special tokens that open and part a row."""
    context: Lengths = field(default_factory=Lengths)
    answer: Lengths = field(default_factory=Lengths)
    """The answer that is trained on; of plain text, the text."""
    row: Lengths = field(default_factory=Lengths)
    """What ``max_length`` has to be for the whole row, with all its special tokens."""

    @property
    def one_token_answers(self) -> float:
        """The share of answers that are a single token, of those that are there."""
        return self.answer.counts[1] / self.answer.counts.total() if self.answer else 0.0

    def parts(self) -> dict[str, Lengths]:
        """Return the lengths by the names of what they are lengths of."""
        return {"prompt": self.prompt, "context": self.context, "answer": self.answer, "row": self.row}

    def summary(self) -> dict[str, Any]:
        """Return it as plain values."""
        parts = {name: lengths.summary() for name, lengths in self.parts().items()}
        return {**parts, "one_token_answers": self.one_token_answers}


@dataclass(frozen=True)
class Tokenised:
    """The rows of the three splits as they are trained on, and their lengths before they were cut."""

    lengths: dict[Split, RowLengths]
    examples: dict[Split, Examples]
    """Nothing where a row would stop a run; lengths there are all the same."""
    encoder: Encoder
    layout: BoundLayout
    refusal: str | None = None
    """Why a row would stop a run."""

    @property
    def unit(self) -> str:
        """What a row is: the whole of a record, a window of its document, or a block of several records."""
        if isinstance(self.encoder, BlockEncoder):
            return "block"
        return "window" if isinstance(self.encoder, WindowEncoder) else "row"

    @property
    def cut(self) -> dict[Split, int]:
        """How many rows of each split lose something to ``max_length``."""
        return {split: int(examples.summary["truncated_rows"]) for split, examples in self.examples.items()}

    def length_that_cuts(self, share: Fraction) -> int:
        """Return the least ``max_length`` that cuts no more than a share of all splits' rows."""
        return pooled(lengths.row for lengths in self.lengths.values()).holding(1 - share)


def row_lengths(records: Records, examples: Examples | None, layout: BoundLayout, encoder: Encoder) -> RowLengths:
    """Measure the rows of a split before anything was cut.

    A row that is stored whole is measured as it stands there; the records of all others are tokenised again.
    """
    lengths = RowLengths()
    if examples is None:
        _count_again(iter(records), layout, encoder, lengths)
        return lengths
    whole = _stored_whole(examples, encoder)
    _count_stored(examples, whole, encoder, lengths)
    if not whole.all():
        _count_again(compress(records, ~whole) if whole.any() else iter(records), layout, encoder, lengths)
    return lengths


def _stored_whole(examples: Examples, encoder: Encoder) -> NDArray[np.bool_]:
    """Tell which rows have surely lost nothing: those that end, with room left. Windows and blocks never tell."""
    if isinstance(encoder, WindowEncoder | BlockEncoder):
        return np.zeros(len(examples), np.bool_)
    counts = examples.target_counts
    ends = counts[:, Role.END] == 1
    if isinstance(encoder, MaskedEncoder):
        given = examples.lengths - counts[:, Role.ANSWER] - counts[:, Role.END]
        return ends & (given + encoder.masks + 1 < encoder.max_length)
    return ends & (examples.lengths < encoder.max_length)


def _count_stored(examples: Examples, rows: NDArray[np.bool_], encoder: Encoder, lengths: RowLengths) -> None:
    chosen = np.flatnonzero(rows)
    counts = examples.target_counts[chosen]
    first = np.fromiter((examples[int(row)].roles[0] for row in chosen), np.int64, len(chosen))
    counts[np.arange(len(chosen)), first] += 1
    prompt, context, answer = (counts[:, role] for role in MEASURED)
    end = encoder.masks + 1 - answer if isinstance(encoder, MaskedEncoder) else counts[:, Role.END]
    row = prompt + context + answer + end
    for part, sizes in zip(lengths.parts().values(), (prompt, context, answer, row), strict=True):
        found, often = np.unique(sizes[sizes > 0], return_counts=True)
        part.counts.update(dict(zip(found.tolist(), often.tolist(), strict=True)))


def _count_again(records: Iterator[Record], layout: BoundLayout, encoder: Encoder, lengths: RowLengths) -> None:
    """Tokenise the texts of records on their own; one that a chunk repeats is tokenised once."""
    while chunk := list(islice(records, CHUNK)):
        prompts = [layout(record) for record in chunk]
        texts = dict.fromkeys(segment.text for prompt in prompts for segment in (*prompt.given, *prompt.answer))
        pieces = encoder.tokenize([[text] for text in texts])
        tokens = {text: len(piece) for text, (piece,) in zip(texts, pieces, strict=True)}
        for prompt in prompts:
            sizes = dict.fromkeys(MEASURED, 0)
            for segment in (*prompt.given, *prompt.answer):
                sizes[segment.role] += tokens[segment.text]
            _count(prompt, sizes, encoder, lengths)


def _count(prompt: Prompt, sizes: Mapping[Role, int], encoder: Encoder, lengths: RowLengths) -> None:
    """Take in one record: the tokens of its parts, and those of the whole row with all that opens and closes it."""
    asked, context, answer = (sizes[role] for role in MEASURED)
    given, behind = asked + int(prompt.start), answer + 1
    row = given + context + behind
    if isinstance(encoder, MaskedEncoder):
        given += 1
        row = given + context + encoder.masks + 1
    if isinstance(encoder, WindowEncoder):
        given = asked + SPECIALS
        row = min(asked, encoder.max_question_tokens) + SPECIALS + context
    for part, size in zip(lengths.parts().values(), (given, context, answer, row), strict=True):
        if size:
            part.counts[size] += 1
