"""Paired comparisons of cells: the same seeds, the same examples."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fsqa.study.cells import Cell
from fsqa.study.runs import read_predictions
from fsqa.study.statistics import Difference, paired_difference

PAIRED = ("exact_match", "f1")
"""Metrics that have one value per example."""


@dataclass(frozen=True, slots=True)
class Scores:
    """Per-example figures of a cell, in [0, 1]."""

    seeds: tuple[int, ...]
    ids: tuple[str, ...]
    """Examples that every run of the cell answered."""
    values: Mapping[str, NDArray[np.float64]]
    """Per metric an array of shape (seeds, examples)."""


def read_scores(cell: Cell) -> Scores | None:
    """Return the scores of the runs of ``cell`` that wrote predictions; ``None`` when none did."""
    tables = [(run.seed, {each.id: each for each in read_predictions(run)}) for run in cell.runs]
    tables = [(seed, table) for seed, table in tables if table]
    if not tables:
        return None
    ids = tuple(name for name in tables[0][1] if all(name in table for _, table in tables))
    values = {
        metric: np.array([[getattr(table[name], metric) for name in ids] for _, table in tables], dtype=np.float64)
        for metric in PAIRED
    }
    return Scores(tuple(seed for seed, _ in tables), ids, values)


def compare(candidate: Scores | None, baseline: Scores | None, metric: str) -> Difference | None:
    """Return ``candidate - baseline`` over their common seeds and examples; ``None`` where they share none."""
    if candidate is None or baseline is None:
        return None
    seeds = [seed for seed in candidate.seeds if seed in baseline.seeds]
    known = set(baseline.ids)
    ids = [name for name in candidate.ids if name in known]
    if not seeds or not ids:
        return None
    return paired_difference(_select(candidate, metric, seeds, ids), _select(baseline, metric, seeds, ids))


def _select(scores: Scores, metric: str, seeds: Sequence[int], ids: Sequence[str]) -> NDArray[np.float64]:
    rows = [scores.seeds.index(seed) for seed in seeds]
    place = {name: column for column, name in enumerate(scores.ids)}
    return scores.values[metric][np.ix_(rows, [place[name] for name in ids])]
