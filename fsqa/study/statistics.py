"""Means with intervals over seeds and examples, paired differences, and what is left of them after many comparisons."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from fsqa.study.bootstrap import RESAMPLES, resampled_means
from fsqa.study.permutation import FLIPS, p_values
from fsqa.study.spread import ScoreTable, Spread, linearised, spread

LEVEL = 0.95
POWER = 0.8
ALPHA = 0.05


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over seeds with its interval."""

    mean: float
    low: float | None
    """``None`` where nothing is known about the spread: one value, and no examples behind it."""
    high: float | None
    values: tuple[float, ...]
    """One value per seed."""
    examples: int = 0
    """Examples that the interval was drawn over, beside the seeds; 0 where it stands on the values alone."""

    @property
    def count(self) -> int:
        """Number of seeds."""
        return len(self.values)

    @property
    def half_width(self) -> float | None:
        """Half the width of the interval: the figure after ±."""
        return None if self.low is None or self.high is None else (self.high - self.low) / 2

    @property
    def of_examples_alone(self) -> bool:
        """Whether the interval has nothing of the spread over seeds, because there is one."""
        return self.count == 1 and self.low is not None


@dataclass(frozen=True, slots=True)
class Difference:
    """A mean paired difference, its interval, and how clearly it is one."""

    mean: float
    low: float
    high: float
    seeds: int
    """Seeds that both sides ran; with one, the interval covers the choice of examples alone."""
    examples: int
    """Examples that both sides answered."""
    p: float
    """Two-sided p-value of no difference, by paired permutation over examples and seeds."""
    adjusted: float | None
    """``p`` corrected for the other comparisons of its family by Holm; ``None`` outside a family."""
    detectable: float
    """The smallest true difference that these runs would have found with 80 % power at two-sided 5 %."""

    @property
    def settled(self) -> bool:
        """Whether the interval leaves out zero and the p-value, corrected where it is, is at most 0.05."""
        return (self.low > 0 or self.high < 0) and (self.p if self.adjusted is None else self.adjusted) <= ALPHA

    @property
    def reversed(self) -> "Difference":
        """The same comparison, seen from the other side."""
        return replace(self, mean=-self.mean, low=-self.high, high=-self.low)


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
    from scipy.special import stdtrit

    deviation = math.sqrt(math.fsum((value - mean) ** 2 for value in own) / (len(own) - 1))
    half = float(stdtrit(len(own) - 1, (1 + level) / 2)) * deviation / math.sqrt(len(own))
    return Estimate(mean, mean - half, mean + half, own)


