"""The sortable tables of the page: results, and what they cost."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fsqa.metrics.catalogue import COSTS, METRICS
from fsqa.metrics.metric import Metric
from fsqa.report.differences import correction, format_interval, format_p, format_size, p_of, unit
from fsqa.report.labels import metric_name, shown_rows
from fsqa.report.numbers import MISSING, format_estimate, format_value
from fsqa.report.palette import cell_colours
from fsqa.report.summary import Row, Summary
from fsqa.study.statistics import LEVEL, Estimate

MOST_LINES = 500
"""Cells a table of the page holds; more slow a browser down, and table.csv has them all."""
FILTERED_FROM = 6
"""Cells from which on a table can be narrowed down by the values of its settings."""
MOST_VALUES = 40
"""Values of a setting that a menu offers."""
_COSTS_BESIDE = ("seconds",)
_ALL: dict[str, Metric] = METRICS | COSTS


@dataclass(frozen=True, slots=True)
class Column:
    """A column of figures."""

    title: str
    hint: str
    """What a pointer resting on the heading tells."""
    first: str
    """Order of the first click: ``ascending`` or ``descending``."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One cell of a table: what it shows and what it is sorted by."""

    text: str
    order: float | None = None
    best: bool = False
    detail: str = ""
    """What a pointer resting on it tells."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a table."""

    label: str
    colour: int | None
    mark: str
    figures: tuple[Figure, ...]
    parts: Mapping[str, str]
    """The settings it can be found by."""


