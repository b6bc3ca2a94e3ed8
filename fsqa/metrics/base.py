"""What every scorer offers: figures beyond exact match and F1, over the answers of a whole split."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

from fsqa.types import Record

Row = dict[str, Any]
"""One line of ``predictions.jsonl``."""


class Scorer(ABC):
    """Figures of the answers to a split; made with the config, before torch is loaded."""

    needs_confidence: ClassVar[bool] = False
    """Whether rows must hold ``confidence``, the mean probability of the generated tokens, end token included."""

    @property
    def training_questions(self) -> int:
        """How many training questions must be answered too when a run ends."""
        return 0

    @property
    def measures(self) -> frozenset[str]:
        """Names of the figures it can give."""
        return frozenset()

    def columns(self, records: Sequence[Record], rows: Sequence[Row]) -> list[Row]:
        """Return, for each row, the columns to add to it: numbers, and what else JSON can hold."""
        return [{} for _ in rows]

    @abstractmethod
    def figures(self, rows: Sequence[Row]) -> dict[str, float]:
        """Return the figures of a split, by their names in the catalogue; the rows have their columns."""

    def baselines(self, train: Sequence[Record], test: Sequence[Record]) -> dict[str, list[str]]:
        """Return further do-nothing baselines: by name, what each says to every test record."""
        return {}

    def signatures(self, rows: Sequence[Row]) -> dict[str, str]:
        """Return, by figure, its exact protocol in the words of the package that computes it, for these rows."""
        return {}