def cell_estimate(
    scores: ScoreTable,
    weights: NDArray[np.float64] | None = None,
    *,
    level: float = LEVEL,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Estimate:
    """Return the mean of ``scores`` (seeds, examples) with its interval by hierarchical bootstrap; see ``estimates``.

    ``weights``, of shape (examples,) or that of the scores, weigh the examples of every seed.
    """
    given = scores.astype(np.float64) if weights is None else linearised(scores.astype(np.float64), weights)
    return next(estimates([given], level=level, resamples=resamples, seed=seed))


def estimates(
    each: Sequence[ScoreTable], *, level: float = LEVEL, resamples: int = RESAMPLES, seed: int = 0
) -> Iterator[Estimate]:
    """Yield the estimate of every table of scores (seeds, examples), all with as many examples.

    The bootstrap over seeds, then examples, gives the interval its shape. Its width is corrected, because resamples of
    few seeds spread too little: to the standard error and the quantiles of ``Spread``. Scores that all lie in [0, 1]
    keep their interval there, and it reaches at least as far as Wilson's for a share, with as many independent
    examples as explain the variance (the effective sample size of Korn and Graubard, 1998): near 0 and 1, and where no
    score differs from another, resamples know nothing of what was not drawn.
    """
    for scores, means in zip(each, resampled_means(each, resamples, seed), strict=True):
        own = spread(scores)
        low, high = _stretched(own, means, level)
        if scores.min() >= 0 and scores.max() <= 1:
            wilson = _wilson(own, level)
            low, high = max(min(low, wilson[0]), 0.0), min(max(high, wilson[1]), 1.0)
        yield Estimate(own.mean, low, high, tuple(scores.mean(axis=1).tolist()), own.examples)


def paired_difference(
    candidate: ScoreTable, baseline: ScoreTable, *, level: float = LEVEL, resamples: int = RESAMPLES, seed: int = 0
) -> Difference:
    """Return the mean of ``candidate - baseline``; see ``paired_differences``."""
    return paired_differences([(candidate, baseline)], level=level, resamples=resamples, seed=seed)[0]


def paired_differences(
    pairs: Sequence[tuple[ScoreTable, ScoreTable]],
    *,
    level: float = LEVEL,
    resamples: int = RESAMPLES,
    flips: int = FLIPS,
    seed: int = 0,
) -> list[Difference]:
    """Return the mean of ``candidate - baseline`` for every pair, with interval, p-value and detectable difference.

    Both are of shape (seeds, examples), row for row the same seed and column for column the same example; all pairs
    have as many examples. The interval is that of ``estimates``; where scores in [0, 1] differ alike in all examples it
    reaches as far as the share of examples that may yet do otherwise, and never beyond [-1, 1]. The detectable
    difference is the standard error times the quantiles that the test and its power need. Raises ``ValueError`` when
    shapes differ or are empty.
    """
    for candidate, baseline in pairs:
        if candidate.shape != baseline.shape or candidate.ndim != 2 or candidate.size == 0:
            raise ValueError(f"expected two equal shapes (seeds, examples), got {candidate.shape} and {baseline.shape}")
    tables = [candidate.astype(np.float64) - baseline for candidate, baseline in pairs]
    found = []
    resampled = resampled_means(tables, resamples, seed)
    for (candidate, baseline), table, p, means in zip(
        pairs, tables, p_values(tables, flips, seed), resampled, strict=True
    ):
        shares = min(candidate.min(), baseline.min()) >= 0 and max(candidate.max(), baseline.max()) <= 1
        own = spread(table)
        low, high = _stretched(own, means, level)
        detectable = own.error * float(own.quantile(1 - ALPHA / 2) + own.quantile(POWER))
        if shares and own.variance == 0:
            unseen = _unseen(own.examples, level)
            low, high, detectable = low - unseen, high + unseen, unseen
        if shares:
            low, high = max(low, -1.0), min(high, 1.0)
        found.append(Difference(own.mean, low, high, own.seeds, own.examples, p, None, detectable))
    return found


def holm(differences: Mapping[str, Difference]) -> dict[str, Difference]:
    """Return the same differences with ``adjusted`` set: p-values corrected for their number by Holm (1979)."""
    adjusted: dict[str, Difference] = {}
    reached = 0.0
    for place, label in enumerate(sorted(differences, key=lambda label: differences[label].p)):
        reached = max(reached, min(1.0, (len(differences) - place) * differences[label].p))
        adjusted[label] = replace(differences[label], adjusted=reached)
    return {label: adjusted[label] for label in differences}


def _stretched(own: Spread, means: NDArray[np.float64], level: float) -> tuple[float, float]:
    """Return the quantiles of resampled means, moved out until they are as wide as the spread says."""
    from scipy.special import ndtri

    outer = (1 + level) / 2
    half, deviation = own.error * float(own.quantile(outer)), float(means.std())
    if deviation <= 1e-9 * own.error or deviation == 0:
        return own.mean - half, own.mean + half
    low, high = np.quantile(means, [1 - outer, outer]) - own.mean
    wider = half / (deviation * float(ndtri(outer)))
    return own.mean + wider * float(low), own.mean + wider * float(high)


def _wilson(own: Spread, level: float) -> tuple[float, float]:
    """Return Wilson's interval (1927) of a share, for as many draws as would have had the variance."""
    from scipy.special import ndtri

    most, share = own.seeds * own.examples, min(max(own.mean, 0.0), 1.0)
    binomial = share * (1 - share)
    size = min(binomial / own.variance, most) if binomial > 0 and own.variance > 0 else own.examples
    squared = float(ndtri((1 + level) / 2)) ** 2
    middle = (share + squared / (2 * size)) / (1 + squared / size)
    half = math.sqrt(squared * (binomial / size + squared / (4 * size**2))) / (1 + squared / size)
    return middle - half, middle + half


def _unseen(examples: int, level: float) -> float:
    """Return the share of examples that may do what none was seen to do: Wilson's limit (1927) for none of them."""
    from scipy.special import ndtri

    squared = float(ndtri((1 + level) / 2)) ** 2
    return squared / (examples + squared)
