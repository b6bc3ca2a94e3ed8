"""One row a record: the given text, then the answer and its end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fsqa.encode.base import Encoder, example
from fsqa.encode.pieces import Pieces, concatenated, pieces_of
from fsqa.encode.rows import Rows
from fsqa.errors import InputError
from fsqa.types import Example, Prompt, Role

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CUT_FIRST = (Role.CONTEXT, Role.PROMPT)
"""What gives way when a row is too long, in this order; the answer never does."""


class SequenceEncoder(Encoder):
    """Rows for a decoder: what is given, the answer, and the end token.

    The mask is right by construction: every token gets the role of the segment it was tokenised in, so no
    merge can cross a boundary, and generation sees exactly the ids that training saw before the answer.
    """

    def examples(self, prompts: Sequence[Prompt], names: Sequence[str]) -> Rows:
        """Encode rows to train or score on: given text, answer and end token, at most ``max_length`` tokens.

        Raises InputError, naming the row, when the answer alone does not fit or comes out empty.
        """
        import numpy as np

        laid = _laid_out(prompts)
        ends = pieces_of([[self.start_id], [self.end_id]])
        pieces = concatenated([ends, self.memory.pieces(laid.texts)]).chosen(laid.pieces)
        of_rows = np.repeat(np.arange(len(prompts)), laid.sizes)
        answers = _summed(of_rows, pieces.lengths * (laid.roles == Role.ANSWER), len(prompts))
        excess = np.maximum(_summed(of_rows, pieces.lengths, len(prompts)) - self.max_length, 0)
        fits = (answers > 0) & (answers + 2 <= self.max_length)
        pieces = _cut(pieces, laid, prompts, np.flatnonzero((excess > 0) & fits), excess)
        rows = pieces.joined(laid.sizes)
        roles = np.repeat(laid.roles, pieces.lengths)
        ended = (rows.values == self.end_id) & (roles == Role.ANSWER)
        if not fits.all() or ended.any():
            refused = ~fits
            refused[np.searchsorted(rows.starts, np.flatnonzero(ended), side="right") - 1] = True
            first = int(np.argmax(refused))
            self._refuse(prompts[first], rows[first][roles[rows.span(first)] == Role.ANSWER].tolist(), names[first])
        none = np.zeros(len(prompts), np.int64)
        return Rows(rows.values, roles, rows.lengths, excess, np.arange(len(prompts)), none)

    def questions(self, prompts: Sequence[Prompt], room: int) -> list[Example]:
        """Encode what a model is asked with: everything before the answer, leaving ``room`` tokens for it."""
        pieces = self.tokenize([[s.text for s in prompt.given] for prompt in prompts])
        return [self._question(prompt, ids, room) for prompt, ids in zip(prompts, pieces, strict=True)]

    def _refuse(self, prompt: Prompt, answer: list[int], name: str) -> None:
        """Raise InputError for a row whose answer cannot stand in it."""
        self.check_answer(prompt, answer, name)
        raise InputError(
            f"{name}: the answer has {len(answer)} tokens and its end token 1, which does not fit beside any "
            f"prompt in max_length={self.max_length}; raise max_length or drop the row"
        )

    def _question(self, prompt: Prompt, pieces: list[list[int]], room: int) -> Example:
        return example(*self._given(prompt, pieces, max(1, self.max_length - room)))

    def _given(self, prompt: Prompt, pieces: list[list[int]], room: int) -> tuple[list[int], list[int], int]:
        """Join the start token and the given pieces, cut to ``room`` tokens (1 or more)."""
        ids = [self.start_id] if prompt.start else []
        roles = [int(Role.PROMPT)] * len(ids)
        excess = max(0, len(ids) + sum(map(len, pieces)) - room)
        kept = cut_given(prompt, pieces, excess)
        for segment, piece in zip(prompt.given, kept, strict=True):
            ids += piece
            roles += [int(segment.role)] * len(piece)
        return ids, roles, excess


def cut_given(prompt: Prompt, pieces: list[list[int]], excess: int) -> list[list[int]]:
    """Drop ``excess`` tokens, context first, from the left: the end of a question, and what follows it, tells most."""
    return [piece[cut:] for piece, cut in zip(pieces, _cuts(prompt, list(map(len, pieces)), excess), strict=True)]


def _cuts(prompt: Prompt, lengths: Sequence[int], excess: int) -> list[int]:
    """Return how many tokens go from each given piece."""
    cuts = [0] * len(lengths)
    for role in CUT_FIRST:
        for i, segment in enumerate(prompt.given):
            if segment.role is role:
                cuts[i] = min(excess, lengths[i])
                excess -= cuts[i]
    return cuts


def _cut(
    pieces: Pieces, laid: _LaidOut, prompts: Sequence[Prompt], rows: NDArray[np.int64], excess: NDArray[np.int64]
) -> Pieces:
    """Cut what is given in rows that are too long."""
    import numpy as np

    if not len(rows):
        return pieces
    firsts = np.cumsum(laid.sizes) - laid.sizes
    cuts = np.zeros(len(pieces), np.int64)
    for row in rows:
        prompt = prompts[row]
        begin = int(firsts[row]) + prompt.start
        given = slice(begin, begin + len(prompt.given))
        cuts[given] = _cuts(prompt, pieces.lengths[given].tolist(), int(excess[row]))
    return pieces.cut(cuts)


@dataclass(frozen=True)
class _LaidOut:
    """Which pieces stand in the rows, one row after another."""

    texts: list[str]
    """All that is to be tokenised, each text once."""
    pieces: NDArray[np.int64]
    """The number of each piece: 0 is the start token, 1 the end token, 2 the first of the texts."""
    roles: NDArray[np.uint8]
    """Of each piece."""
    sizes: NDArray[np.int64]
    """Pieces of each row."""


def _laid_out(prompts: Sequence[Prompt]) -> _LaidOut:
    import numpy as np

    numbers: dict[str, int] = {}
    pieces: list[int] = []
    roles = bytearray()
    sizes: list[int] = []
    prompted, answered, ended = map(int, (Role.PROMPT, Role.ANSWER, Role.END))
    for prompt in prompts:
        before = len(pieces)
        if prompt.start:
            pieces.append(0)
            roles.append(prompted)
        for segment in prompt.given:
            pieces.append(numbers.setdefault(segment.text, len(numbers) + 2))
            roles.append(segment.role)
        for segment in prompt.answer:
            pieces.append(numbers.setdefault(segment.text, len(numbers) + 2))
            roles.append(answered)
        pieces.append(1)
        roles.append(ended)
        sizes.append(len(pieces) - before)
    return _LaidOut(
        list(numbers), np.array(pieces, np.int64), np.frombuffer(roles, np.uint8), np.array(sizes, np.int64)
    )


def _summed(of_rows: NDArray[np.int64], numbers: NDArray[np.int64], rows: int) -> NDArray[np.int64]:
    """Add up the numbers of each row."""
    import numpy as np

    return np.bincount(of_rows, numbers, rows).astype(np.int64)
