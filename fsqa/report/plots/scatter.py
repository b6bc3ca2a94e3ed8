"""Cost against quality: which cells nobody beats at their price."""

import math
from collections.abc import Sequence

from matplotlib.axes import Axes

from fsqa.metrics.catalogue import COSTS, METRICS
from fsqa.metrics.metric import Metric
from fsqa.report.labels import metric_name, short_label
from fsqa.report.palette import LIGHT, cell_colours
from fsqa.report.plots.frame import INK, MUTED, Plot, count_axis, drawn, dress, say
from fsqa.report.summary import Row, Summary

AXES = ("seconds", "trainable_parameters")
"""Costs that are drawn where cells differ in them."""
MOST_NAMED = 8


@drawn
def cost(summary: Summary, costs: Sequence[str] = AXES) -> Plot:
    """Return a panel per cost: the main metric of each cell over what the cell cost.

    A line joins the cells that no other cell beats in both; they carry numbers, and the legend says their names.
    """
    metric = METRICS[summary.main]
    panels = [(name, _measured(summary, name, metric)) for name in costs]
    panels = [(name, rows) for name, rows in panels if len({row.estimates[name].mean for row in rows}) > 1]
    if not panels:
        plot = Plot(7, 3)
        say(plot.add_subplot(), "the cells do not differ in what they cost")
        return plot
    fronts = {name: pareto_front(rows, name, metric) for name, rows in panels}
    named = _named(summary, panels[0][1], [row for front in fronts.values() for row in front])
    plot = Plot(max(4.9 * len(panels), 7), 3.9 + 0.22 * math.ceil(len(named) / _columns(len(panels), named)))
    grid = plot.subplots(1, len(panels), squeeze=False, sharey=True)[0]
    for axes, (name, rows) in zip(grid, panels, strict=True):
        _panel(axes, summary, rows, name, fronts[name], named)
    told = metric.title + (", %" if metric.percent else "")
    grid[0].set_ylabel(told)
    more = f"; the legend names {len(named)} of {len(panels[0][1])} cells" if len(named) < len(panels[0][1]) else ""
    line = f"line: cells that no other beats in cost and {metric_name(metric)} at once"
    plot.suptitle(
        f"{summary.title}   ({line}; bars: 95 %{more})",
        x=0.01,
        ha="left",
        fontsize=9,
        color=MUTED,
    )
    _legend(plot, grid[0], summary, named, _columns(len(panels), named))
    return plot


def pareto_front(rows: Sequence[Row], cost: str, metric: Metric) -> tuple[Row, ...]:
    """Return the rows that are better than every row that costs as little, the cheapest first."""
    sign = 1 if metric.better == "higher" else -1
    ordered = sorted(rows, key=lambda row: (row.estimates[cost].mean, -sign * row.estimates[metric.name].mean))
    front: list[Row] = []
    for row in ordered:
        score = sign * row.estimates[metric.name].mean
        if not front or score > sign * front[-1].estimates[metric.name].mean:
            front.append(row)
    return tuple(front)


def _measured(summary: Summary, name: str, metric: Metric) -> list[Row]:
    return [
        row
        for row in summary.rows
        if all(key in row.estimates and math.isfinite(row.estimates[key].mean) for key in (name, metric.name))
    ]


def _named(summary: Summary, rows: Sequence[Row], front: Sequence[Row]) -> dict[str, int]:
    """Give a number to each cell that the legend names: all of a few, otherwise those that lie on a front."""
    labels = [row.label for row in rows] if len(rows) <= MOST_NAMED else list(dict.fromkeys(row.label for row in front))
    order = {row.label: place for place, row in enumerate(summary.rows)}
    return {label: number for number, label in enumerate(sorted(labels, key=lambda label: order[label]), start=1)}


def _panel(
    axes: Axes, summary: Summary, rows: Sequence[Row], name: str, front: Sequence[Row], named: dict[str, int]
) -> None:
    metric, colours = METRICS[summary.main], cell_colours(summary.cells)
    scale, most = (100.0, 1.0) if metric.percent else (1.0, math.inf)
    marked = named if len(named) == len(rows) else {row.label: named[row.label] for row in front}
    dress(axes, "", grid="both")
    title = COSTS[name].title
    axes.set_xlabel(f"{title[0].lower()}{title[1:]}{' weights' if name == 'trainable_parameters' else ''}")
    line = [(row.estimates[name].mean, scale * row.estimates[metric.name].mean) for row in front]
    axes.plot(*zip(*line, strict=True), color=MUTED, linewidth=1.2, linestyle="--", zorder=2)
    big, small = [row for row in rows if row.label in marked], [row for row in rows if row.label not in marked]
    for own, size in ((small, 30), (big, 150)):
        places = [(row.estimates[name].mean, scale * row.estimates[metric.name].mean) for row in own]
        shades = [LIGHT[colours[row.label]] for row in own]
        if own:
            x, y = zip(*places, strict=True)
            axes.scatter(x, y, s=size, color=shades, edgecolor="white", linewidth=0.8, zorder=5)
    for row in big:
        price, estimate = row.estimates[name].mean, row.estimates[metric.name]
        if estimate.low is not None and estimate.high is not None:
            ends = [scale * max(estimate.low, 0), scale * min(estimate.high, most)]
            axes.plot([price, price], ends, color=LIGHT[colours[row.label]], linewidth=1.4, zorder=3)
        number = str(marked[row.label])
        axes.text(price, scale * estimate.mean, number, ha="center", va="center", color="white", fontsize=8, zorder=6)
    count_axis(axes, "x", [row.estimates[name].mean for row in rows])
    axes.margins(0.12)


def _columns(panels: int, named: dict[str, int]) -> int:
    """Return how many names fit beside each other, at some 68 letters a panel."""
    widest = max((len(short_label(label)) + 8 for label in named), default=1)
    return max(1, min(4, int(68 * max(panels, 1.4)) // widest))


def _legend(plot: Plot, axes: Axes, summary: Summary, named: dict[str, int], columns: int) -> None:
    colours = cell_colours(summary.cells)
    handles = [
        axes.scatter([], [], s=60, color=LIGHT[colours[label]], label=f"{number}  {short_label(label)}")
        for label, number in named.items()
    ]
    plot.legend(handles=handles, loc="outside lower left", frameon=False, ncols=columns, fontsize=9, labelcolor=INK)
