"""What other post-processing makes of the same output: the cells whose runs scored it, one row a setting."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich import box
from rich.table import Table
from rich.text import Text

from fsqa.metrics.catalogue import METRICS
from fsqa.report.headlines import MAIN
from fsqa.report.numbers import MISSING, format_estimate, format_points
from fsqa.report.summary import Summary
from fsqa.study.cells import Cell
from fsqa.study.statistics import mean_with_interval

TITLE = "Post-processing"
EXPLANATION = (
    "The same output of the same models on the test split under other settings of the post-processing: mean ± half of "
    "the 95 % interval over seeds, and the difference in exact match to the setting that the cell was scored with."
)
SHOWN = ("exact_match", "f1")
HEADER = ("cell", "setting", "exact match, %", "F1, %", "points to the cell's own")


@dataclass(frozen=True, slots=True)
class VariantRow:
    """One setting of the post-processing in one cell."""

    cell: str
    setting: str
    figures: tuple[str, ...]
    """Exact match and F1, as shown."""
    difference: str
    """Points of exact match to the setting the cell was scored with, as shown."""

    @property
    def texts(self) -> tuple[str, ...]:
        """All that a table shows, in the order of its header."""
        return self.cell, self.setting, *self.figures, self.difference


def variant_rows(summary: Summary) -> tuple[VariantRow, ...]:
    """Return the settings of every cell whose runs scored more than their own; empty where none did."""
    return tuple(row for cell in summary.cells for row in _of_cell(cell))


def _of_cell(cell: Cell) -> Iterator[VariantRow]:
    names = dict.fromkeys(name for run in cell.runs for name in run.measures.variants)
    for name in names:
        scored = [run.measures for run in cell.runs if name in run.measures.variants]
        each = [measures.variants[name] for measures in scored]
        columns = {metric: [figures[metric] for figures in each if metric in figures] for metric in SHOWN}
        estimates = {metric: mean_with_interval(values) for metric, values in columns.items() if values}
        differences = [
            measures.variants[name][MAIN] - measures.test[MAIN]
            for measures in scored
            if MAIN in measures.variants[name] and MAIN in measures.test
        ]
        yield VariantRow(
            cell=cell.label,
            setting=name,
            figures=tuple(format_estimate(METRICS[metric], estimates.get(metric)) for metric in SHOWN),
            difference=format_points(sum(differences) / len(differences)) if differences else MISSING,
        )


def terminal_variants(rows: Sequence[VariantRow]) -> Table:
    """Return a small table for a terminal; a cell is named once."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, title_justify="left", header_style="bold")
    table.title = Text(f"{TITLE}: the same output under other settings", style="bold")
    table.add_column("cell", overflow="fold", ratio=1, min_width=18)
    table.add_column("setting", overflow="fold")
    for name in ("EM %", "F1 %", "EM to own"):
        table.add_column(name, justify="right", no_wrap=True)
    named = ""
    for row in rows:
        table.add_row(Text("" if row.cell == named else row.cell), Text(row.setting), *row.figures, row.difference)
        named = row.cell
    return table
