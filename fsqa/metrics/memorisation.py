"""Whether a model knows what it was trained on better than what it was not: the gap that tells of memorising."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fsqa.errors import InputError
from fsqa.metrics.base import Row, Scorer


@dataclass(frozen=True, kw_only=True)
class Memorisation(Scorer):
    """Has training questions answered too, so that their scores stand beside those of validation and test."""

    examples: int
    """How many training questions, evenly spaced over the split."""

    def __post_init__(self) -> None:
        if self.examples < 1:
            raise InputError(f"metrics.memorisation.examples: wanted 1 or more, got {self.examples}")

    @property
    def training_questions(self) -> int:
        """How many training questions are answered too."""
        return self.examples

    def figures(self, rows: Sequence[Row]) -> dict[str, float]:
        """Return nothing of a single split: the gap is between two."""
        return {}


def gap(train: dict[str, float], validation: dict[str, float]) -> dict[str, float]:
    """Return by how much each figure of the training split exceeds that of validation."""
    return {name: train[name] - validation[name] for name in train if name in validation and name != "examples"}
