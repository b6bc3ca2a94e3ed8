"""What all plots share: their look, and how a figure becomes bytes."""

import functools
import io
import math
from collections.abc import Callable, Sequence
from typing import Any, Literal, ParamSpec

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, NullLocator

INK, MUTED, LINE = "#1c1b19", "#6b6862", "#e4e0d8"
_LOOK: dict[str, Any] = {
    "font.size": 10,
    "text.parse_math": False,  # a label with two dollar signs is no formula
    "svg.hashsalt": "fsqa",  # the same study gives the same bytes
    "text.color": INK,
    "axes.labelcolor": MUTED,
    "xtick.color": INK,
    "ytick.color": INK,
}

_Arguments = ParamSpec("_Arguments")


class Plot(Figure):
    """A figure that needs no window and no pyplot; a notebook shows it as PNG."""

    def __init__(self, width: float, height: float) -> None:
        super().__init__(figsize=(width, height), dpi=150, facecolor="white")
        FigureCanvasAgg(self)
        self.set_layout_engine("constrained", w_pad=0.14, h_pad=0.12)

    def png(self) -> bytes:
        """Return the plot as PNG; the same plot gives the same bytes."""
        return self._bytes("png", {"Software": None})

    def svg(self) -> bytes:
        """Return the plot as SVG with its letters drawn, so that it looks alike everywhere."""
        return self._bytes("svg", {"Date": None, "Creator": None})

    def _repr_png_(self) -> bytes:
        return self.png()

    def _bytes(self, kind: str, metadata: dict[str, None]) -> bytes:
        picture = io.BytesIO()
        with rc_context(_LOOK):
            self.savefig(picture, format=kind, metadata=metadata)
        return picture.getvalue()


def drawn(plot: Callable[_Arguments, Plot]) -> Callable[_Arguments, Plot]:
    """Wrap a function that makes a plot: it works in the common look, and the plot is laid out once, not per file."""

    @functools.wraps(plot)
    def in_look(*args: _Arguments.args, **kwargs: _Arguments.kwargs) -> Plot:
        with rc_context(_LOOK):
            figure = plot(*args, **kwargs)
            figure.draw_without_rendering()
            figure.set_layout_engine(None)  # the places are found; drawing again need not look for them
        return figure

    return in_look


def dress(axes: Axes, title: str, grid: Literal["x", "y", "both"]) -> None:
    """Give axes their title and take away what is no data."""
    axes.set_title(title, loc="left", fontsize=11.5, fontweight="bold", color=INK, pad=10)
    axes.spines[["top", "right", "left", "bottom"]].set_visible(False)
    axes.grid(axis=grid, color=LINE, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(which="both", length=0)


def say(axes: Axes, sentence: str) -> None:
    """Show a sentence where there is nothing to draw."""
    axes.set_axis_off()
    axes.text(0.5, 0.5, sentence, transform=axes.transAxes, ha="center", va="center", color=MUTED, wrap=True)


def count_axis(axes: Axes, name: Literal["x", "y"], values: Sequence[float]) -> None:
    """Label an axis with round counts, 20 k or 1.5 M; logarithmic where the values span more than a factor of eight."""
    axis = axes.xaxis if name == "x" else axes.yaxis
    low, high = min(values), max(values)
    if low > 0 and high / low > 8:
        (axes.set_xscale if name == "x" else axes.set_yscale)("log")
        subs = (1.0,) if high / low > 500 else (1.0, 2.0, 5.0)
        axis.set_major_locator(LogLocator(subs=subs, numticks=9))
        axis.set_minor_locator(NullLocator())
        axis.set_minor_formatter(NullFormatter())
    axis.set_major_formatter(FuncFormatter(lambda value, _: short_count(value)))


def short_count(value: float) -> str:
    """Return ``20 k`` or ``1.5 M``; small numbers as they are."""
    for size, letter in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if abs(value) >= size and (letter != " k" or abs(value) >= 1e4):
            return f"{value / size:g}{letter}"
    return f"{value:g}" if math.isfinite(value) else ""
