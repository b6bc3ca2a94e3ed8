"""Blocks: documents one after another in rows of the same length."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from fsqa.encode.base import Encoder, example
from fsqa.errors import InputError
from fsqa.types import Example, Prompt, Role

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

Rows = TypeVar("Rows", "NDArray[np.integer[Any]]", "Tensor")


class BlockEncoder(Encoder):
    """Cuts the stream ``document END document END ...`` into blocks of ``max_length`` tokens; the rest is a last block.

    Nothing is dropped. Where a cut falls within a document, the next block repeats the one token before it, so that
    every token is a target exactly once; further back the model does not see: a document that goes on in another block
    starts afresh there. ``Example.record`` is the first document of a block; the others follow in their order, each
    after an END (see :func:`document_numbers`).

    Isolated documents share a block as if each had it alone: their first tokens have the role OPENING, which nothing
    predicts. Otherwise the stream is one text, and each document's first token is predicted from the one before.
    """

    def __init__(self, *, tokenizer: Any, max_length: int, isolated: bool) -> None:
        super().__init__(tokenizer=tokenizer, max_length=max_length)
        self.isolated = isolated

    @property
    def fingerprint(self) -> list[object]:
        """Isolation shows in the roles, too."""
        return [*super().fingerprint, self.isolated]

    def examples(self, prompts: Sequence[Prompt], names: Sequence[str]) -> list[Example]:
        """Encode documents as blocks. Raises InputError, naming the document, for one that has no token.

        The stream ends with the last of ``prompts``: what is encoded in several calls never shares a block.
        """
        texts = self.tokenize([[segment.text for segment in (*p.given, *p.answer)] for p in prompts])
        ids: list[int] = []
        roles: list[int] = []
        documents: list[int] = []
        for number, (prompt, pieces, name) in enumerate(zip(prompts, texts, names, strict=True)):
            own = self._document(prompt, pieces, name)
            ids += own[0]
            roles += own[1]
            documents += [number] * len(own[0])
        return [example(ids[a:b], roles[a:b], record=documents[a]) for a, b in self._cuts(roles)]

    def _document(self, prompt: Prompt, pieces: list[list[int]], name: str) -> tuple[list[int], list[int]]:
        text = [token for piece in pieces for token in piece]
        if not text:
            raise InputError(f"{name}: the text has no token in this tokenizer; leave the document out")
        if self.end_id in text:
            raise InputError(
                f"{name}: the text holds the end token {self.tokenizer.decode([self.end_id])!r} itself, and would be "
                "taken for two documents; take it out of the data"
            )
        ids = [*([self.start_id] if prompt.start else []), *text, self.end_id]
        roles = [int(Role.PROMPT)] * prompt.start + [int(Role.ANSWER)] * len(text) + [int(Role.END)]
        if self.isolated:
            roles[0] = int(Role.OPENING)
        return ids, roles

    def _cuts(self, roles: list[int]) -> Iterator[tuple[int, int]]:
        """Yield where each block begins and ends in the stream."""
        first, end = 0, len(roles)
        while first < end:
            stop = min(first + self.max_length, end)
            yield first, stop
            if stop == end:
                return
            # An isolated document that begins with the block sees nothing before it, so nothing is repeated.
            first = stop if roles[stop] == Role.OPENING else stop - 1


def document_numbers(roles: Rows) -> Rows:
    """Count, along the last axis, the documents that ended before each token: the number of the one it belongs to."""
    ended = roles == Role.END
    return ended.cumsum(-1) - ended * 1
