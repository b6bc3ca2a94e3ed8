"""Geometry of the charts on the page: everything in per cent of its frame, so that it fits any screen."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from fsqa.metrics.catalogue import METRICS
from fsqa.metrics.metric import Metric
from fsqa.report.curves import CURVES, Curve
from fsqa.report.labels import MOST_IN_ORDER
from fsqa.report.numbers import format_estimate, format_value
from fsqa.report.palette import cell_colours, curve_colours
from fsqa.report.summary import Row, Summary
from fsqa.study.statistics import Estimate

MOST_BARS = 24
"""Cells with a bar of their own; more would be a page of bars, and the table has them all."""
MOST_POINTS = 120
"""Points that a curve is drawn through; more are closer together than a screen can show."""
STYLES = 6
"""Ways to draw the line of a baseline."""
LOGARITHMIC_FROM = 20.0
"""Values that lie further apart than by this factor are drawn on a logarithmic axis."""


@dataclass(frozen=True, slots=True)
class Tick:
    """A labelled place on an axis."""

    place: float
    """Per cent of the axis, from its start."""
    label: str


@dataclass(frozen=True, slots=True)
class Axis:
    """A range of values, laid out from 0 to 100 per cent."""

    low: float
    high: float
    logarithmic: bool
    ticks: tuple[Tick, ...]

    def place(self, value: float) -> float:
        """Return where ``value`` stands, in per cent; what lies outside stands at the end."""
        return _place(value, self.low, self.high, self.logarithmic)


@dataclass(frozen=True, slots=True)
class Reference:
    """What a baseline scores, as a mark across a bar."""

    place: float
    style: int
    """Which of the ways to draw a line is its own."""
    label: str


@dataclass(frozen=True, slots=True)
class Bar:
    """One cell: a bar from zero to the mean, a whisker, a dot per seed."""

    label: str
    colour: int
    value: str
    length: float
    whisker: tuple[float, float] | None
    """Start and width."""
    dots: tuple[float, ...]
    references: tuple[Reference, ...]
    best: bool
    mark: str


@dataclass(frozen=True, slots=True)
class BarChart:
    """Bars of one metric over one axis that starts at zero."""

    metric: Metric
    bars: tuple[Bar, ...]
    ticks: tuple[Tick, ...]
    left_out: int
    """Cells without a bar, because others are better."""


@dataclass(frozen=True, slots=True)
class Line:
    """One curve; points are pairs ``x,y`` in a frame of 1000 x 1000 with y downwards."""

    label: str
    colour: int
    points: str
    band: str
    """Outline of the range over seeds."""
    across: str
    """What stands on the horizontal axis at each point, as text, joined by spaces."""
    values: str
    """The mean at each point, likewise."""
    last: str
    """The last mean, as text."""


@dataclass(frozen=True, slots=True)
class LineChart:
    """Curves of one metric over steps or tokens."""

    metric: str
    title: str
    over: str
    """``steps`` or ``tokens``."""
    axis: str
    lines: tuple[Line, ...]
    horizontal: tuple[Tick, ...]
    vertical: tuple[Tick, ...]


def nice_ticks(low: float, high: float, count: int = 5) -> tuple[float, ...]:
    """Return about ``count`` round numbers, 1, 2 or 5 apart times a power of ten, that enclose ``low`` and ``high``."""
    span = (high - low) or abs(high) or 1.0
    power = 10.0 ** math.floor(math.log10(span / count))
    step = next(power * factor for factor in (1, 2, 5, 10) if span / (power * factor) <= count)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return tuple(round(place * step, 12) for place in range(first, max(last, first + 1) + 1))


def nice_axis(values: Sequence[float], *, percent: bool = False, logarithmic: bool = False) -> Axis:
    """Return an axis that holds all ``values``: logarithmic where asked for and they lie far enough apart."""
    smallest, largest = min(values), max(values)
    if logarithmic and smallest > 0 and largest / smallest > LOGARITHMIC_FROM:
        low, high = smallest / 1.25, largest * 1.25
        powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        steps = (1,) if len(powers) > 3 else (1, 3)
        marks = [step * 10.0**power for power in powers for step in steps]
        marks = [mark for mark in marks if low <= mark <= high]
    else:
        logarithmic = False
        pad = 0.06 * ((largest - smallest) or abs(largest) or 1.0)
        low = 0.0 if smallest >= 0 and smallest < 2 * pad else smallest - pad
        high = largest + pad
        marks = [mark for mark in nice_ticks(low, high, 4) if low <= mark <= high]
    scale = 100 if percent else 1
    ticks = tuple(Tick(_place(mark, low, high, logarithmic), axis_label(scale * mark)) for mark in marks)
    return Axis(low, high, logarithmic, ticks)


def axis_label(value: float) -> str:
    """Return a short number for an axis: ``20 k``, ``3.5 M``."""
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= (1e4 if unit == "k" else size):
            return f"{value / size:g} {unit}"
    return f"{value:g}"


def bar_chart(summary: Summary, name: str) -> BarChart | None:
    """Return the bars of a metric of the split, of many cells those of the best; ``None`` when no cell has it."""
    metric = METRICS[name]
    measured = [row for row in summary.rows if name in row.estimates and math.isfinite(row.estimates[name].mean)]
    if not measured:
        return None
    rows = _best_rows(measured, metric)
    reaches = [_reach(row.estimates[name]) for row in rows]
    if metric.percent:
        reaches = [min(reach, 1.0) for reach in reaches]
        reaches += [own.row.estimates[name].mean for own in summary.baselines if name in own.row.estimates]
    marks = nice_ticks(0, max(*reaches, 1e-9))
    top = marks[-1]
    scale, colours = 100 if metric.percent else 1, cell_colours(summary.cells)
    return BarChart(
        metric=metric,
        bars=tuple(_bar(summary, row, name, top, colours[row.label]) for row in rows),
        ticks=tuple(Tick(_place(mark, 0, top), axis_label(scale * mark)) for mark in marks),
        left_out=len(measured) - len(rows),
    )


def line_charts(summary: Summary, curves: Sequence[Curve]) -> tuple[LineChart, ...]:
    """Return a chart per drawn metric over steps, then over the tokens in the loss where they were logged.

    Of many cells only the leading ones are drawn.
    """
    charts, leading = [], summary.leading
    # a single point is no curve, and nothing that a line could show
    curves = [curve for curve in curves if curve.label in leading and len(curve.steps) > 1]
    for over_tokens in (False, True):
        for metric, title in CURVES.items():
            own = [curve for curve in curves if curve.metric == metric and (curve.tokens or not over_tokens)]
            if own:
                charts.append(_line_chart(summary, metric, title, own, over_tokens))
    return tuple(charts)


def _place(value: float, low: float, high: float, logarithmic: bool = False) -> float:
    if logarithmic:
        value, low, high = math.log(max(value, 1e-300)), math.log(low), math.log(high)
    return round(100 * min(max((value - low) / ((high - low) or 1.0), 0.0), 1.0), 3)


def _best_rows(rows: Sequence[Row], metric: Metric) -> list[Row]:
    """Keep a few rows in their order, and of many the best, the best first."""
    if len(rows) <= MOST_IN_ORDER:
        return list(rows)
    sign = 1 if metric.better == "lower" else -1
    return sorted(rows, key=lambda row: sign * row.estimates[metric.name].mean)[:MOST_BARS]


def _reach(estimate: Estimate) -> float:
    return max(*estimate.values, estimate.mean, estimate.high or 0.0)


def _bar(summary: Summary, row: Row, name: str, top: float, colour: int) -> Bar:
    metric, estimate = METRICS[name], row.estimates[name]
    styles = {own: place % STYLES for place, own in enumerate(dict.fromkeys(own.name for own in summary.baselines))}
    whisker = None
    if estimate.low is not None and estimate.high is not None:
        start = _place(estimate.low, 0, top)
        whisker = (start, round(_place(estimate.high, 0, top) - start, 3))
    references = tuple(
        Reference(
            _place(own.row.estimates[name].mean, 0, top),
            styles[own.name],
            f"{own.row.label}: {format_value(metric, own.row.estimates[name].mean)}",
        )
        for own in summary.baselines
        if row.label in own.cells and name in own.row.estimates and own.row.estimates[name].mean <= top
    )
    return Bar(
        label=row.label,
        colour=colour,
        value=format_estimate(metric, estimate),
        length=_place(estimate.mean, 0, top),
        whisker=whisker,
        dots=tuple(_place(value, 0, top) for value in estimate.values),
        references=references,
        best=row.label in summary.best[name],
        mark=row.mark if name == summary.main else "",
    )


def _line_chart(summary: Summary, metric: str, title: str, curves: Sequence[Curve], over_tokens: bool) -> LineChart:
    ends = [curve.tokens if over_tokens else curve.steps for curve in curves]
    right = max(max(end) for end in ends) or 1.0
    highest, bottom = max(max(curve.high) for curve in curves), min(min(curve.low) for curve in curves)
    upward = nice_ticks(bottom, highest, 4)
    bottom = upward[0]
    top = bottom + 1.04 * ((highest - bottom) or 1.0)
    colours = curve_colours(summary.leading, summary.cells)
    lines = tuple(
        _line(curve, end, colours[curve.label], (right, bottom, top)) for curve, end in zip(curves, ends, strict=True)
    )
    return LineChart(
        metric=metric,
        title=title,
        over="tokens" if over_tokens else "steps",
        axis="tokens in the loss" if over_tokens else "optimizer steps",
        lines=lines,
        horizontal=tuple(
            Tick(_place(tick, 0, right), axis_label(tick)) for tick in nice_ticks(0, right, 4) if tick <= right
        ),
        vertical=tuple(Tick(_place(tick, bottom, top), axis_label(tick)) for tick in upward if tick <= top),
    )


def _line(curve: Curve, across: Sequence[float], colour: int, frame: tuple[float, float, float]) -> Line:
    right, bottom, top = frame
    kept = _thinned(len(across))

    def points(places: Sequence[int], heights: Sequence[float]) -> str:
        return " ".join(
            f"{1000 * across[place] / right:.1f},{1000 * (top - heights[place]) / (top - bottom):.1f}"
            for place in places
        )

    values = [f"{curve.mean[place]:.4g}" for place in kept]
    return Line(
        label=curve.label,
        colour=colour,
        points=points(kept, curve.mean),
        band=f"{points(kept, curve.high)} {points(kept[::-1], curve.low)}",
        across=" ".join(f"{across[place]:.0f}" for place in kept),
        values=" ".join(values),
        last=values[-1],
    )


def _thinned(count: int) -> list[int]:
    """Return evenly spaced places, the first and the last among them."""
    if count <= MOST_POINTS:
        return list(range(count))
    return [place * (count - 1) // (MOST_POINTS - 1) for place in range(MOST_POINTS)]
