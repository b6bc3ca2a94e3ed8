"""From a prompt to token ids and roles: segments are tokenised apart and joined."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

import numpy as np

from fsqa.errors import InputError
from fsqa.types import Example, Prompt, Record, Role

CUT_FIRST = (Role.CONTEXT, Role.PROMPT)
"""What gives way when a row is too long, in this order; the answer never does."""


class Encoder:
    """Turns prompts into examples with one tokenizer and one maximum length.

    The mask is right by construction: every token gets the role of the segment it was tokenised in, so no
    merge can cross a boundary, and generation sees exactly the ids that training saw before the answer.
    """

    def __init__(self, *, tokenizer: Any, max_length: int) -> None:
        self.tokenizer = tokenizer
        self.max_length = max_length
        self.end_id: int = tokenizer.eos_token_id
        self.start_id: int = tokenizer.bos_token_id if tokenizer.bos_token_id is not None else tokenizer.eos_token_id

    def examples(self, prompts: Sequence[Prompt], names: Sequence[str]) -> list[Example]:
        """Encode rows to train or score on: given text, answer and end token, at most ``max_length`` tokens.

        Raises InputError, naming the row, when the answer alone does not fit or comes out empty.
        """
        texts = [[s.text for s in (*prompt.given, *prompt.answer)] for prompt in prompts]
        pieces = self._tokenize(texts)
        return [self._example(*row) for row in zip(prompts, pieces, names, strict=True)]

    def questions(self, prompts: Sequence[Prompt], room: int) -> list[Example]:
        """Encode what a model is asked with: everything before the answer, leaving ``room`` tokens for it."""
        pieces = self._tokenize([[s.text for s in prompt.given] for prompt in prompts])
        return [self._question(prompt, ids, room) for prompt, ids in zip(prompts, pieces, strict=True)]

    def decode(self, ids: Iterable[int]) -> str:
        """Turn generated ids into an answer: special tokens left out, outer white space stripped."""
        return str(self.tokenizer.decode(list(ids), skip_special_tokens=True)).strip()

    def _tokenize(self, texts: list[list[str]]) -> list[list[list[int]]]:
        """Tokenise every segment apart, all in one call, and group the pieces by row again."""
        flat = [text for row in texts for text in row]
        if not flat:
            return [[] for _ in texts]
        pieces = iter(self.tokenizer(flat, add_special_tokens=False, return_attention_mask=False)["input_ids"])
        return [list(islice(pieces, len(row))) for row in texts]

    def _example(self, prompt: Prompt, pieces: list[list[int]], name: str) -> Example:
        given = pieces[: len(prompt.given)]
        answer = [token for piece in pieces[len(prompt.given) :] for token in piece]
        if not answer:
            raise InputError(f"{name}: the answer {prompt.answer[0].text!r} has no token in this tokenizer")
        if self.end_id in answer:
            raise InputError(
                f"{name}: the answer holds the end token {self.tokenizer.decode([self.end_id])!r} itself, and would be "
                "cut there; take it out of the data"
            )
        room = self.max_length - len(answer) - 1
        if room < 1:
            raise InputError(
                f"{name}: the answer has {len(answer)} tokens and its end token 1, which does not fit beside any "
                f"prompt in max_length={self.max_length}; raise max_length or drop the row"
            )
        ids, roles, truncated = self._given(prompt, given, room)
        ids += [*answer, self.end_id]
        roles += [Role.ANSWER] * len(answer) + [Role.END]
        return _example(ids, roles, truncated)

    def _question(self, prompt: Prompt, pieces: list[list[int]], room: int) -> Example:
        return _example(*self._given(prompt, pieces, max(1, self.max_length - room)))

    def _given(self, prompt: Prompt, pieces: list[list[int]], room: int) -> tuple[list[int], list[int], int]:
        """Join the start token and the given pieces, cut to ``room`` tokens (1 or more)."""
        ids = [self.start_id] if prompt.start else []
        roles = [int(Role.PROMPT)] * len(ids)
        excess = max(0, len(ids) + sum(map(len, pieces)) - room)
        kept = _cut(prompt, pieces, excess)
        for segment, piece in zip(prompt.given, kept, strict=True):
            ids += piece
            roles += [int(segment.role)] * len(piece)
        return ids, roles, excess


def _cut(prompt: Prompt, pieces: list[list[int]], excess: int) -> list[list[int]]:
    """Drop ``excess`` tokens, context first, from the left: the end of a question, and what follows it, tells most."""
    kept = list(pieces)
    for role in CUT_FIRST:
        for i, segment in enumerate(prompt.given):
            if segment.role is role:
                cut = min(excess, len(kept[i]))
                kept[i] = kept[i][cut:]
                excess -= cut
    return kept


def _example(ids: list[int], roles: list[int], truncated: int) -> Example:
    return Example(ids=np.array(ids, np.int32), roles=np.array(roles, np.uint8), truncated=truncated)


def row_name(record: Record) -> str:
    """Name a record in an error message."""
    return f"row '{record.id}' ({record.question[:60]!r})"
