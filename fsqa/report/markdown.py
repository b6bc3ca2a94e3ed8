"""The table of a study in Markdown, with the finding above it and what a reader must be told below."""

from collections.abc import Iterator, Sequence

from fsqa.metrics.catalogue import METRICS
from fsqa.report.differences import TEST, correction, format_interval, format_p, format_size, p_of, unit
from fsqa.report.labels import metric_name
from fsqa.report.numbers import INTERVAL, MISSING, format_estimate
from fsqa.report.protocols import signature_lines
from fsqa.report.small_tables import SmallTable, small_tables
from fsqa.report.summary import Row, Summary
from fsqa.report.variants import VariantRow

MOST_TOGETHER = 14
"""Metrics of one table; of more the headlines stand first, and the others in a table of their own."""


def markdown_table(summary: Summary, sentence: str, variants: Sequence[VariantRow] = ()) -> str:
    """Return the table in Markdown, with the finding above it, and notes and smaller tables below."""
    headlines = summary.headlines
    others = tuple(name for name in summary.metrics if name not in headlines)
    together = len(headlines) + len(others) <= MOST_TOGETHER
    paired = bool(summary.comparisons)
    lines = [f"# {_escaped(summary.title)}", "", _escaped(sentence), ""]
    lines += _figures(summary, (*headlines, *others) if together else headlines, paired=paired)
    lines += ["", *_footer(summary, paired)]
    if not together:
        lines += ["", "## Further figures", "", *_figures(summary, others, paired=False)]
    for table in small_tables(summary, variants):
        lines += ["", *_small(table)]
    lines += _signatures(summary)
    return "\n".join(lines) + "\n"


def _figures(summary: Summary, names: Sequence[str], *, paired: bool) -> Iterator[str]:
    header = ["cell", "seeds", *(_title(name) for name in names), *(_paired_header(summary) if paired else [])]
    yield _line([_escaped(cell) for cell in header])
    yield _line(["---", *["---:"] * (len(header) - 1)])
    for row in summary.rows:
        label = _escaped(row.label) + (f" *({row.mark})*" if row.mark else "")
        figures = [label, str(row.seeds), *(_figure(summary, row, name) for name in names)]
        yield _line([*figures, *(_paired_figures(summary, row.label) if paired else [])])
    for each in summary.baselines:
        figures = [format_estimate(METRICS[name], each.row.estimates.get(name)) for name in names]
        yield _line([f"*{_escaped(each.row.label)}*", "", *figures, *([""] * 3 if paired else [])])


def _paired_header(summary: Summary) -> list[str]:
    metric = METRICS[summary.main]
    counted = f", {unit(metric)}" if unit(metric) else ""
    return [f"{metric_name(metric)}{counted} to {summary.against}", "p", f"detectable{counted}"]


def _paired_figures(summary: Summary, label: str) -> list[str]:
    metric, difference = METRICS[summary.main], summary.comparisons.get(label)
    if difference is None:
        return [MISSING] * 3
    return [
        format_interval(metric, difference),
        format_p(p_of(difference)),
        format_size(metric, difference.detectable),
    ]


def _figure(summary: Summary, row: Row, name: str) -> str:
    figure = format_estimate(METRICS[name], row.estimates.get(name))
    return f"**{figure}**" if row.label in summary.best[name] else figure


def _title(name: str) -> str:
    metric = METRICS[name]
    arrow = {"higher": " ↑", "lower": " ↓", None: ""}[metric.better]
    return f"{metric.title}{', %' if metric.percent else ''}{arrow}"


def _footer(summary: Summary, paired: bool) -> list[str]:
    lines = [f"{INTERVAL[0].upper()}{INTERVAL[1:]}; {summary.split} split; bold is the best of a column."]
    if paired:
        told = correction(len(summary.comparisons))
        lines.append(
            f"Differences to {_escaped(summary.against or '')} are {TEST} ({told}). Detectable is the smallest true "
            "difference that the comparison would have found with 80 % power at 5 %."
        )
    lines = ["\n\n".join(lines)]
    remarks = [*summary.notes, *(f"Not averaged: {run.name}: {run.state}: {run.reason}" for run in summary.unfinished)]
    return lines + (["", *(f"- {_escaped(remark)}" for remark in remarks)] if remarks else [])


def _small(table: SmallTable) -> Iterator[str]:
    yield from (f"## {table.title}", "", table.explanation, "")
    yield _line(table.header)
    yield _line([*["---"] * table.words, *["---:"] * (len(table.header) - table.words)])
    for line, warned in zip(table.lines, table.warned, strict=True):
        first, *texts = (_escaped(text) for text in line)
        yield _line([f"{first} *({warned})*" if warned else first, *texts])


def _signatures(summary: Summary) -> list[str]:
    found = signature_lines(summary.metrics, summary.cells)
    if not found:
        return []
    each = [f"- {_escaped(titles)}: `{signature.replace('`', '')}`" for titles, signature in found]
    return ["", "## Signatures", "", "The exact protocol, in the words of the package that computed it.", "", *each]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _escaped(text: str) -> str:
    for character in "\\|*<`[":
        text = text.replace(character, f"\\{character}")
    return " ".join(text.split())
