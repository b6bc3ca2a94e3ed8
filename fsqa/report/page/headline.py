"""What stands first on the page: the size of the study in numbers, and its scores as bars."""

from dataclasses import dataclass

from fsqa.report.charts import BarChart, bar_chart
from fsqa.report.headlines import is_of_text
from fsqa.report.summary import Summary
from fsqa.study.outside import is_outside


@dataclass(frozen=True, slots=True)
class Tile:
    """One number and what it counts."""

    value: str
    name: str


def tiles(summary: Summary) -> tuple[Tile, ...]:
    """Return what the study consists of."""
    done = [run for cell in summary.cells for run in cell.runs]
    cells = len(summary.cells)
    found = [
        Tile(f"{cells:,}", "cell" if cells == 1 else "cells"),
        Tile(f"{len(done):,} of {len(summary.runs):,}", "runs done"),
    ]
    trained = [cell for cell in summary.cells if not is_outside(cell)]
    seeds = sorted({len(cell.runs) for cell in trained or summary.cells})
    found.append(Tile(_range([str(seeds[0]), str(seeds[-1])]), "seeds per cell"))
    counts = sorted({int(row.estimates["examples"].mean) for row in summary.rows if "examples" in row.estimates})
    if counts:
        asked = "documents" if is_of_text(summary.metrics, summary.main) else "questions"
        found.append(Tile(_range([f"{counts[0]:,}", f"{counts[-1]:,}"]), f"{summary.split} {asked}"))
    seconds = sum(run.measures.cost.get("seconds", 0.0) for run in done)
    if seconds:
        found.append(Tile(duration(seconds), "of training"))
    return tuple(found)


def score_charts(summary: Summary) -> tuple[BarChart, ...]:
    """Return the bars of every headline metric that was measured, the main metric first."""
    charts = [bar_chart(summary, name) for name in summary.headlines]
    return tuple(chart for chart in charts if chart)


def duration(seconds: float) -> str:
    """Return a time in the unit a person would use."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:,.1f} h"


def _range(ends: list[str]) -> str:
    return "–".join(dict.fromkeys(ends))
