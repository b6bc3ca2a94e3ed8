"""One row a record: the given text, then the answer and its end."""

from __future__ import annotations

from collections.abc import Sequence

from fsqa.encode.base import Encoder, example
from fsqa.errors import InputError
from fsqa.types import Example, Prompt, Role

CUT_FIRST = (Role.CONTEXT, Role.PROMPT)
"""What gives way when a row is too long, in this order; the answer never does."""


class SequenceEncoder(Encoder):
    """Rows for a decoder: what is given, the answer, and the end token.

    The mask is right by construction: every token gets the role of the segment it was tokenised in, so no
    merge can cross a boundary, and generation sees exactly the ids that training saw before the answer.
    """

    def examples(self, prompts: Sequence[Prompt], names: Sequence[str]) -> list[Example]:
        """Encode rows to train or score on: given text, answer and end token, at most ``max_length`` tokens.

        Raises InputError, naming the row, when the answer alone does not fit or comes out empty.
        """
        pieces = self.tokenize([[s.text for s in (*prompt.given, *prompt.answer)] for prompt in prompts])
        return [self._example(*row, i) for i, row in enumerate(zip(prompts, pieces, names, strict=True))]

    def questions(self, prompts: Sequence[Prompt], room: int) -> list[Example]:
        """Encode what a model is asked with: everything before the answer, leaving ``room`` tokens for it."""
        pieces = self.tokenize([[s.text for s in prompt.given] for prompt in prompts])
        return [self._question(prompt, ids, room) for prompt, ids in zip(prompts, pieces, strict=True)]

    def _example(self, prompt: Prompt, pieces: list[list[int]], name: str, record: int) -> Example:
        given = pieces[: len(prompt.given)]
        answer = self.answer_tokens(prompt, pieces, name)
        room = self.max_length - len(answer) - 1
        if room < 1:
            raise InputError(
                f"{name}: the answer has {len(answer)} tokens and its end token 1, which does not fit beside any "
                f"prompt in max_length={self.max_length}; raise max_length or drop the row"
            )
        ids, roles, truncated = self._given(prompt, given, room)
        ids += [*answer, self.end_id]
        roles += [Role.ANSWER] * len(answer) + [Role.END]
        return example(ids, roles, truncated, record)

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
    kept = list(pieces)
    for role in CUT_FIRST:
        for i, segment in enumerate(prompt.given):
            if segment.role is role:
                cut = min(excess, len(kept[i]))
                kept[i] = kept[i][cut:]
                excess -= cut
    return kept
