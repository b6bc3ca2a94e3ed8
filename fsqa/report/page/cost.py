"""Cost against quality: a point per cell, and the front of those that nothing cheaper beats."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from fsqa.metrics.catalogue import COSTS, METRICS
from fsqa.metrics.metric import Metric
from fsqa.report.charts import Axis, Tick, nice_axis
from fsqa.report.numbers import format_estimate, format_value
from fsqa.report.palette import cell_colours
from fsqa.report.summary import Row, Summary

CHOICES = ("seconds", "tokens_per_second", "peak_memory_mb", "trainable_parameters", "checkpoint_mb")
"""Costs that quality can be set against."""
MOST_POINTS = 300
"""Cells with a point of their own; of more, the best are drawn."""


@dataclass(frozen=True, slots=True)
class Point:
    """One cell, its place in per cent of the frame."""

    label: str
    colour: int
    across: float
    up: float
    whisker: tuple[float, float] | None
    """Lower end and height of the interval of the score."""
    front: bool
    cost: str
    score: str


@dataclass(frozen=True, slots=True)
class Scatter:
    """One cost against the main metric."""

    cost: Metric
    score: Metric
    points: tuple[Point, ...]
    horizontal: tuple[Tick, ...]
    vertical: tuple[Tick, ...]
    logarithmic: bool
    stairs: str
    """The front as pairs ``x,y`` in a frame of 1000 x 1000 with y downwards."""
    left_out: int

    @property
    def front(self) -> tuple[Point, ...]:
        """Points that no other is both cheaper and better than, from left to right."""
        return tuple(sorted((point for point in self.points if point.front), key=lambda point: point.across))


def scatters(summary: Summary) -> tuple[Scatter, ...]:
    """Return a scatter for every cost that tells cells apart; none where nothing has both a cost and a score."""
    found = [_scatter(summary, COSTS[name]) for name in CHOICES if name in COSTS]
    return tuple(scatter for scatter in found if scatter is not None)


def _scatter(summary: Summary, cost: Metric) -> Scatter | None:
    score = METRICS[summary.main]
    rows = [
        row
        for row in summary.ranked
        if cost.name in row.estimates
        and math.isfinite(row.estimates[score.name].mean)
        and math.isfinite(row.estimates[cost.name].mean)
    ]
    if len({row.estimates[cost.name].mean for row in rows}) < 2:
        return None
    shown = rows[:MOST_POINTS]
    across = nice_axis([row.estimates[cost.name].mean for row in shown], logarithmic=True)
    ends = [end for row in shown for end in _ends(row, score)]
    up = nice_axis(ends, percent=score.percent)
    front = _front(shown, cost, score)
    colours = cell_colours(summary.cells)
    points = tuple(_point(row, cost, score, (across, up), row.label in front, colours[row.label]) for row in shown)
    return Scatter(
        cost=cost,
        score=score,
        points=points,
        horizontal=across.ticks,
        vertical=up.ticks,
        logarithmic=across.logarithmic,
        stairs=_stairs([point for point in points if point.front], cost),
        left_out=len(rows) - len(shown),
    )


def _ends(row: Row, score: Metric) -> tuple[float, ...]:
    estimate = row.estimates[score.name]
    ends = (estimate.mean, *(end for end in (estimate.low, estimate.high) if end is not None))
    return tuple(min(max(end, 0.0), 1.0) for end in ends) if score.percent else ends


def _point(row: Row, cost: Metric, score: Metric, axes: tuple[Axis, Axis], front: bool, colour: int) -> Point:
    across, up = axes
    estimate, whisker = row.estimates[score.name], None
    if estimate.low is not None and estimate.high is not None:
        low, high = up.place(estimate.low), up.place(estimate.high)
        whisker = (low, round(high - low, 3))
    return Point(
        label=row.label,
        colour=colour,
        across=across.place(row.estimates[cost.name].mean),
        up=up.place(estimate.mean),
        whisker=whisker,
        front=front,
        cost=format_value(cost, row.estimates[cost.name].mean),
        score=format_estimate(score, estimate),
    )


def _front(rows: Sequence[Row], cost: Metric, score: Metric) -> frozenset[str]:
    """Return the labels of the cells that no other matches at a lower cost, or beats at the same."""

    def signed(row: Row, metric: Metric) -> float:
        sign = 1 if metric.better == "higher" else -1
        return sign * row.estimates[metric.name].mean

    # from the cheapest on, whatever scores more than all before it; of equal costs the better comes first
    ordered = sorted(rows, key=lambda row: (-signed(row, cost), -signed(row, score)))
    front, best = set(), -math.inf
    for row in ordered:
        if signed(row, score) > best:
            front.add(row.label)
            best = signed(row, score)
    return frozenset(front)


def _stairs(front: Sequence[Point], cost: Metric) -> str:
    """Draw the edge of what is not reached: level from one point to the next dearer one, then up or down to it."""
    ordered = sorted(front, key=lambda point: point.across, reverse=cost.better == "higher")
    corners: list[tuple[float, float]] = []
    for point in ordered:
        if corners:
            corners.append((point.across, corners[-1][1]))
        corners.append((point.across, point.up))
    return " ".join(f"{10 * across:.1f},{10 * (100 - up):.1f}" for across, up in corners)
