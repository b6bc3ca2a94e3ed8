"""Paired permutation over examples and seeds: how often a difference this clear comes of nothing."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from fsqa.study.spread import ScoreTable, spread

FLIPS = 9_999
HELD = 5_000_000
"""Numbers that are held at once, so that memory stays small."""
CLOSE = 1e-4
"""Relative difference below which two statistics count as the same one: sums in single precision are not exact."""


def p_values(each: Sequence[ScoreTable], flips: int = FLIPS, seed: int = 0) -> list[float]:
    """Return for every table of paired differences the two-sided p-value of no difference.

    Without an effect either arm could have been the other, so the sign of a difference is a coin toss. Examples: the
    signs of their means over seeds are flipped, the statistic is studentised (divided by its standard error), and
    where all flips are few every one is made, otherwise ``flips`` random ones, the observed one counting among them
    (p = (b + 1)/(m + 1); Phipson and Smyth, 2010). Seeds: with three of them there are four flips that differ, and no
    p below 0.25, so the flips are widened to all rotations of the seeds (Langsrud, Statistics and Computing 15, 2005),
    of which flips are the coarsest; their studentised mean has exactly Student's t. The two null distributions are
    put together by their quantiles, weighted by the share of the variance, as ``Spread.quantile`` does.

    All tables have the same number of examples and share what is drawn.
    """
    found: list[float] = []
    for block in _blocks(each, flips):
        means = np.stack([scores.mean(axis=0) for scores in block], axis=1)
        exact = means.shape[0] < 63 and 2 ** means.shape[0] <= flips
        nulls = _flipped(means, flips, seed, exact=exact)
        found += [_p_value(scores, null, exact=exact) for scores, null in zip(block, nulls.T, strict=True)]
    return found


def _blocks(each: Sequence[ScoreTable], flips: int) -> Iterator[Sequence[ScoreTable]]:
    size = max(1, HELD // max(flips, each[0].shape[1])) if each else 1
    for start in range(0, len(each), size):
        yield each[start : start + size]


def _p_value(scores: ScoreTable, over_examples: NDArray[np.float32], *, exact: bool) -> float:
    from scipy.special import stdtrit

    own = spread(scores)
    if own.mean == 0:
        return 1.0
    observed = abs(own.mean) / own.error if own.error > 0 else np.inf
    null = np.sort(over_examples).astype(np.float64)
    if own.seeds > 1 and own.of_seeds > 0:
        # two-sided: the k-th smallest of m absolute values of t stands at the share (k - 1/2)/m
        shares = (np.arange(len(null)) + 0.5) / len(null)
        over_seeds = stdtrit(own.seeds - 1, (1 + shares) / 2)
        null = over_seeds if own.of_seeds == 1 else own.of_seeds * over_seeds + (1 - own.of_seeds) * null
    reached = int(np.count_nonzero(null >= observed * (1 - CLOSE)))
    return reached / len(null) if exact and reached else (reached + 1) / (len(null) + 1)


def _flipped(means: NDArray[np.float64], flips: int, seed: int, *, exact: bool) -> NDArray[np.float32]:
    """Return the absolute studentised means of all columns of (examples, tables) under flips of their signs."""
    examples = len(means)
    columns, squares = means.astype(np.float32), np.square(means).mean(axis=0).astype(np.float32)
    total = columns.sum(axis=0)
    pieces = []
    for kept in _every_sign(examples) if exact else _random_signs(examples, flips, seed):
        flipped = (2 * (kept @ columns) - total) / np.float32(examples)
        variance = np.maximum(squares - np.square(flipped), 0) / np.float32(examples - 1)
        with np.errstate(divide="ignore", invalid="ignore"):
            # no spread and no mean: nothing differs, and nothing is far from it
            pieces.append(np.nan_to_num(np.abs(flipped) / np.sqrt(variance), nan=0.0, posinf=np.inf))
    return np.concatenate(pieces)


def _every_sign(examples: int) -> Iterator[NDArray[np.float32]]:
    numbers = np.arange(2**examples)
    yield (numbers[:, None] >> np.arange(examples) & 1).astype(np.float32)


def _random_signs(examples: int, flips: int, seed: int) -> Iterator[NDArray[np.float32]]:
    """Yield pieces of random zeros and ones: which examples keep their sign."""
    generator = np.random.default_rng([seed, examples, 2])
    piece = max(1, HELD // examples)
    for start in range(0, flips, piece):
        drawn = generator.integers(0, 256, size=(min(piece, flips - start), -(-examples // 8)), dtype=np.uint8)
        yield np.unpackbits(drawn, axis=1, count=examples).astype(np.float32)
