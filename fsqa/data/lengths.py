"""How long things are: a histogram that takes as little memory for a million rows as for a thousand."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction


@dataclass(frozen=True)
class Lengths:
    """Lengths by how often they occur."""

    counts: Counter[int] = field(default_factory=Counter)

    def add(self, lengths: Iterable[int]) -> None:
        """Take in further lengths."""
        self.counts.update(lengths)

    def __bool__(self) -> bool:
        return bool(self.counts)

    @property
    def mean(self) -> float:
        """Return the mean length."""
        return sum(length * count for length, count in self.counts.items()) / self.counts.total()

    def holding(self, share: Fraction) -> int:
        """Return the shortest length that a share of all rows does not exceed: of one half, the (lower) median."""
        wanted, held = math.ceil(share * self.counts.total()), 0
        for length in sorted(self.counts):
            held += self.counts[length]
            if held >= wanted:
                return length
        raise ValueError("there is no length")

    def above(self, limit: int) -> int:
        """Count the rows that are longer than ``limit``."""
        return sum(count for length, count in self.counts.items() if length > limit)

    def summary(self) -> dict[str, float]:
        """Return mean, median, what 95 % of the rows do not exceed, and the longest; empty when there is no row."""
        if not self:
            return {}
        return {
            "mean": self.mean,
            "median": self.holding(Fraction(1, 2)),
            "percentile_95": self.holding(Fraction(95, 100)),
            "longest": max(self.counts),
        }


def pooled(parts: Iterable[Lengths]) -> Lengths:
    """Return the lengths of several histograms in one."""
    whole = Lengths()
    for part in parts:
        whole.counts.update(part.counts)
    return whole
