"""How far a figure of one run could be otherwise had other examples been asked: bootstrap intervals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from fsqa.metrics.scoring import Row

LEVEL = 0.95
RESAMPLES = 2000
PIECE = 2_000_000
"""Resampled counts that are drawn at once, so that memory stays small."""

COLUMNS = {
    "exact_match": ("exact_match", None),
    "f1": ("f1", None),
    "answer_nll": ("answer_nll", "reference_tokens"),
    "token_accuracy": ("token_accuracy", None),
    "stop_rate": ("stopped", None),
}
"""Of a metric: the column of ``predictions.jsonl`` it is a mean of, and the column that weighs the examples."""


class Interval(NamedTuple):
    """A two-sided interval."""

    low: float
    high: float


def intervals(rows: Sequence[Row], seed: int = 0) -> dict[str, Interval]:
    """Return the percentile bootstrap interval at 95 % over examples of every metric that the rows have.

    One run has one seed, so the spread over seeds is not in it. All metrics share the resamples.
    """
    import numpy as np

    named = {metric: columns for metric, columns in COLUMNS.items() if columns[0] in rows[0]}
    weights = {
        metric: np.array([row[weight] if weight else 1 for row in rows], np.float64)
        for metric, (_, weight) in named.items()
    }
    sums = {
        metric: np.array([row[column] for row in rows], np.float64) * weights[metric]
        for metric, (column, _) in named.items()
    }
    generator, size = np.random.default_rng(seed), len(rows)
    means: dict[str, list[float]] = {metric: [] for metric in named}
    piece = max(1, PIECE // size)
    for start in range(0, RESAMPLES, piece):
        count = min(piece, RESAMPLES - start)
        drawn = generator.multinomial(size, np.full(size, 1 / size), size=count)
        for metric in named:
            means[metric] += ((drawn @ sums[metric]) / (drawn @ weights[metric])).tolist()
    outer = [(1 - LEVEL) / 2, (1 + LEVEL) / 2]
    return {metric: Interval(*np.quantile(values, outer).tolist()) for metric, values in means.items()}
