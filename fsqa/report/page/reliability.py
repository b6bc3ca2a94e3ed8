"""Reliability diagrams of the page, in per cent of their frames."""

from collections.abc import Sequence
from dataclasses import dataclass

from fsqa.metrics.calibration import Bin
from fsqa.report.charts import Tick, axis_label
from fsqa.report.palette import cell_colours
from fsqa.report.reliability import CellReliability
from fsqa.report.summary import Summary

TICKS = (0, 25, 50, 75, 100)


@dataclass(frozen=True, slots=True)
class Bar:
    """The answers of one interval of confidence."""

    left: float
    width: float
    height: float
    count: str
    told: str


@dataclass(frozen=True, slots=True)
class ReliabilityChart:
    """One cell: its bars from low to high confidence."""

    label: str
    colour: int
    error: str
    bars: tuple[Bar, ...]
    ticks: tuple[Tick, ...]


def reliability_charts(summary: Summary, cells: Sequence[CellReliability]) -> tuple[ReliabilityChart, ...]:
    """Return a diagram for each cell that knows how sure it was."""
    colours = cell_colours(summary.cells)
    ticks = tuple(Tick(tick, axis_label(tick)) for tick in TICKS)
    return tuple(
        ReliabilityChart(
            label=cell.label,
            colour=colours[cell.label],
            error=f"{100 * cell.error:.1f}",
            bars=tuple(_bar(each) for each in cell.bins),
            ticks=ticks,
        )
        for cell in cells
    )


def _bar(each: Bin) -> Bar:
    return Bar(
        left=round(100 * each.low, 3),
        width=round(100 * (each.high - each.low), 3),
        height=round(100 * each.accuracy, 3),
        count=f"{each.count:,}",
        told=(
            f"confidence {100 * each.low:.0f} to {100 * each.high:.0f} %: {100 * each.accuracy:.1f} % right of "
            f"{each.count:,} answers, mean confidence {100 * each.confidence:.1f} %"
        ),
    )
