"""The two pictures of a study, as PNG: scores with intervals, and learning curves."""

import io
import math
from collections.abc import Sequence
from typing import Literal

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from fsqa.metrics.catalogue import METRICS, Metric
from fsqa.report.curves import CURVES, Curve
from fsqa.report.numbers import format_estimate, format_value
from fsqa.report.palette import LIGHT, cell_colours, curve_colours
from fsqa.report.summary import Row, Summary

INK, MUTED, LINE = "#1c1b19", "#6b6862", "#e4e0d8"
_STYLES = {"untouched": ":", "most_frequent_answer": "-.", "nearest_question": "--"}


def draw_overview(summary: Summary, sentence: str) -> bytes:
    """Return a PNG of the main metric per cell: bars with intervals, a dot per seed, baselines as lines."""
    metric = METRICS[summary.main]
    scale, most = (100.0, 1.0) if metric.percent else (1.0, math.inf)
    name = f"{metric.title[0].lower()}{metric.title[1:]}"
    rows = [row for row in summary.rows if math.isfinite(_mean(row, metric))]
    figure = Figure(figsize=(9, 1.9 + 0.62 * max(len(rows), 1)), dpi=160)
    figure.set_layout_engine("constrained", w_pad=0.16, h_pad=0.12)
    axes = figure.add_subplot()
    _dress(axes, f"{summary.title}: {name}, {summary.split} split", grid="x")
    highest, colours = 0.0, cell_colours(summary.cells)
    for place, row in enumerate(rows):
        estimate = row.estimates[metric.name]
        low, high = estimate.low, estimate.high
        shade = LIGHT[colours[row.label]]
        axes.barh(place, scale * estimate.mean, height=0.56, color=shade, alpha=0.9, zorder=2)
        if low is not None and high is not None:
            ends = [scale * max(low, 0), scale * min(high, most)]
            axes.plot(ends, [place, place], color=INK, linewidth=1.8, zorder=4)
        spread = [place + 0.16 * (number % 3 - 1) for number in range(estimate.count)]
        points = [scale * value for value in estimate.values]
        axes.scatter(points, spread, s=20, color="white", edgecolor=INK, linewidth=0.9, zorder=5)
        end = scale * min(max(estimate.mean, high or 0, *estimate.values), most)
        highest = max(highest, end)
        axes.annotate(
            format_estimate(metric, estimate),
            (end, place),
            (8, 0),
            textcoords="offset points",
            va="center",
            color=INK,
        )
    axes.set_yticks(range(len(rows)), [row.label for row in rows])
    axes.invert_yaxis()
    axes.set_xlim(0, max(highest * 1.22, 1.0))
    axes.set_xticks([tick for tick in axes.get_xticks() if tick <= scale * most])  # the rest is room for figures
    unit = f"{name}, %" if metric.percent else name
    axes.set_xlabel(f"{unit}  (bar: mean; line: 95 % interval over seeds; dots: seeds)", color=MUTED, loc="left")
    _baseline_lines(figure, axes, summary, metric)
    if not rows:
        axes.text(0.5, 0.5, sentence, transform=axes.transAxes, ha="center", color=MUTED, wrap=True)
    return _png(figure)


def draw_curves(summary: Summary, curves: Sequence[Curve]) -> bytes:
    """Return a PNG of the learning curves: one panel per metric, the mean of each cell and the range of its seeds."""
    colours = curve_colours(summary.leading, summary.cells)
    # some 130 letters fit into one line of the legend
    columns = max(1, min(len(colours), 4, 130 // max((len(label) + 6 for label in colours), default=1)))
    figure = Figure(figsize=(11, 4.4 + 0.22 * math.ceil(len(colours) / columns)), dpi=160)
    figure.set_layout_engine("constrained", w_pad=0.16, h_pad=0.12)
    for axes, (metric, title) in zip(figure.subplots(1, len(CURVES)), CURVES.items(), strict=True):
        _dress(axes, f"{title}, validation", grid="y")
        axes.set_xlabel("optimizer steps", color=MUTED, loc="left")
        own = [curve for curve in curves if curve.metric == metric and curve.label in colours]
        for curve in own:
            shade = LIGHT[colours[curve.label]]
            axes.fill_between(curve.steps, curve.low, curve.high, color=shade, alpha=0.16, linewidth=0)
            marker = "o" if len(curve.steps) == 1 else None
            axes.plot(curve.steps, curve.mean, color=shade, linewidth=2, marker=marker, label=curve.label)
        if not own:
            axes.text(0.5, 0.5, "not logged", transform=axes.transAxes, ha="center", color=MUTED)
    handles, labels = figure.axes[0].get_legend_handles_labels()
    if handles:
        figure.legend(handles, labels, loc="outside lower left", frameon=False, ncols=columns)
    return _png(figure)


def _dress(axes: Axes, title: str, grid: Literal["x", "y"]) -> None:
    axes.set_title(title, loc="left", fontsize=12, fontweight="bold", color=INK, pad=12)
    axes.spines[["top", "right", "left", "bottom"]].set_visible(False)
    axes.grid(axis=grid, color=LINE, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(length=0, colors=INK)


def _mean(row: Row, metric: Metric) -> float:
    return row.estimates[metric.name].mean if metric.name in row.estimates else math.nan


def _baseline_lines(figure: Figure, axes: Axes, summary: Summary, metric: Metric) -> None:
    """Draw a line through all bars for a baseline that all cells share; others would need a line per bar.

    One that no cell comes near, as the untouched model's likelihood, would press all bars to the left.
    """
    right = axes.get_xlim()[1]
    for each in summary.baselines:
        value = (100 if metric.percent else 1) * _mean(each.row, metric)
        if len(each.cells) == len(summary.rows) and (value <= right or (metric.percent and math.isfinite(value))):
            label = f"{each.row.label} {format_value(metric, each.row.estimates[metric.name].mean)}"
            axes.axvline(value, color=INK, linestyle=_STYLES.get(each.name, "--"), linewidth=1.3, zorder=3, label=label)
    handles, labels = axes.get_legend_handles_labels()
    if handles:
        figure.legend(handles, labels, loc="outside lower left", frameon=False, ncols=3, fontsize=9, labelcolor=INK)


def _png(figure: Figure) -> bytes:
    picture = io.BytesIO()
    FigureCanvasAgg(figure)
    # without the version of matplotlib in it, the same study gives the same bytes
    figure.savefig(picture, format="png", facecolor="white", metadata={"Software": None})
    return picture.getvalue()
