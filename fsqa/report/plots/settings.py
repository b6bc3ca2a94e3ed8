"""What the settings of a sweep did: main effects and heat maps of two settings."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.colors import LinearSegmentedColormap

from fsqa.metrics.catalogue import METRICS
from fsqa.metrics.metric import Metric
from fsqa.report.factors import Factor, Interaction
from fsqa.report.numbers import format_value
from fsqa.report.palette import LIGHT
from fsqa.report.plots.frame import INK, MUTED, Plot, drawn, dress, say

MOST_PANELS = 6
_BETTER = LinearSegmentedColormap.from_list("better", ["#f4f1ea", "#9cc7e6", "#0b6fb8", "#083a66"])


@drawn
def effects(factors: Sequence[Factor]) -> Plot:
    """Return a panel per setting, the most important first: the mean of its cells at each of its values.

    All panels share their scale, so that what matters looks steep.
    """
    if not factors:
        plot = Plot(7, 3)
        say(plot.add_subplot(), "the cells differ in fewer than two settings")
        return plot
    shown = factors[:MOST_PANELS]
    across = 2 if len(shown) == 4 else min(len(shown), 3)
    down = -(-len(shown) // across)
    plot = Plot(max(3.6 * across, 7), 0.5 + 3.1 * down)
    grid = plot.subplots(down, across, squeeze=False, sharey=True).flatten()
    metric = METRICS[shown[0].metric]
    for number, axes in enumerate(grid):
        if number < len(shown):
            _effect(axes, shown[number], metric, number)
        else:
            axes.set_axis_off()
    for axes in grid[::across]:
        axes.set_ylabel(_axis(metric))
    left_out = f"; {len(shown)} of {len(factors)} settings" if len(factors) > len(shown) else ""
    plot.suptitle(
        f"mean over the cells with each value; share of the variance between cells; bars: 95 % over seeds{left_out}",
        x=0.01,
        ha="left",
        fontsize=9,
        color=MUTED,
    )
    return plot


@drawn
def heat_map(interaction: Interaction) -> Plot:
    """Return the mean of the cells with each pair of values; darker is better, an empty field was not run."""
    metric = METRICS[interaction.metric]
    scale = 100.0 if metric.percent else 1.0
    values = np.array(
        [[np.nan if value is None else value for value in row] for row in interaction.values], dtype=np.float64
    )
    height, width = values.shape
    plot = Plot(max(6.0, 2.6 + 0.85 * width), 1.7 + 0.5 * height)
    axes = plot.add_subplot()
    lower = metric.better == "lower"
    axes.imshow(scale * values, aspect="auto", cmap=_BETTER.reversed() if lower else _BETTER)
    dress(axes, f"{metric.title}{', %' if metric.percent else ''}", grid="x")
    axes.grid(False)
    _name_levels(axes.xaxis, interaction.column_levels, 0.85 * width)
    axes.set_yticks(range(height), interaction.row_levels)
    axes.set_xlabel(_last(interaction.columns))
    axes.set_ylabel(_last(interaction.rows))
    low, high = np.nanmin(scale * values), np.nanmax(scale * values)
    for row in range(height):
        for column in range(width):
            value = interaction.values[row][column]
            if value is None:
                axes.text(column, row, "not run", ha="center", va="center", color=MUTED, fontsize=8)
                continue
            upper = scale * value > (low + high) / 2
            axes.text(
                column,
                row,
                format_value(metric, value),
                ha="center",
                va="center",
                color="white" if upper != lower else INK,
            )
    return plot


def _axis(metric: Metric) -> str:
    return f"{metric.title}{', %' if metric.percent else ''}"


def _effect(axes: Axes, factor: Factor, metric: Metric, number: int) -> None:
    scale, shade = (100.0 if metric.percent else 1.0), LIGHT[number % len(LIGHT)]
    dress(axes, f"{_last(factor.name)}  {100 * factor.importance:.0f} %", grid="y")
    places = range(len(factor.levels))
    means = [scale * effect.mean for effect in factor.effects]
    if all(level[:1].isdigit() for level in factor.levels):  # between names there is nothing
        axes.plot(places, means, color=shade, linewidth=1.6, alpha=0.55, zorder=2)
    for place, effect in zip(places, factor.effects, strict=True):
        if effect.low is not None and effect.high is not None:
            axes.plot([place, place], [scale * effect.low, scale * effect.high], color=shade, linewidth=1.8, zorder=3)
    axes.scatter(places, means, s=46, color=shade, edgecolor="white", zorder=4)
    _name_levels(axes.xaxis, factor.levels, 3.2)
    axes.margins(x=0.16)


def _last(name: str) -> str:
    return name.rpartition(".")[2]


def _name_levels(axis: Axis, levels: Sequence[str], inches: float) -> None:
    """Write the values at an axis, turned where they would run into each other; an inch holds some ten letters."""
    turned = sum(len(level) + 2 for level in levels) > 10.5 * inches
    axis.set_ticks(range(len(levels)), levels, rotation=25 if turned else 0, ha="right" if turned else "center")
