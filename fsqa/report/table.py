"""The table of a study on a terminal."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich import box
from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from fsqa.metrics.catalogue import COSTS, METRICS
from fsqa.metrics.metric import Metric
from fsqa.report.differences import TEST, correction, format_change, format_p, p_of, unit
from fsqa.report.headlines import FIRST_TO_GO, FURTHER, HEADERS, WITH_INTERVAL, is_of_text
from fsqa.report.labels import MOST_IN_ORDER, short_label, shown_rows
from fsqa.report.numbers import MISSING, format_estimate, format_value
from fsqa.report.summary import Row, Summary

FULL_WIDTH = 100
"""Characters that a table is given where nobody says how wide the terminal is."""
MOST_ROWS = 20
_LABEL, _LABEL_OF_MANY = 26, 60
"""Most letters that other columns leave for the names of cells; many cells should each stay on one line."""
_ALL: dict[str, Metric] = METRICS | COSTS


@dataclass(frozen=True, slots=True)
class _Column:
    key: str
    header: str
    cells: tuple[Text, ...]
    """One per row shown."""
    baselines: tuple[str, ...]

    @property
    def width(self) -> int:
        """Characters that the column takes, with the room between columns."""
        texts = [self.header, *(cell.plain for cell in self.cells), *self.baselines]
        return 3 + max(cell_len(text) for text in texts)


def terminal_table(summary: Summary, width: int) -> Table:
    """Return the table for a terminal: cells, then baselines dimmed; the best of a column in green.

    Up to 12 cells stand in their own order, more by score; of more than 20 the best are shown. A narrow terminal gets
    fewer columns, because half a figure would be a wrong one.
    """
    rows = shown_rows(summary, MOST_ROWS)
    most = _LABEL if len(rows) <= MOST_IN_ORDER else _LABEL_OF_MANY
    room = max(18, min(max((cell_len(short_label(row.label)) for row in rows), default=0), most))
    columns = _fitting(_columns(summary, rows), width - room)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, expand=False, title_justify="left", header_style="bold")
    table.title = Text(f"{summary.title}: {summary.split} split, mean ± 95 % interval", style="bold")
    table.add_column("cell", overflow="fold", ratio=1, min_width=room)
    table.add_column("n", justify="right")
    for column in columns:
        table.add_column(column.header, justify="right", no_wrap=True)
    for number, row in enumerate(rows):
        label = Text(short_label(row.label))
        if row.mark:
            label.append(f"\n{row.mark}", style="yellow")
        table.add_row(label, str(row.seeds), *(column.cells[number] for column in columns))
    if len(rows) < len(summary.rows):
        left_out = len(summary.rows) - len(rows)
        table.add_row(Text(f"and {left_out} more: see table.csv", style="dim"), "", *("" for _ in columns))
    if rows and summary.baselines:
        table.add_section()
    for number, each in enumerate(summary.baselines):
        figures = [column.baselines[number] for column in columns]
        # one that has none of the figures that there is room for would be a line of dashes
        if any(figure not in ("", MISSING) for figure in figures):
            table.add_row(Text(each.row.label), "", *figures, style="dim")
    table.caption, table.caption_justify = _caption(summary, rows, columns), "left"
    return table


def _columns(summary: Summary, rows: Sequence[Row]) -> list[_Column]:
    further = [name for name in FURTHER if name != "examples" or is_of_text(summary.metrics, summary.main)]
    measured = {name for row in summary.rows for name in row.estimates}
    names = [*(summary.headlines or (summary.main,)), *(name for name in further if name in measured)]
    columns = [
        _Column(
            name,
            _header(name),
            tuple(_cell(summary, row, name) for row in rows),
            tuple(_figure(each.row, name, summary.main) for each in summary.baselines),
        )
        for name in names
    ]
    return [*columns[:1], *_paired_columns(summary, rows), *columns[1:]] if summary.comparisons else columns


def _paired_columns(summary: Summary, rows: Sequence[Row]) -> list[_Column]:
    changes, values, metric = [], [], METRICS[summary.main]
    for row in rows:
        difference = summary.comparisons.get(row.label)
        if difference is None:
            changes.append(Text("base" if row.label == summary.against else MISSING, style="dim"))
            values.append(Text(""))
        else:
            style = "bold" if p_of(difference) < 0.05 else ""
            changes.append(Text(format_change(metric, difference.mean), style=style))
            values.append(Text(format_p(p_of(difference)), style=style))
    empty = ("",) * len(summary.baselines)
    return [_Column("change", "Δ", tuple(changes), empty), _Column("p", "p", tuple(values), empty)]


def _fitting(columns: Sequence[_Column], width: int) -> list[_Column]:
    """Leave out what matters least until the rest fits into ``width``."""
    kept = list(columns)
    paired = ("p", "change")
    others = [column.key for column in reversed(columns) if column.key not in (*FIRST_TO_GO, *paired)]
    for key in (*FIRST_TO_GO, *others, *paired):
        if 4 + sum(column.width for column in kept) <= width:
            break
        kept = [column for column in kept if column.key != key or column is columns[0]]
    return kept


def _header(name: str) -> str:
    return HEADERS.get(name, f"{_ALL[name].title.lower()}{' %' if _ALL[name].percent else ''}")


def _caption(summary: Summary, rows: Sequence[Row], columns: Sequence[_Column]) -> Text | None:
    told = []
    if len(summary.rows) > MOST_IN_ORDER:
        told.append(f"cells by {METRICS[summary.main].title}, the best first")
    if any(column.key == "change" for column in columns) and rows:
        counted = " ".join(part for part in (unit(METRICS[summary.main]), "to") if part)
        told.append(
            f"Δ: {counted} {short_label(summary.against or '')}, {TEST}; {correction(len(summary.comparisons))}"
        )
    return Text(". ".join(told), style="dim") if told else None


def _cell(summary: Summary, row: Row, name: str) -> Text:
    best = row.label in summary.best[name]
    return Text(_figure(row, name, summary.main), style="bold green" if best else "")


def _figure(row: Row, name: str, main: str) -> str:
    """Give the interval where cells are told apart by it, and the mean alone elsewhere, to stay narrow."""
    estimate = row.estimates.get(name)
    if name in (*WITH_INTERVAL, main) or estimate is None:
        return format_estimate(_ALL[name], estimate)
    return format_value(_ALL[name], estimate.mean)
