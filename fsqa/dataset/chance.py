"""Chance that hangs on a seed and a text alone: the same draw wherever the text stands and whatever came before it."""

from __future__ import annotations

from hashlib import blake2b
from random import Random
from typing import TYPE_CHECKING, TypeVar, final

if TYPE_CHECKING:
    from collections.abc import Sequence

Choice = TypeVar("Choice")


def rank(seed: int, purpose: str, text: str) -> int:
    """Return 64 even bits; texts in the order of their ranks are shuffled, and alike in every set that holds them."""
    return int.from_bytes(blake2b(f"{purpose}:{seed}:{text}".encode(), digest_size=8).digest(), "big")


@final
class Chance:
    """The random numbers of one text for one purpose."""

    def __init__(self, seed: int, purpose: str, text: str) -> None:
        # random() alone is used: of all that Random draws, it is what Python promises never to change.
        self._numbers = Random(rank(seed, purpose, text))

    def happens(self, probability: float) -> bool:
        """Say whether something of this probability happens now."""
        return self._numbers.random() < probability

    def below(self, size: int) -> int:
        """Return one of 0..size-1, all equally likely."""
        return int(self._numbers.random() * size)

    def one_of(self, choices: Sequence[Choice]) -> Choice:
        """Return one of the choices, all equally likely."""
        return choices[self.below(len(choices))]
