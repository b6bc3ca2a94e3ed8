"""The table of a study: on the terminal, as CSV and as Markdown."""

import csv
import io
from collections.abc import Sequence

from rich import box
from rich.table import Table
from rich.text import Text

from fsqa.metrics.catalogue import COSTS, METRICS, Metric
from fsqa.report.numbers import format_difference, format_estimate, format_value
from fsqa.report.summary import MAIN, Row, Summary
from fsqa.report.variants import EXPLANATION, HEADER, TITLE, VariantRow

_TERMINAL = {
    "exact_match": "EM %",
    "f1": "F1 %",
    "answer_nll": "answer NLL",
    "stop_rate": "stop %",
    "answer_length": "length",
    "seconds": "seconds",
}
_TERMINAL_OF_TEXT = {
    "answer_nll": "NLL",
    "perplexity": "perplexity",
    "token_accuracy": "tokens right %",
    "examples": "documents",
    "seconds": "seconds",
}
FULL_WIDTH = 100
"""Characters that the whole table needs."""
_FIRST_TO_GO = ("answer_length", "seconds")
_WITH_INTERVAL = ("exact_match", "f1", "answer_nll")
_ALL: dict[str, Metric] = METRICS | COSTS


def terminal_table(summary: Summary, width: int) -> Table:
    """Return the table for a terminal: cells, then baselines dimmed; the best of a column in green.

    A terminal narrower than 100 characters gets fewer columns, because half a figure would be a wrong one.
    """
    columns = _TERMINAL if summary.main == MAIN else _TERMINAL_OF_TEXT
    names = [name for name in columns if width >= FULL_WIDTH or name not in _FIRST_TO_GO]
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, expand=False, title_justify="left", header_style="bold")
    table.title = Text(f"{summary.title}: {summary.split} split, mean ± 95 % interval over seeds", style="bold")
    table.add_column("cell", overflow="fold", ratio=1, min_width=18)
    table.add_column("n", justify="right")
    for name in names:
        table.add_column(columns[name], justify="right", no_wrap=True)
    for row in summary.rows:
        label = Text(_short(row.label))
        if row.mark:
            label.append(f"\n{row.mark}", style="yellow")
        table.add_row(label, str(row.seeds), *(_cell(summary, row, name) for name in names))
    if summary.rows and summary.baselines:
        table.add_section()
    for each in summary.baselines:
        table.add_row(Text(each.row.label), "", *(_figure(each.row, name) for name in names), style="dim")
    return table


def _short(label: str) -> str:
    """Leave out the group of a setting, ``learning_rate=0.001``: what the terminal has no room for."""
    parts = (part.partition("=") for part in label.split(", "))
    return ", ".join(f"{key.rpartition('.')[2]}{equals}{value}" if equals else key for key, equals, value in parts)


def _cell(summary: Summary, row: Row, name: str) -> Text:
    best = row.label in summary.best[name]
    return Text(_figure(row, name), style="bold green" if best else "")


def _figure(row: Row, name: str) -> str:
    """Give the interval where cells are told apart by it, and the mean alone elsewhere, to stay narrow."""
    estimate = row.estimates.get(name)
    if name in _WITH_INTERVAL or estimate is None:
        return format_estimate(_ALL[name], estimate)
    return format_value(_ALL[name], estimate.mean)


def csv_table(summary: Summary) -> str:
    """Return the raw numbers: per metric mean, low, high and n; fractions stay in 0..1, what is missing is empty."""
    names = [*METRICS, *COSTS]
    header = ["kind", "cell", "seeds"] + [f"{name}_{part}" for name in names for part in ("mean", "low", "high", "n")]
    header += ["against", *(f"{MAIN}_difference_{part}" for part in ("mean", "low", "high", "n"))]
    lines = [_csv_line("cell", row, names) + _csv_difference(summary, row.label) for row in summary.rows]
    lines += [[*_csv_line("baseline", each.row, names), "", "", "", "", "0"] for each in summary.baselines]
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([header, *lines])
    return text.getvalue()


