"""How well a ranking serves its query, whatever ranked it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Grades = Sequence[int] | NDArray[np.int64]


def by_score(grades: Grades, scores: Sequence[float] | NDArray[np.float64]) -> NDArray[np.int64]:
    """Put the grades in the order of their scores, highest first; equal scores keep the order given."""
    return np.asarray(grades)[np.argsort(-np.asarray(scores, dtype=np.float64), kind="stable")]


def ndcg(ranked: Grades, depth: int, judged: Grades | None = None) -> float:
    """Return the normalised discounted cumulative gain of the first ``depth`` grades, the gain being the grade itself.

    The sum of grade / log2(1 + rank) (Järvelin and Kekäläinen 2002), divided by that of the best order of the
    ``judged`` grades: those of the ranking, or of all documents that were judged for the query. 0 if none is relevant.
    """
    best = sorted((ranked if judged is None else judged), reverse=True)
    ideal = _gain(best, depth)
    return _gain(ranked, depth) / ideal if ideal else 0.0


def reciprocal_rank(ranked: Grades, depth: int | None = None, relevant: int = 1) -> float:
    """Return 1 / rank of the first grade of at least ``relevant`` among the first ``depth``; 0 if there is none."""
    hits = np.flatnonzero(np.asarray(ranked[:depth]) >= relevant)
    return 1.0 / (int(hits[0]) + 1) if len(hits) else 0.0


def _gain(grades: Grades, depth: int) -> float:
    found = np.asarray(grades[:depth], dtype=np.float64)
    return float((found / np.log2(np.arange(2, len(found) + 2))).sum())
