"""``fsqa report``: read the run folders of a study, print its table and write its files."""

import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from fsqa.errors import InputError
from fsqa.files import write_bytes
from fsqa.report import plots, study
from fsqa.report.csv_files import cost_csv, table_csv
from fsqa.report.curves import Curve
from fsqa.report.factors import factors, interactions
from fsqa.report.finding import finding
from fsqa.report.kinds import MOST_PRINTED, kinds_of, terminal_kinds
from fsqa.report.latex import latex_table
from fsqa.report.markdown import markdown_table
from fsqa.report.memorisation import memories, terminal_memories
from fsqa.report.page import render_page
from fsqa.report.reliability import CellReliability, reliabilities
from fsqa.report.summary import Summary
from fsqa.report.table import FULL_WIDTH, terminal_table
from fsqa.report.variants import VariantRow, terminal_variants, variant_rows

PAGE = "report.html"
PLOTS = ("overview", "curves", "cost", "masks", "reliability", "effects", "heat_map")
MOST_NOTES = 12
"""Notes and unfinished runs that are printed; the page has them all."""


@dataclass(frozen=True, slots=True)
class ReportFiles:
    """Where a report was written."""

    folder: Path
    names: tuple[str, ...]
    """Of all files, the page first."""

    @property
    def page(self) -> Path:
        """The self-contained HTML page."""
        return self.folder / PAGE

    @property
    def paths(self) -> tuple[Path, ...]:
        """All files, the page first."""
        return tuple(self.folder / name for name in self.names)


def write_report(
    study_folders: Sequence[Path],
    baseline: str | None = None,
    metric: str | None = None,
    console: Console | None = None,
) -> ReportFiles:
    """Read the studies, print their table to ``console`` and write the report into ``report/`` of the first folder.

    Several studies are read as one, into a folder of its own beside ``report/``; for ``baseline`` and ``metric`` see
    ``study.read``. Raises ``InputError`` for what cannot be read, and when the files cannot be written.
    """
    summary = study.read(*study_folders, baseline=baseline, metric=metric)
    sentence, variants = finding(summary), variant_rows(summary)
    folder = _folder(tuple(dict.fromkeys(Path(folder) for folder in study_folders)))
    contents = dict(_texts(summary, sentence, variants, study.curves(summary)))
    try:
        for name, content in contents.items():
            write_bytes(folder / name, content)
        # a plot that this study no longer has is not left to an earlier one
        for name in PLOTS:
            for kind in ("png", "svg"):
                if f"{name}.{kind}" not in contents:
                    (folder / f"{name}.{kind}").unlink(missing_ok=True)
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(f"cannot write the report into '{folder}': {reason}; make room or give rights") from error
    files = ReportFiles(folder, tuple(contents))
    _print(console or _console(), summary, sentence, variants, files)
    return files


def _folder(studies: Sequence[Path]) -> Path:
    names = [folder.resolve().name for folder in studies]
    return studies[0] / ("report" if len(studies) == 1 else f"report-with-{'-'.join(names[1:])}")


def _texts(
    summary: Summary, sentence: str, variants: Sequence[VariantRow], curves: Sequence[Curve]
) -> Iterator[tuple[str, bytes]]:
    """Yield every file with its content, the page first."""
    known = reliabilities(summary)
    yield PAGE, render_page(summary, sentence, curves, variants, known).encode()
    yield "table.csv", table_csv(summary).encode()
    yield "cost.csv", cost_csv(summary).encode()
    yield "table.md", markdown_table(summary, sentence, variants).encode()
    yield "table.tex", latex_table(summary).encode()
    for name, plot in _plots(summary, curves, known):
        yield f"{name}.png", plot.png()
        yield f"{name}.svg", plot.svg()


def _plots(
    summary: Summary, curves: Sequence[Curve], known: Sequence[CellReliability]
) -> Iterator[tuple[str, plots.Plot]]:
    yield "overview", plots.overview(summary)
    yield "curves", plots.curves(summary, curves)
    if len(summary.rows) > 1:
        yield "cost", plots.cost(summary)
    if any(run.measures.role_share for run in summary.runs):
        yield "masks", plots.masks(summary)
    if known:
        yield "reliability", plots.reliability(summary, known)
    found, pairs = factors(summary), interactions(summary)
    if found:
        yield "effects", plots.effects(found)
    if pairs:
        yield "heat_map", plots.heat_map(pairs[0])


def _console() -> Console:
    """Print as wide as the terminal is; into a file or a pipe, as wide as the table wants."""
    known = sys.stdout.isatty() or "COLUMNS" in os.environ
    return Console(width=None if known else FULL_WIDTH)


def _small_tables(summary: Summary, variants: Sequence[VariantRow]) -> Iterator[Table]:
    kinds, leading = kinds_of(summary), set(summary.leading)
    if 0 < len(kinds.rows) <= MOST_PRINTED:
        yield terminal_kinds(kinds)
    if known := memories([cell for cell in summary.cells if cell.label in leading]):
        yield terminal_memories(known)
    if variants:
        yield terminal_variants(variants)


def _print(
    console: Console, summary: Summary, sentence: str, variants: Sequence[VariantRow], files: ReportFiles
) -> None:
    main = terminal_table(summary, console.width)
    console.print(main)
    for place, table in enumerate(_small_tables(summary, variants)):
        if place == 0 and main.caption:
            console.print()  # a table ends with an empty line of its own, unless there is a caption below it
        console.print(table)
    console.print()
    console.print(Text(sentence))
    told = [f"note: {note}" for note in summary.notes]
    told += [f"not averaged: {run.name}: {run.state}: {run.reason}" for run in summary.unfinished]
    for line in told[:MOST_NOTES]:
        console.print(Text(line, style="yellow"))
    if len(told) > MOST_NOTES:
        console.print(Text(f"and {len(told) - MOST_NOTES} more notes: see {PAGE}", style="yellow"))
    console.print()
    # a path stays on one line, so that it can be copied
    console.print(Text(f"wrote {files.page}"), soft_wrap=True)
    console.print(Text(f"beside it: {', '.join(files.names[1:])}", style="dim"))
