"""The table of a study in Markdown, with the finding above it and what a reader must be told below."""

from collections.abc import Sequence

from fsqa.metrics.catalogue import METRICS
from fsqa.report.differences import TEST, correction, format_interval, format_p, format_size, p_of, unit
from fsqa.report.labels import metric_name
from fsqa.report.numbers import INTERVAL, MISSING, format_estimate
from fsqa.report.summary import Row, Summary
from fsqa.report.variants import EXPLANATION, HEADER, TITLE, VariantRow


def markdown_table(summary: Summary, sentence: str, variants: Sequence[VariantRow] = ()) -> str:
    """Return the table in Markdown, with the finding above it, and notes and the effect of post-processing below."""
    names, paired = summary.metrics, bool(summary.comparisons)
    header = ["cell", "seeds", *(_title(name) for name in names), *(_paired_header(summary) if paired else [])]
    lines = [f"# {_escaped(summary.title)}", "", _escaped(sentence), ""]
    lines += [_line([_escaped(cell) for cell in header]), _line(["---", *["---:"] * (len(header) - 1)])]
    for row in summary.rows:
        label = _escaped(row.label) + (f" *({row.mark})*" if row.mark else "")
        figures = [label, str(row.seeds), *(_figure(summary, row, name) for name in names)]
        lines.append(_line([*figures, *(_paired_figures(summary, row.label) if paired else [])]))
    for each in summary.baselines:
        figures = [format_estimate(METRICS[name], each.row.estimates.get(name)) for name in names]
        lines.append(_line([f"*{_escaped(each.row.label)}*", "", *figures, *([""] * 3 if paired else [])]))
    lines += ["", *_footer(summary, paired)]
    if variants:
        lines += ["", *_variants(variants)]
    return "\n".join(lines) + "\n"


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


def _variants(variants: Sequence[VariantRow]) -> list[str]:
    return [
        f"## {TITLE}",
        "",
        EXPLANATION,
        "",
        _line(HEADER),
        _line(["---", "---", *["---:"] * (len(HEADER) - 2)]),
        *(_line([_escaped(text) for text in row.texts]) for row in variants),
    ]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _escaped(text: str) -> str:
    for character in "\\|*<`[":
        text = text.replace(character, f"\\{character}")
    return " ".join(text.split())
