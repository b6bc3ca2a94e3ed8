"""Reliability: the share of right answers over the confidence they were given with, a panel per cell."""

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from fsqa.report.labels import wrapped_label
from fsqa.report.palette import LIGHT, cell_colours
from fsqa.report.plots.frame import INK, MUTED, Plot, drawn, dress, say
from fsqa.report.reliability import CellReliability
from fsqa.report.summary import Summary

MOST_BESIDE = 4
"""Panels in a row."""


@drawn
def reliability(summary: Summary, cells: Sequence[CellReliability]) -> Plot:
    """Return a reliability diagram of each cell, over the answers of all its seeds, with its calibration error.

    A bar is the share of right answers in an interval of confidence, the figure above it how many answers lie there;
    the line is what a calibrated model would reach.
    """
    columns = max(1, min(len(cells), MOST_BESIDE))
    rows = max(1, math.ceil(len(cells) / columns))
    plot = Plot(max(3.5 * columns, 5), 0.7 + 3.6 * rows)
    if not cells:
        say(plot.add_subplot(), "no run wrote how sure it was")
        return plot
    colours = cell_colours(summary.cells)
    panels = plot.subplots(rows, columns, squeeze=False, sharex=True, sharey=True).flat
    for axes, cell in zip(panels, cells, strict=False):
        _panel(axes, cell, LIGHT[colours[cell.label]])
    for axes in list(panels)[len(cells) :]:
        axes.set_axis_off()
    told = "bar: share of right answers; figure: how many answers; line: right as often as sure"
    plot.suptitle(f"{summary.title}   ({told})", x=0.01, ha="left", fontsize=10, color=MUTED)
    return plot


def _panel(axes: Axes, cell: CellReliability, colour: str) -> None:
    dress(axes, f"{wrapped_label(cell.label, 30)}\nECE {100 * cell.error:.1f} %", grid="both")
    middles = [(each.low + each.high) / 2 for each in cell.bins]
    width = 0.92 * (cell.bins[0].high - cell.bins[0].low)
    axes.bar(middles, [each.accuracy for each in cell.bins], width=width, color=colour, alpha=0.9, zorder=2)
    axes.plot([0, 1], [0, 1], color=INK, linewidth=1.2, linestyle="--", zorder=3)
    axes.scatter(
        [each.confidence for each in cell.bins],
        [each.accuracy for each in cell.bins],
        s=18,
        color="white",
        edgecolor=INK,
        linewidth=0.9,
        zorder=4,
    )
    for middle, each in zip(middles, cell.bins, strict=True):
        axes.annotate(
            f"{each.count:,}",
            (middle, each.accuracy),
            (0, 5),
            textcoords="offset points",
            ha="center",
            fontsize=7,
            color=MUTED,
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.7, "pad": 0.6},  # the line passes behind
            zorder=5,
        )
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.06)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(PercentFormatter(1, symbol=""))
    axes.set_xlabel("confidence, %", loc="left")
    axes.set_ylabel("right, %", loc="top")
