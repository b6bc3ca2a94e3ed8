"""What the settings of a sweep did: importance, main effects, heat maps of pairs, and all cells as lines."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from fsqa.metrics.catalogue import METRICS
from fsqa.metrics.metric import Metric
from fsqa.report.charts import Axis, Tick, nice_axis
from fsqa.report.factors import NOT_SET, Factor, Interaction, factors, interactions
from fsqa.report.numbers import format_estimate, format_value
from fsqa.report.summary import Summary

MOST_AXES = 6
"""Factors that the lines run through; the most important ones."""
MOST_LINES = 250
"""Cells drawn as lines; of more, some that are evenly spaced from the best to the worst."""
MOST_NAMED = 9
"""Values that an axis names; of more, the first, the last and some between."""


@dataclass(frozen=True, slots=True)
class Effect:
    """The mean of the cells with one value of a factor, in per cent of the axis."""

    level: str
    value: str
    place: float
    whisker: tuple[float, float] | None
    """Start and width."""


@dataclass(frozen=True, slots=True)
class FactorEffects:
    """One factor with its effects."""

    name: str
    importance: float
    """Per cent of the variance between cells."""
    effects: tuple[Effect, ...]


@dataclass(frozen=True, slots=True)
class Heat:
    """One field of a heat map."""

    text: str
    warmth: float | None
    """Per cent of the way from the worst value to the best; ``None`` where no cell is."""
    best: bool


@dataclass(frozen=True, slots=True)
class HeatMap:
    """The main metric over the values of two factors."""

    rows: str
    columns: str
    column_levels: tuple[str, ...]
    lines: tuple[tuple[str, tuple[Heat, ...]], ...]


@dataclass(frozen=True, slots=True)
class ParallelAxis:
    """One upright axis of the lines."""

    name: str
    place: float
    """Per cent from the left."""
    ticks: tuple[Tick, ...]
    """Its values, from the bottom up."""


@dataclass(frozen=True, slots=True)
class ParallelLine:
    """One cell; points are pairs ``x,y`` in a frame of 1000 x 1000 with y downwards."""

    label: str
    value: str
    points: str
    warmth: float
    levels: str
    """Its value on each axis but the last, one a line."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """All that is told of the settings of a sweep."""

    metric: Metric
    factors: tuple[FactorEffects, ...]
    ticks: tuple[Tick, ...]
    """Axis that the effects of all factors share."""
    heat_maps: tuple[HeatMap, ...]
    axes: tuple[ParallelAxis, ...]
    lines: tuple[ParallelLine, ...]
    left_out: int


@dataclass(frozen=True, slots=True)
class _Cell:
    """One cell with its score and its value of each factor."""

    label: str
    score: float
    levels: tuple[str, ...]


def sweep(summary: Summary) -> Sweep | None:
    """Return what the settings did; ``None`` where fewer than two of them vary."""
    found = factors(summary)
    if not found:
        return None
    metric = METRICS[summary.main]
    ends = [end for factor in found for each in factor.effects for end in (each.mean, each.low, each.high)]
    held = [_held(end, metric) for end in ends if end is not None]
    axis = nice_axis(held, percent=metric.percent)
    cells = _cells(summary, found[:MOST_AXES])
    step = max(1, math.ceil(len(cells) / MOST_LINES))
    shown = cells[::step]
    axes, lines = _parallel(shown, [factor.name for factor in found[:MOST_AXES]], metric)
    return Sweep(
        metric=metric,
        factors=tuple(_effects(factor, metric, axis) for factor in found),
        ticks=axis.ticks,
        heat_maps=tuple(_heat_map(each, metric) for each in interactions(summary)),
        axes=axes,
        lines=lines,
        left_out=len(cells) - len(shown),
    )


def _held(value: float, metric: Metric) -> float:
    return min(max(value, 0.0), 1.0) if metric.percent else value


def _effects(factor: Factor, metric: Metric, axis: Axis) -> FactorEffects:
    effects = []
    for level, estimate in zip(factor.levels, factor.effects, strict=True):
        whisker = None
        if estimate.low is not None and estimate.high is not None:
            start, end = axis.place(estimate.low), axis.place(estimate.high)
            whisker = (start, round(end - start, 3))
        effects.append(Effect(level, format_estimate(metric, estimate), axis.place(estimate.mean), whisker))
    return FactorEffects(factor.name, round(100 * factor.importance, 1), tuple(effects))


def _heat_map(pair: Interaction, metric: Metric) -> HeatMap:
    known = [value for row in pair.values for value in row if value is not None]
    worst, best = _ends(known, metric)

    def heat(value: float | None) -> Heat:
        if value is None:
            return Heat("", None, best=False)
        return Heat(format_value(metric, value), _warmth(value, worst, best), best=value == best != worst)

    lines = zip(pair.row_levels, (tuple(heat(value) for value in row) for row in pair.values), strict=True)
    return HeatMap(pair.rows, pair.columns, pair.column_levels, tuple(lines))


def _ends(values: Sequence[float], metric: Metric) -> tuple[float, float]:
    """Return the worst and the best value."""
    low, high = min(values), max(values)
    return (high, low) if metric.better == "lower" else (low, high)


def _warmth(value: float, worst: float, best: float) -> float:
    return round(100 * (value - worst) / (best - worst), 1) if best != worst else 50.0


def _cells(summary: Summary, shown: Sequence[Factor]) -> list[_Cell]:
    """Return the cells with a score, the best first, with their own values of the factors."""
    parts, main = {cell.label: cell.parts for cell in summary.cells}, summary.main
    return [
        _Cell(
            row.label,
            row.estimates[main].mean,
            tuple(parts[row.label].get(factor.name, NOT_SET) for factor in shown),
        )
        for row in summary.ranked
        if math.isfinite(row.estimates[main].mean)
    ]


def _parallel(
    cells: Sequence[_Cell], names: Sequence[str], metric: Metric
) -> tuple[tuple[ParallelAxis, ...], tuple[ParallelLine, ...]]:
    """Lay the cells out as lines over an axis per factor and a last one of the score."""
    columns = [sorted({cell.levels[place] for cell in cells}, key=_order) for place in range(len(names))]
    scores = [cell.score for cell in cells]
    end, (worst, best) = nice_axis(scores, percent=metric.percent), _ends(scores, metric)
    lefts = [round(100 * place / len(names), 3) for place in range(len(names) + 1)]
    axes = [
        ParallelAxis(name, left, _named([Tick(_height(number, len(levels)), level) for number, level in _each(levels)]))
        for name, left, levels in zip(names, lefts, columns, strict=False)
    ]
    axes.append(ParallelAxis(metric.title, lefts[-1], end.ticks))
    fans = [_fan(cells, place, len(levels)) for place, levels in enumerate(columns)]
    lines = []
    for number, cell in enumerate(cells):
        levels = [columns[place].index(level) for place, level in enumerate(cell.levels)]
        heights = [_height(level, len(columns[place])) + fans[place][number] for place, level in enumerate(levels)]
        heights.append(end.place(cell.score))
        points = " ".join(f"{10 * left:.0f},{1000 - 10 * up:.0f}" for left, up in zip(lefts, heights, strict=True))
        warmth = _warmth(cell.score, worst, best)
        shown = format_value(metric, cell.score)
        lines.append(ParallelLine(cell.label, shown, points, warmth, "\n".join(cell.levels)))
    return tuple(axes), tuple(lines)


def _each(levels: Sequence[str]) -> list[tuple[int, str]]:
    return list(enumerate(levels))


def _height(number: int, count: int) -> float:
    """Give the values of a factor equal room, each standing in the middle of its own."""
    return round(100 * (number + 0.5) / count, 3)


def _fan(cells: Sequence[_Cell], place: int, count: int) -> list[float]:
    """Spread the lines through one value a little, the best at the top, so that none hides another."""
    room = min(8.0, 45.0 / count)
    through: dict[str, list[int]] = {}
    for number, cell in enumerate(cells):
        through.setdefault(cell.levels[place], []).append(number)
    offsets = [0.0] * len(cells)
    for numbers in through.values():
        ordered = sorted(numbers, key=lambda number: cells[number].score)
        for rank, number in enumerate(ordered):
            offsets[number] = room * ((rank + 0.5) / len(ordered) - 0.5)
    return offsets


def _named(ticks: Sequence[Tick]) -> tuple[Tick, ...]:
    step = max(1, math.ceil((len(ticks) - 1) / (MOST_NAMED - 1)))
    return tuple(ticks[::step])


def _order(value: str) -> tuple[int, float, str]:
    """Sort what is not set first, then numbers, then text."""
    if value == NOT_SET:
        return 0, 0.0, ""
    try:
        return 1, float(value), ""
    except ValueError:
        return 2, 0.0, value
