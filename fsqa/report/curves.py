"""Learning curves of a cell: the mean over its seeds, with the range they span."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fsqa.study.cells import Cell
from fsqa.study.runs import read_history

CURVES: dict[str, str] = {
    "val/answer_nll": "Answer NLL",
    "val/exact_match": "Exact match, %",
    "val/f1": "F1, %",
    "train/loss": "Training loss",
    "train/target_nll": "NLL of the loss tokens",
    "train/lr": "Learning rate",
    "train/grad_norm": "Norm of the gradient",
}
"""Logged names that are drawn, and what an axis calls them; a title that ends with % has values in 0..100."""
MOST_POINTS = 200
"""Points of one curve: more cannot be seen on a screen."""


@dataclass(frozen=True, slots=True)
class Curve:
    """One metric of one cell over training; all fields have one value per point."""

    label: str
    metric: str
    steps: tuple[float, ...]
    tokens: tuple[float, ...]
    """Tokens that had a share in the loss so far, the mean over seeds; empty when not logged."""
    mean: tuple[float, ...]
    low: tuple[float, ...]
    """Lowest seed."""
    high: tuple[float, ...]
    """Highest seed."""


@dataclass(frozen=True, slots=True)
class _Point:
    value: float
    tokens: float | None


def read_curves(cells: Sequence[Cell]) -> tuple[Curve, ...]:
    """Return the curves of all cells that logged a drawn metric, at the steps that all their seeds logged.

    Reads the history of every done run of ``cells``: pass those that are shown. Of a long training evenly spread
    points are kept, the last one always.
    """
    found = []
    for cell in cells:
        # of a history its points are kept, never its lines
        points = [_all_points(read_history(run)) for run in cell.runs]
        found += [_curve(cell.label, metric, [own[metric] for own in points if own[metric]]) for metric in CURVES]
    return tuple(curve for curve in found if curve is not None)


def _curve(label: str, metric: str, each: Sequence[Mapping[float, _Point]]) -> Curve | None:
    steps = _thinned(sorted(step for step in (each[0] if each else ()) if all(step in points for points in each)))
    if not steps:
        return None
    columns = [[points[step] for points in each] for step in steps]
    scale = 100.0 if CURVES[metric].endswith("%") else 1.0
    values = [[scale * point.value for point in column] for column in columns]
    tokens = [[point.tokens for point in column if point.tokens is not None] for column in columns]
    counted = all(len(column) == len(each) for column in tokens)
    return Curve(
        label=label,
        metric=metric,
        steps=tuple(steps),
        tokens=tuple(math.fsum(column) / len(column) for column in tokens) if counted else (),
        mean=tuple(math.fsum(column) / len(column) for column in values),
        low=tuple(min(column) for column in values),
        high=tuple(max(column) for column in values),
    )


def _thinned(steps: Sequence[float]) -> Sequence[float]:
    if len(steps) <= MOST_POINTS:
        return steps
    last = len(steps) - 1
    return [steps[round(place * last / (MOST_POINTS - 1))] for place in range(MOST_POINTS)]


def _all_points(history: Sequence[Mapping[str, Any]]) -> dict[str, dict[float, _Point]]:
    """Return per drawn metric its finite values by step."""
    points: dict[str, dict[float, _Point]] = {metric: {} for metric in CURVES}
    tokens: float | None = None
    for event in history:
        tokens, step = event.get("loss_tokens", tokens), event.get("step")
        if not isinstance(step, int | float):
            continue
        for metric, own in points.items():
            value = event.get(metric)
            if isinstance(value, int | float) and math.isfinite(value):
                own[float(step)] = _Point(float(value), tokens)
    return points
