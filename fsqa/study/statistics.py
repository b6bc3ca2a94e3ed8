"""Means with intervals: over seeds, and of paired differences over seeds and examples."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over seeds with its interval."""

    mean: float
    low: float | None
    """``None`` with one value, where nothing is known about the spread."""
    high: float | None
    values: tuple[float, ...]
    """One value per seed."""

    @property
    def count(self) -> int:
        """Number of seeds."""
        return len(self.values)

    @property
    def half_width(self) -> float | None:
        """Half the width of the interval: the figure after ±."""
        return None if self.high is None else self.high - self.mean


@dataclass(frozen=True, slots=True)
class Difference:
    """A mean paired difference with its bootstrap interval."""

    mean: float
    low: float
    high: float
    seeds: int
    """Seeds that both sides ran; with one, the interval covers the choice of examples alone."""
    examples: int
    """Examples that both sides answered."""

    @property
    def settled(self) -> bool:
        """Whether the interval leaves out zero."""
        return self.low > 0 or self.high < 0


def mean_with_interval(values: Sequence[float], level: float = LEVEL) -> Estimate:
    """Return the mean of ``values`` (one per seed) with its two-sided Student-t interval at ``level``.

    With one value, or values that are not finite, there is no interval. Raises ``ValueError`` without values.
    """
    if not values:
        raise ValueError("a mean needs at least one value")
    own = tuple(float(value) for value in values)
    mean = math.fsum(own) / len(own) if all(math.isfinite(value) for value in own) else float(np.mean(own))
    if len(own) == 1 or not math.isfinite(mean):
        return Estimate(mean, None, None, own)
    from scipy.stats import t

    deviation = math.sqrt(math.fsum((value - mean) ** 2 for value in own) / (len(own) - 1))
    half = float(t.ppf((1 + level) / 2, len(own) - 1)) * deviation / math.sqrt(len(own))
    return Estimate(mean, mean - half, mean + half, own)


def paired_difference(
    candidate: NDArray[np.float64],
    baseline: NDArray[np.float64],
    *,
    level: float = LEVEL,
    resamples: int = 4000,
    seed: int = 0,
) -> Difference:
    """Return the mean of ``candidate - baseline`` with a hierarchical bootstrap interval.

    Both are of shape (seeds, examples), row for row the same seed and column for column the same example. Every
    resample draws seeds, then examples; the drawn examples are the same for all seeds, as they were in the runs.
    Raises ``ValueError`` when the shapes differ or are empty.
    """
    if candidate.shape != baseline.shape or candidate.ndim != 2 or candidate.size == 0:
        raise ValueError(f"expected two equal shapes (seeds, examples), got {candidate.shape} and {baseline.shape}")
    differences = candidate.astype(np.float64) - baseline.astype(np.float64)
    seeds, examples = differences.shape
    generator = np.random.default_rng(seed)
    means = []
    # counts of resampled examples are resamples x examples: drawn in pieces of at most some 2 million numbers
    piece = max(1, 2_000_000 // examples)
    for start in range(0, resamples, piece):
        size = min(piece, resamples - start)
        seed_counts = generator.multinomial(seeds, np.full(seeds, 1 / seeds), size=size)
        example_counts = generator.multinomial(examples, np.full(examples, 1 / examples), size=size)
        means.append(((seed_counts @ differences) * example_counts).sum(axis=1) / (seeds * examples))
    low, high = np.quantile(np.concatenate(means), [(1 - level) / 2, (1 + level) / 2])
    return Difference(float(differences.mean()), float(low), float(high), seeds, examples)
