"""The overview: a bar per cell with its interval and seeds, and lines for what needs no training."""

import math
from collections.abc import Sequence

from matplotlib.axes import Axes

from fsqa.metrics.catalogue import METRICS
from fsqa.metrics.metric import Metric
from fsqa.report.labels import MOST_IN_ORDER, metric_name, shown_rows, wrapped_label
from fsqa.report.numbers import format_estimate, format_value
from fsqa.report.palette import LIGHT, cell_colours
from fsqa.report.plots.frame import INK, MUTED, Plot, drawn, dress, say
from fsqa.report.summary import Row, Summary

MOST_BARS = 30
_STYLES = (":", "-.", "--", (0, (8, 2)), (0, (1, 4)), (0, (5, 2, 1, 2, 1, 2)))
"""Of the baselines, in the order of the tables."""


@drawn
def overview(summary: Summary, metric: str | None = None) -> Plot:
    """Return the bars of a metric, by default the main one: mean, interval and a dot per seed for each cell.

    Up to 12 cells stand in their own order, more by score; of more than 30 the best are drawn.
    """
    chosen = METRICS[metric or summary.main]
    rows = [row for row in shown_rows(summary, MOST_BARS) if math.isfinite(_mean(row, chosen))]
    few = len(rows) <= MOST_IN_ORDER
    labels = [wrapped_label(row.label, 34 if few else 64) for row in rows]
    lines = sum(max(1.0, 0.62 * (label.count("\n") + 1)) for label in labels)
    plot = Plot(9 if few else 10.5, 1.7 + (0.58 if few else 0.34) * max(lines, 2))
    axes = plot.add_subplot()
    name = metric_name(chosen)
    dress(axes, f"{summary.title}: {name}, {summary.split} split", grid="x")
    if not rows:
        say(axes, f"no cell has a figure for {name}")
        return plot
    _bars(axes, summary, rows, chosen)
    axes.set_yticks(range(len(rows)), labels)
    axes.set_ylim(len(rows) - 0.45, -0.55)
    told = f"{name}, %" if chosen.percent else name
    left_out = len(summary.rows) - len(rows)
    against = " and the one they are compared with" if any(row.label == summary.against for row in rows) else ""
    more = f"\n{len(rows)} of {len(summary.rows)} cells: the best{against}" if left_out else ""
    axes.set_xlabel(f"{told}   (bar: mean; line: 95 % interval; dots: seeds){more}", loc="left")
    _baseline_lines(plot, axes, summary, chosen)
    return plot


def _mean(row: Row, metric: Metric) -> float:
    return row.estimates[metric.name].mean if metric.name in row.estimates else math.nan


def _bars(axes: Axes, summary: Summary, rows: Sequence[Row], metric: Metric) -> None:
    scale, most = (100.0, 1.0) if metric.percent else (1.0, math.inf)
    colours, estimates = cell_colours(summary.cells), [row.estimates[metric.name] for row in rows]
    axes.barh(
        range(len(rows)),
        [scale * estimate.mean for estimate in estimates],
        height=0.6,
        color=[LIGHT[colours[row.label]] for row in rows],
        alpha=0.9,
        linewidth=0,
        zorder=2,
    )
    lines = [
        (place, scale * max(estimate.low, 0), scale * min(estimate.high, most))
        for place, estimate in enumerate(estimates)
        if estimate.low is not None and estimate.high is not None
    ]
    if lines:
        axes.hlines(*zip(*lines, strict=True), color=INK, linewidth=1.8, zorder=4)
    dots = [
        (scale * value, place + 0.15 * (number % 3 - 1))
        for place, estimate in enumerate(estimates)
        for number, value in enumerate(estimate.values)
    ]
    across, heights = zip(*dots, strict=True)
    axes.scatter(across, heights, s=14, color="white", edgecolor=INK, linewidth=0.8, zorder=5, clip_on=False)
    ends = [scale * min(max(each.mean, each.high or 0, *each.values), most) for each in estimates]
    for place, (row, estimate, end) in enumerate(zip(rows, estimates, ends, strict=True)):
        best = "bold" if row.label in summary.best[metric.name] else "normal"
        axes.annotate(
            format_estimate(metric, estimate),
            (end, place),
            (7, 0),
            textcoords="offset points",
            va="center",
            fontweight=best,
            bbox={
                "facecolor": "white",
                "edgecolor": "none",
                "alpha": 0.85,
                "pad": 1.5,
            },  # lines of baselines pass behind
            zorder=6,
        )
    axes.set_xlim(0, max(ends) * 1.2 or 1.0)
    axes.set_xticks([tick for tick in axes.get_xticks() if tick <= scale * most])  # the rest is room for figures


def _baseline_lines(plot: Plot, axes: Axes, summary: Summary, metric: Metric) -> None:
    """Draw a line through all bars for a baseline that all cells share; others would need a line per bar.

    One that no cell comes near, as the untouched model's likelihood, would press all bars to the left.
    """
    right = axes.get_xlim()[1]
    names = list(dict.fromkeys(each.name for each in summary.baselines))
    for each in summary.baselines:
        value = (100 if metric.percent else 1) * _mean(each.row, metric)
        shared = {row.label for row in summary.trained} <= set(each.cells)
        if shared and (value <= right or (metric.percent and math.isfinite(value))):
            label = f"{each.row.label} {format_value(metric, each.row.estimates[metric.name].mean)}"
            style = _STYLES[names.index(each.name) % len(_STYLES)]
            axes.axvline(value, color=INK, linestyle=style, linewidth=1.2, zorder=3, label=label)
            axes.set_xlim(0, max(axes.get_xlim()[1], value * 1.03))
    handles, labels = axes.get_legend_handles_labels()
    if handles:
        plot.legend(handles, labels, loc="outside lower left", frameon=False, ncols=3, fontsize=9, labelcolor=MUTED)
