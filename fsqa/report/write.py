"""``fsqa report``: read the run folders of a study, print its table and write its files."""

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.text import Text

from fsqa.errors import InputError
from fsqa.files import write_bytes, write_text
from fsqa.report.curves import read_curves
from fsqa.report.finding import finding
from fsqa.report.page import render_page
from fsqa.report.plots import draw_curves, draw_overview
from fsqa.report.summary import Summary, summarise
from fsqa.report.table import FULL_WIDTH, csv_table, markdown_table, terminal_table
from fsqa.report.variants import VariantRow, terminal_variants, variant_rows
from fsqa.study.runs import read_study


@dataclass(frozen=True, slots=True)
class ReportFiles:
    """Where a report was written."""

    csv: Path
    markdown: Path
    overview: Path
    """Scores with intervals, PNG."""
    curves: Path
    """Learning curves, PNG."""
    page: Path
    """One self-contained HTML file."""

    @property
    def paths(self) -> tuple[Path, ...]:
        """All files, the page first."""
        return self.page, self.overview, self.curves, self.csv, self.markdown


def write_report(
    study_folders: Sequence[Path], baseline: str | None = None, console: Console | None = None
) -> ReportFiles:
    """Read the studies, print their table to ``console`` and write the report into ``report/`` of the first folder.

    Several studies are read as one, into a folder of its own beside ``report/``. ``baseline`` names the cell the others
    are compared with, by its label or by a value that it alone has; by default it is the first cell. Raises
    ``InputError`` when a folder is missing or holds no run, when a run file is broken, when a cell mixes data, and
    when no cell is called ``baseline``.
    """
    if not study_folders:
        raise InputError("no study to report: give its folder, such as outputs/<study>")
    folders = tuple(dict.fromkeys(Path(folder) for folder in study_folders))
    names = [folder.resolve().name for folder in folders]
    runs = [run for folder in folders for run in read_study(folder)]
    summary = summarise(" + ".join(names), runs, baseline)
    sentence = finding(summary)
    files = _files(folders[0] / ("report" if len(folders) == 1 else f"report-with-{'-'.join(names[1:])}"))
    curves = read_curves(summary.cells)
    write_text(files.csv, csv_table(summary))
    variants = variant_rows(summary)
    write_text(files.markdown, markdown_table(summary, sentence, variants))
    write_bytes(files.overview, draw_overview(summary, sentence))
    write_bytes(files.curves, draw_curves(summary, curves))
    write_text(files.page, render_page(summary, sentence, curves, variants))
    _print(console or _console(), summary, sentence, variants, files)
    return files


def _files(folder: Path) -> ReportFiles:
    return ReportFiles(
        csv=folder / "table.csv",
        markdown=folder / "table.md",
        overview=folder / "overview.png",
        curves=folder / "curves.png",
        page=folder / "report.html",
    )


def _console() -> Console:
    """Print as wide as the terminal is; into a file or a pipe, as wide as the table wants."""
    known = sys.stdout.isatty() or "COLUMNS" in os.environ
    return Console(width=None if known else FULL_WIDTH)


def _print(
    console: Console, summary: Summary, sentence: str, variants: Sequence[VariantRow], files: ReportFiles
) -> None:
    console.print(terminal_table(summary, console.width))
    if variants:
        console.print(terminal_variants(variants))
    console.print(Text(sentence))
    for note in summary.notes:
        console.print(Text(f"note: {note}", style="yellow"))
    for run in summary.unfinished:
        console.print(Text(f"not averaged: {run.name}: {run.state}: {run.reason}", style="yellow"))
    console.print()
    for path in files.paths:
        # a path stays on one line, so that it can be copied
        console.print(Text(f"wrote {path}"), soft_wrap=True)
