"""Means over resampled seeds and examples: the hierarchical bootstrap, many tables of scores at once."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from fsqa.study.spread import ScoreTable

RESAMPLES = 2000
DRAWN = 2_000_000
"""Resampled examples that are drawn at once, so that memory stays small."""
HELD = 20_000_000
"""Numbers that are held at once, for the same reason."""


def resampled_means(
    each: Sequence[ScoreTable], resamples: int = RESAMPLES, seed: int = 0
) -> Iterator[NDArray[np.float64]]:
    """Yield for every table of scores the means of its resamples, of shape (resamples,).

    Every resample draws seeds, then examples, with replacement; the drawn examples are the same for all seeds, as they
    were in the runs (the pigeonhole bootstrap of Owen, Annals of Applied Statistics 1, 2007). All tables have the same
    number of examples and share what is drawn.
    """
    for block in _blocks(each, resamples):
        examples = block[0].shape[1]
        columns = np.concatenate(block).T
        means = np.empty((resamples, columns.shape[1]))
        for start, counts in _example_counts(examples, resamples, seed):
            means[start : start + len(counts)] = counts @ columns
        means /= examples
        place = 0
        for scores in block:
            own = means[:, place : place + len(scores)]
            place += len(scores)
            yield own[:, 0] if len(scores) == 1 else (own * _seed_shares(len(scores), resamples, seed)).sum(axis=1)


def _blocks(each: Sequence[ScoreTable], resamples: int) -> Iterator[list[ScoreTable]]:
    """Put together as many tables as memory allows, at least one."""
    block: list[ScoreTable] = []
    for scores in each:
        held = (len(scores) + sum(map(len, block))) * max(resamples, scores.shape[1])
        if block and held > HELD:
            yield block
            block = []
        block.append(scores)
    if block:
        yield block


def _example_counts(examples: int, resamples: int, seed: int) -> Iterator[tuple[int, NDArray[np.float64]]]:
    """Yield pieces of (first resample, how often each example is drawn), always the same for the same sizes."""
    generator = np.random.default_rng([seed, examples])
    piece = max(1, DRAWN // examples)
    for start in range(0, resamples, piece):
        yield start, _counts(generator, min(piece, resamples - start), examples)


def _seed_shares(seeds: int, resamples: int, seed: int) -> NDArray[np.float64]:
    return _counts(np.random.default_rng([seed, seeds, 1]), resamples, seeds) / seeds


def _counts(generator: np.random.Generator, resamples: int, size: int) -> NDArray[np.float64]:
    drawn = generator.integers(0, size, size=(resamples, size))
    drawn += size * np.arange(resamples)[:, None]
    return np.bincount(drawn.ravel(), minlength=resamples * size).reshape(resamples, size).astype(np.float64)
