"""Learning curves: a panel per logged metric, over optimizer steps and over the tokens that were learned from."""

import math
from collections.abc import Sequence

from matplotlib.axes import Axes

from fsqa.report.curves import CURVES, Curve
from fsqa.report.labels import short_label
from fsqa.report.palette import LIGHT, curve_colours
from fsqa.report.plots.frame import MUTED, Plot, count_axis, drawn, dress, say
from fsqa.report.summary import Summary

DRAWN = ("val/answer_nll", "val/exact_match", "train/loss")
"""Curves that stand in the report; notebooks may ask for any of ``CURVES``."""


@drawn
def curves(summary: Summary, curves: Sequence[Curve], metrics: Sequence[str] = DRAWN) -> Plot:
    """Return the curves of the leading cells: a line is the mean over seeds, its band goes from lowest to highest seed.

    The upper row is over optimizer steps, the lower one over loss tokens, where cells that learn from few tokens of an
    example have seen fewer.
    """
    colours = curve_colours(summary.leading, summary.cells)
    own = [curve for curve in curves if curve.label in colours]
    logged = [name for name in metrics if any(curve.metric == name for curve in own)]
    counted = any(curve.tokens for curve in own if curve.metric in logged)
    # some 48 letters of the legend fit below each panel
    widest = max((len(short_label(label)) + 6 for label in colours), default=1)
    columns = max(1, min(len(colours), 4, 48 * max(len(logged), 2) // widest))
    rows = 2 if counted else 1
    legend = 0.22 * math.ceil(len(colours) / columns)
    plot = Plot(max(3.9 * len(logged), 7), 0.9 + 2.9 * rows + legend)
    if not logged:
        say(plot.add_subplot(), "no curves were logged")
        return plot
    panels = plot.subplots(rows, len(logged), squeeze=False)
    for over_tokens, row in zip((False, True), panels, strict=False):
        for axes, name in zip(row, logged, strict=True):
            shown = [curve for curve in own if curve.metric == name and (curve.tokens or not over_tokens)]
            _panel(axes, name, shown, colours, over_tokens)
    handles, labels = plot.axes[0].get_legend_handles_labels()
    plot.legend(handles, labels, loc="outside lower left", frameon=False, ncols=columns, fontsize=9)
    bands = "line: mean over seeds; band: lowest to highest seed"
    left_out = len(summary.rows) - len(colours)
    more = f"; the best {len(colours)} of {len(summary.rows)} cells" if left_out > 0 else ""
    plot.suptitle(f"{summary.title}   ({bands}{more})", x=0.01, ha="left", fontsize=10, color=MUTED)
    return plot


def _panel(axes: Axes, name: str, curves: Sequence[Curve], colours: dict[str, int], over_tokens: bool) -> None:
    title, percent, _ = CURVES[name].partition(", %")
    split = ", validation" if name.startswith("val/") else ""
    dress(axes, "" if over_tokens else f"{title}{split}{percent}", grid="y")
    axes.set_xlabel("loss tokens" if over_tokens else "optimizer steps", loc="left")
    for curve in curves:
        across = curve.tokens if over_tokens else curve.steps
        shade = LIGHT[colours[curve.label]]
        axes.fill_between(across, curve.low, curve.high, color=shade, alpha=0.16, linewidth=0)
        marker = "o" if len(across) == 1 else None
        axes.plot(across, curve.mean, color=shade, linewidth=1.8, marker=marker, label=short_label(curve.label))
    ends = [max(curve.tokens if over_tokens else curve.steps) for curve in curves]
    if ends:
        axes.locator_params(axis="x", nbins=5)
        count_axis(axes, "x", [max(ends)])
