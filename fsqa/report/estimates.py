"""Every figure of every cell with its interval: by bootstrap where examples were scored, over seeds elsewhere."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from fsqa.metrics.catalogue import COSTS, METRICS
from fsqa.report.notes import told
from fsqa.study.cells import Cell
from fsqa.study.runs import Numbers
from fsqa.study.scores import COLUMNS, CellScores
from fsqa.study.spread import ScoreTable
from fsqa.study.statistics import Estimate, estimates, mean_with_interval

AT_ONCE = 64
"""Cells whose scores are unpacked at once, so that memory stays small."""
CLOSE = 1e-4
"""How far a figure may be from the mean of its scores, relative to its size: what rounding can do."""


@dataclass(frozen=True, slots=True)
class CellEstimates:
    """Estimates per cell label and metric, and what a reader must be told of them."""

    of: Mapping[str, Mapping[str, Estimate]]
    notes: tuple[str, ...]


def estimate_cells(
    cells: Sequence[Cell], figures: Mapping[str, Sequence[Numbers]], scores: Mapping[str, CellScores | None]
) -> CellEstimates:
    """Return the estimates of all metrics and costs of ``cells``.

    ``figures`` are the metrics of the runs of each cell, which the means are taken over. Where the scores of all these
    runs are there and give the same figures, the interval is the bootstrap's over seeds, then examples; elsewhere it is
    Student's over seeds.
    """
    found: dict[str, dict[str, Estimate]] = {}
    strange: dict[str, list[str]] = {}
    for cell in cells:
        found[cell.label] = over_seeds(figures[cell.label], METRICS)
        found[cell.label] |= over_seeds([run.measures.cost for run in cell.runs], COSTS)
    for start in range(0, len(cells), AT_ONCE):
        for label, metric, sharper in _with_scores(cells[start : start + AT_ONCE], scores):
            plain = found[label].get(metric)
            if plain is None or plain.count != sharper.count:
                continue
            if np.allclose(plain.values, sharper.values, rtol=CLOSE, atol=1e-6):
                found[label][metric] = replace(sharper, mean=plain.mean, values=plain.values)
            else:
                strange.setdefault(label, []).append(METRICS[metric].title)
    notes: tuple[str, ...] = ()
    if strange:
        each = told({label: ", ".join(titles) for label, titles in strange.items()})
        notes = (
            f"Figures that are not the means of their runs' predictions have intervals over seeds alone ({each}).",
        )
    return CellEstimates(found, notes)


def over_seeds(each: Sequence[Numbers], names: Iterable[str]) -> dict[str, Estimate]:
    """Return mean and Student's interval over runs of every named figure that a run has."""
    columns = {name: [numbers[name] for numbers in each if name in numbers] for name in names}
    return {name: mean_with_interval(values) for name, values in columns.items() if values}


def _with_scores(cells: Sequence[Cell], scores: Mapping[str, CellScores | None]) -> Iterator[tuple[str, str, Estimate]]:
    """Yield label, metric and estimate of whatever all runs of a cell have scores of."""
    tables: dict[int, list[tuple[str, str, ScoreTable]]] = {}
    for cell in cells:
        own = scores.get(cell.label)
        # with examples left out the scores are not those of the figure
        if own is None or own.left_out or own.seeds != cell.seeds or len(own.ids) < 2:
            continue
        for metric in own.metrics:
            tables.setdefault(len(own.ids), []).append((cell.label, metric, own.table(metric)))
    for alike in tables.values():
        results = estimates([table for _, _, table in alike])
        for (label, metric, _), result in zip(alike, results, strict=True):
            own = scores[label]
            yield label, metric, _bounded(result) if own and _is_share(own, metric) else result


def _is_share(scores: CellScores, metric: str) -> bool:
    """Whether all scores lie in 0..1, so that no mean of them, however weighed, can leave it."""
    return all(values.min() >= 0 and values.max() <= 1 for values in scores.columns[COLUMNS[metric][0]])


def _bounded(estimate: Estimate) -> Estimate:
    low, high = estimate.low, estimate.high
    return replace(estimate, low=None if low is None else max(low, 0.0), high=None if high is None else min(high, 1.0))
