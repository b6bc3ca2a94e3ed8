"""How far a mean over seeds and examples may be off: its variance, and the quantiles that go with it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

ScoreTable = NDArray[np.float64]
"""Figures of shape (seeds, examples): row for row a run, column for column the same example in all runs."""

LEAST = 0.25
"""Share of the variance over examples that is kept where runs agree: so few seeds can agree by luck."""


@dataclass(frozen=True, slots=True)
class Spread:
    """The mean of scores over seeds and examples, and how sure it is."""

    mean: float
    variance: float
    """Estimated variance of the mean over other seeds and other examples."""
    of_seeds: float
    """Share of the variance that is known from the seeds alone, and so with few degrees of freedom."""
    seeds: int
    examples: int

    @property
    def error(self) -> float:
        """Standard error of the mean."""
        return float(np.sqrt(self.variance))

    def quantile(self, share: float | NDArray[np.float64]) -> NDArray[np.float64]:
        """Return how many standard errors the mean lies at most above the truth with probability ``share``.

        Of Student's t with the degrees of freedom of the seeds and with those of the examples, each weighted by its
        share of the variance: Cochran's solution for a sum of two estimated variances (Cochran and Cox, Experimental
        Designs, 1950, section 4.14), which errs on the safe side.
        """
        from scipy.special import stdtrit

        over_examples = stdtrit(self.examples - 1, share)
        if self.seeds == 1:
            return np.asarray(over_examples)
        return np.asarray(self.of_seeds * stdtrit(self.seeds - 1, share) + (1 - self.of_seeds) * over_examples)


def spread(scores: ScoreTable) -> Spread:
    """Return mean and variance of ``scores`` by the mean squares of seeds, examples and what is left.

    Seeds and examples are crossed and both are drawn: score = mean + seed + example + rest. With S seeds and E examples
    the mean has the variance seed/S + example/E + rest/SE, of which the mean squares estimate the parts (Searle,
    Casella and McCulloch, Variance Components, 1992, chapter 4). The seeds' mean square carries the rest too, so the
    examples add theirs without it. One seed says nothing of other seeds: its variance is that over examples. Raises
    ``ValueError`` for fewer than two examples.
    """
    seeds, examples = scores.shape
    if examples < 2:
        raise ValueError("a spread over examples needs at least two")
    mean = scores.mean()
    of_examples = scores.mean(axis=0) - mean
    from_examples = float(of_examples @ of_examples) / (examples * (examples - 1))
    if seeds == 1:
        return Spread(float(mean), from_examples, 0.0, seeds, examples)
    of_seeds = scores.mean(axis=1) - mean
    from_seeds = float(of_seeds @ of_seeds) / (seeds * (seeds - 1))
    left = float(np.square(scores - mean - of_seeds[:, None] - of_examples).sum())
    from_rest = left / (seeds * examples * (seeds - 1) * (examples - 1))
    variance = max(from_seeds + max(from_examples - from_rest, 0.0), LEAST * from_examples)
    share = min(from_seeds / variance, 1.0) if variance > 0 else 0.0
    return Spread(float(mean), variance, share, seeds, examples)


def linearised(scores: ScoreTable, weights: NDArray[np.float64]) -> ScoreTable:
    """Return scores whose plain mean per seed is the mean of ``scores`` weighted by ``weights``.

    A weighted mean is a ratio of sums; this is its first-order (Taylor) expansion in the examples, by which surveys
    estimate the variance of ratios (Cochran, Sampling Techniques, 1977, section 6.5). ``weights`` is of shape
    (examples,) or that of the scores.
    """
    shares = np.broadcast_to(weights, scores.shape) / weights.mean(axis=-1, keepdims=True)
    means = (scores * shares).mean(axis=1, keepdims=True)
    return np.asarray(means + shares * (scores - means), dtype=np.float64)