def _csv_line(kind: str, row: Row, names: Sequence[str]) -> list[str]:
    line = [kind, row.label, str(row.seeds)]
    for name in names:
        estimate = row.estimates.get(name)
        if estimate is None:
            line += ["", "", "", "0"]
        else:
            line += [_raw(estimate.mean), _raw(estimate.low), _raw(estimate.high), str(estimate.count)]
    return line


def _csv_difference(summary: Summary, label: str) -> list[str]:
    difference = summary.comparisons.get(label)
    if difference is None:
        return ["", "", "", "", "0"]
    figures = (difference.mean, difference.low, difference.high)
    return [summary.against or "", *(_raw(figure) for figure in figures), str(difference.seeds)]


def _raw(value: float | None) -> str:
    # ten digits: more than any figure is worth, few enough not to differ between libraries of special functions
    return "" if value is None else f"{value:.10g}"


def markdown_table(summary: Summary, sentence: str, variants: Sequence[VariantRow] = ()) -> str:
    """Return the table in Markdown, with the finding above it, and notes and the effect of post-processing below."""
    names = [name for name in (*summary.metrics, "seconds") if any(name in row.estimates for row in summary.rows)]
    paired = bool(summary.comparisons)
    header = ["cell", "seeds", *(_title(name) for name in names)]
    if paired:
        header.append(f"exact match, points to {summary.against}")
    lines = [
        f"# {_escaped(summary.title)}",
        "",
        _escaped(sentence),
        "",
        _line([_escaped(cell) for cell in header]),
        _line(["---", *["---:"] * (len(header) - 1)]),
    ]
    for row in summary.rows:
        label = _escaped(row.label) + (f" *({row.mark})*" if row.mark else "")
        figures = [label, str(row.seeds), *(_markdown_figure(summary, row, name) for name in names)]
        difference = summary.comparisons.get(row.label)
        lines.append(_line([*figures, *([format_difference(difference)] if paired else [])]))
    for each in summary.baselines:
        figures = [format_estimate(_ALL[name], each.row.estimates.get(name)) for name in names]
        lines.append(_line([f"*{_escaped(each.row.label)}*", "", *figures, *([""] if paired else [])]))
    lines += ["", *_footer(summary, paired)]
    if variants:
        lines += ["", *_markdown_variants(variants)]
    return "\n".join(lines) + "\n"


def _markdown_variants(variants: Sequence[VariantRow]) -> list[str]:
    return [
        f"## {TITLE}",
        "",
        EXPLANATION,
        "",
        _line(HEADER),
        _line(["---", "---", *["---:"] * (len(HEADER) - 2)]),
        *(_line([_escaped(text) for text in row.texts]) for row in variants),
    ]


def _title(name: str) -> str:
    metric = _ALL[name]
    arrow = {"higher": " ↑", "lower": " ↓", None: ""}[metric.better]
    return f"{metric.title}{', %' if metric.percent else ''}{arrow}"


def _markdown_figure(summary: Summary, row: Row, name: str) -> str:
    figure = format_estimate(_ALL[name], row.estimates.get(name))
    return f"**{figure}**" if row.label in summary.best[name] else figure


def _footer(summary: Summary, paired: bool) -> list[str]:
    lines = [
        f"Mean ± half of the 95 % Student-t interval over seeds, {summary.split} split; bold is the best of a column."
    ]
    if paired:
        lines.append(
            "Differences are paired on the same questions and seeds, with a hierarchical bootstrap interval (95 %, "
            "seeds, then examples; not corrected for several comparisons)."
        )
    lines = ["\n\n".join(lines)]
    remarks = [*summary.notes, *(f"Not averaged: {run.name}: {run.state}: {run.reason}" for run in summary.unfinished)]
    return lines + (["", *(f"- {_escaped(remark)}" for remark in remarks)] if remarks else [])


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _escaped(text: str) -> str:
    for character in "\\|*<`[":
        text = text.replace(character, f"\\{character}")
    return " ".join(text.split())