@dataclass(frozen=True, slots=True)
class Filter:
    """A setting whose values narrow a table down."""

    name: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Columns of figures, a line per cell, and below them a line per baseline."""

    columns: tuple[Column, ...]
    lines: tuple[Line, ...]
    baselines: tuple[Line, ...]
    filters: tuple[Filter, ...]
    left_out: int
    """Cells without a line, because others are better."""


def results_table(summary: Summary) -> Table:
    """Return all metrics of all cells; the main metric has its difference to the baseline cell beside it."""
    # the number of examples stands at the top, and in a note where cells differ in it
    names = list(dict.fromkeys((*summary.headlines, *(name for name in summary.metrics if name != "examples"))))
    names += [name for name in _COSTS_BESIDE if name in summary.costs]
    main, paired = summary.main, bool(summary.comparisons)
    columns = [Column("Seeds", "Done runs, one a seed.", "descending")]
    for name in names:
        columns.append(_column(_ALL[name]))
        columns += _paired_columns(summary) if paired and name == main else []

    def figures(row: Row, *, baseline: bool) -> tuple[Figure, ...]:
        found = [Figure("") if baseline else Figure(str(row.seeds), row.seeds)]
        for name in names:
            found.append(_figure(summary, row, _ALL[name], baseline=baseline))
            if paired and name == main:
                found += [Figure("")] * 3 if baseline else _paired_figures(summary, row.label, _ALL[main])
        return tuple(found)

    lines = _lines(summary, {row.label: figures(row, baseline=False) for row in shown_rows(summary, MOST_LINES)})
    baselines = tuple(
        Line(each.row.label, None, "", figures(each.row, baseline=True), {}) for each in summary.baselines
    )
    return Table(tuple(columns), lines, baselines, _filters(summary), len(summary.rows) - len(lines))


def cost_table(summary: Summary) -> Table:
    """Return the main metric and all costs of all cells."""
    names = [*([summary.main] if summary.main in summary.metrics else []), *summary.costs]
    figures = {
        row.label: tuple(_figure(summary, row, _ALL[name], baseline=False) for name in names)
        for row in shown_rows(summary, MOST_LINES)
    }
    lines = _lines(summary, figures)
    return Table(tuple(_column(_ALL[name]) for name in names), lines, (), (), len(summary.rows) - len(lines))


def _lines(summary: Summary, figures: Mapping[str, tuple[Figure, ...]]) -> tuple[Line, ...]:
    colours, marks = cell_colours(summary.cells), {row.label: row.mark for row in summary.rows}
    parts = {cell.label: cell.parts for cell in summary.cells}
    return tuple(Line(label, colours[label], marks[label], own, parts[label]) for label, own in figures.items())


def _filters(summary: Summary) -> tuple[Filter, ...]:
    cells = [cell for cell in summary.cells if cell.runs]
    if len(cells) < FILTERED_FROM:
        return ()
    names = dict.fromkeys(name for cell in cells for name in cell.parts)
    values = {name: tuple(dict.fromkeys(cell.parts[name] for cell in cells if name in cell.parts)) for name in names}
    # a setting with another value in every cell names the cell: that is what the search is for
    most = min(MOST_VALUES, len(cells) - 1)
    return tuple(Filter(name, _sorted(own)) for name, own in values.items() if 1 < len(own) <= most)


def _sorted(values: Sequence[str]) -> tuple[str, ...]:
    def order(value: str) -> tuple[bool, float, str]:
        try:
            return False, float(value), value
        except ValueError:
            return True, 0.0, value

    return tuple(sorted(values, key=order))


def _column(metric: Metric) -> Column:
    percent = ", %" if metric.percent else ""
    return Column(
        f"{metric.title}{percent}", metric.protocol, "ascending" if metric.better == "lower" else "descending"
    )


def _paired_columns(summary: Summary) -> list[Column]:
    metric = METRICS[summary.main]
    counted_in = f", {unit(metric)}" if unit(metric) else ""
    against = f"{summary.against}, paired on the same questions and seeds, with its {100 * LEVEL:.0f} % interval."
    return [
        Column(f"Difference{counted_in}", f"Difference in {metric_name(metric)} to {against}", "descending"),
        Column(
            "p, Holm" if len(summary.comparisons) > 1 else "p",
            "Paired permutation test over questions and seeds against no difference, two-sided; "
            f"{correction(len(summary.comparisons))}.",
            "ascending",
        ),
        Column(
            f"Detectable{counted_in}",
            "The smallest true difference that this comparison would have found with 80 % power at 5 %.",
            "ascending",
        ),
    ]


def _paired_figures(summary: Summary, label: str, metric: Metric) -> list[Figure]:
    if label == summary.against:
        return [Figure("reference", 0.0), Figure(MISSING), Figure(MISSING)]
    difference = summary.comparisons.get(label)
    if difference is None:
        return [Figure(MISSING, detail="nothing to compare"), Figure(MISSING), Figure(MISSING)]
    p = p_of(difference)
    basis = f"{difference.seeds} seed(s), {difference.examples} examples in common"
    return [
        Figure(format_interval(metric, difference), difference.mean, detail=basis),
        Figure(format_p(p), p, detail=f"before the correction: {format_p(difference.p)}"),
        Figure(format_size(metric, difference.detectable), difference.detectable),
    ]


def _figure(summary: Summary, row: Row, metric: Metric, *, baseline: bool) -> Figure:
    estimate = row.estimates.get(metric.name)
    if estimate is None:
        return Figure(MISSING, detail="not measured")
    return Figure(
        text=format_estimate(metric, estimate),
        order=estimate.mean if math.isfinite(estimate.mean) else None,
        best=not baseline and row.label in summary.best[metric.name],
        detail=_detail(metric, estimate) if len(summary.rows) <= MOST_VALUES else "",
    )


def _detail(metric: Metric, estimate: Estimate) -> str:
    """Tell the interval from end to end, what it was drawn over, and the seeds."""
    told = []
    if estimate.low is not None and estimate.high is not None:
        ends = f"{format_value(metric, estimate.low)} to {format_value(metric, estimate.high)}"
        seeds = [f"{estimate.count} seeds"] if estimate.count > 1 else []
        over = " and ".join([*seeds, *([f"{estimate.examples:,} examples"] if estimate.examples else [])])
        told.append(f"{100 * LEVEL:.0f} % interval {ends}, over {over}")
    if estimate.count > 1:
        told.append(f"per seed: {', '.join(format_value(metric, value) for value in estimate.values)}")
    return "; ".join(told)
