"""Geometry of the charts on the page: everything in per cent of its frame, so that it fits any screen."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from fsqa.metrics.catalogue import BASELINES, METRICS, Metric
from fsqa.report.curves import CURVES, Curve
from fsqa.report.numbers import format_estimate, format_value
from fsqa.report.palette import cell_colours, curve_colours
from fsqa.report.summary import Row, Summary
from fsqa.study.statistics import Estimate


@dataclass(frozen=True, slots=True)
class Tick:
    """A labelled place on an axis."""

    place: float
    """Per cent of the axis, from its start."""
    label: str


@dataclass(frozen=True, slots=True)
class Reference:
    """What a baseline scores, as a mark across a bar."""

    place: float
    style: int
    """Place of the baseline in the catalogue."""
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


@dataclass(frozen=True, slots=True)
class Line:
    """One curve; points are pairs ``x,y`` in a frame of 1000 x 1000 with y downwards."""

    label: str
    colour: int
    points: str
    band: str
    """Outline of the range over seeds."""
    last: str
    """The last mean, as text."""


@dataclass(frozen=True, slots=True)
class LineChart:
    """Curves of one metric over steps or tokens."""

    title: str
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


def bar_chart(summary: Summary, name: str) -> BarChart | None:
    """Return the bars of a metric of the split; ``None`` when no cell has it."""
    metric = METRICS[name]
    rows = [row for row in summary.rows if name in row.estimates and math.isfinite(row.estimates[name].mean)]
    if not rows:
        return None
    reaches = [_reach(row.estimates[name]) for row in rows]
    if metric.percent:
        reaches = [min(reach, 1.0) for reach in reaches]
        reaches += [own.row.estimates[name].mean for own in summary.baselines if name in own.row.estimates]
    top = nice_ticks(0, max(*reaches, 1e-9))[-1]
    ticks = tuple(
        Tick(100 * tick / top, _axis_label(100 * tick if metric.percent else tick)) for tick in nice_ticks(0, top)
    )
    return BarChart(metric, tuple(_bar(summary, row, name, top) for row in rows), ticks)


def line_charts(summary: Summary, curves: Sequence[Curve]) -> tuple[LineChart, ...]:
    """Return a chart per drawn metric over steps, then over the tokens in the loss where they were logged.

    Of many cells only the leading ones are drawn.
    """
    charts = []
    curves = [curve for curve in curves if curve.label in summary.leading]
    for over_tokens in (False, True):
        for metric, title in CURVES.items():
            own = [curve for curve in curves if curve.metric == metric and (curve.tokens or not over_tokens)]
            if own:
                charts.append(_line_chart(summary, title, own, over_tokens))
    return tuple(charts)


def _reach(estimate: Estimate) -> float:
    return max(*estimate.values, estimate.mean, estimate.high or 0.0)


def _axis_label(value: float) -> str:
    if abs(value) >= 1e6:
        return f"{value / 1e6:g} M"
    return f"{value / 1e3:g} k" if abs(value) >= 1e4 else f"{value:g}"


def _bar(summary: Summary, row: Row, name: str, top: float) -> Bar:
    metric, estimate = METRICS[name], row.estimates[name]

    def place(value: float) -> float:
        return round(100 * min(max(value / top, 0.0), 1.0), 3)

    whisker = None
    if estimate.low is not None and estimate.high is not None:
        start = place(estimate.low)
        whisker = (start, round(place(estimate.high) - start, 3))
    references = tuple(
        Reference(
            place(own.row.estimates[name].mean),
            _style(own.name),
            f"{own.row.label}: {format_value(metric, own.row.estimates[name].mean)}",
        )
        for own in summary.baselines
        if row.label in own.cells and name in own.row.estimates and own.row.estimates[name].mean <= top
    )
    return Bar(
        label=row.label,
        colour=cell_colours(summary.cells)[row.label],
        value=format_estimate(metric, estimate),
        length=place(estimate.mean),
        whisker=whisker,
        dots=tuple(place(value) for value in estimate.values),
        references=references,
        best=row.label in summary.best[name],
        mark=row.mark if name == summary.main else "",
    )


def _style(baseline: str) -> int:
    names = list(BASELINES)
    return names.index(baseline) if baseline in names else len(names) - 1


def _line_chart(summary: Summary, title: str, curves: Sequence[Curve], over_tokens: bool) -> LineChart:
    ends = [curve.tokens if over_tokens else curve.steps for curve in curves]
    across = nice_ticks(0, max(max(end) for end in ends), 4)
    highest = max(max(curve.high) for curve in curves)
    upward = nice_ticks(min(min(curve.low) for curve in curves), highest, 4)
    right, bottom = max(max(end) for end in ends) or 1.0, upward[0]
    top = bottom + 1.04 * ((highest - bottom) or 1.0)

    def points(horizontal: Sequence[float], vertical: Sequence[float]) -> str:
        pairs = zip(horizontal, vertical, strict=True)
        return " ".join(f"{1000 * x / right:.1f},{1000 * (top - y) / (top - bottom):.1f}" for x, y in pairs)

    colours = curve_colours(summary.leading, summary.cells)
    lines = []
    for curve, end in zip(curves, ends, strict=True):
        band = points((*end, *reversed(end)), (*curve.high, *reversed(curve.low)))
        last = f"{curve.mean[-1]:.1f}" if title.endswith("%") else f"{curve.mean[-1]:.2f}"
        lines.append(Line(curve.label, colours[curve.label], points(end, curve.mean), band, last))
    return LineChart(
        title=title,
        axis="tokens in the loss" if over_tokens else "optimizer steps",
        lines=tuple(lines),
        horizontal=tuple(Tick(round(100 * tick / right, 3), _axis_label(tick)) for tick in across if tick <= right),
        vertical=tuple(
            Tick(round(100 * (tick - bottom) / (top - bottom), 3), _axis_label(tick)) for tick in upward if tick <= top
        ),
    )
