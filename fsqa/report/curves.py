"""Learning curves of a cell: the mean over its seeds, with the range they span."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fsqa.study.cells import Cell
from fsqa.study.runs import read_history

CURVES: dict[str, str] = {"val/answer_nll": "Answer NLL", "val/exact_match": "Exact match, %"}
"""Logged names that are drawn, and what an axis calls them."""


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
    """Return the curves of all cells that logged a drawn metric, at the steps that all their seeds logged."""
    found = []
    for cell in cells:
        histories = [read_history(run) for run in cell.runs]
        found += [_curve(cell.label, metric, histories) for metric in CURVES]
    return tuple(curve for curve in found if curve is not None)


def _curve(label: str, metric: str, histories: Sequence[Sequence[Mapping[str, Any]]]) -> Curve | None:
    each = [points for points in (_points(history, metric) for history in histories) if points]
    steps = sorted(step for step in (each[0] if each else ()) if all(step in points for points in each))
    if not steps:
        return None
    columns = [[points[step] for points in each] for step in steps]
    scale = 100.0 if metric == "val/exact_match" else 1.0
    values = [[scale * point.value for point in column] for column in columns]
    tokens = [[point.tokens for point in column if point.tokens is not None] for column in columns]
    counted = all(len(column) == len(each) for column in tokens)
    return Curve(
        label=label,
        metric=metric,
        steps=tuple(float(step) for step in steps),
        tokens=tuple(math.fsum(column) / len(column) for column in tokens) if counted else (),
        mean=tuple(math.fsum(column) / len(column) for column in values),
        low=tuple(min(column) for column in values),
        high=tuple(max(column) for column in values),
    )


def _points(history: Sequence[Mapping[str, Any]], metric: str) -> dict[float, _Point]:
    points: dict[float, _Point] = {}
    tokens: float | None = None
    for event in history:
        tokens = event.get("loss_tokens", tokens)
        value, step = event.get(metric), event.get("step")
        if isinstance(value, int | float) and isinstance(step, int | float) and math.isfinite(value):
            points[float(step)] = _Point(float(value), tokens)
    return points
