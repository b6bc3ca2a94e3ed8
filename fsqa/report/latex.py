"""The table of a study for a paper: LaTeX with booktabs."""

from collections.abc import Sequence

from fsqa.metrics.catalogue import METRICS
from fsqa.report.differences import TEST, correction, format_interval, format_p, p_of, unit
from fsqa.report.headlines import judged_by
from fsqa.report.labels import MOST_IN_ORDER, metric_name, shown_rows
from fsqa.report.numbers import INTERVAL, format_estimate
from fsqa.report.summary import Row, Summary

MOST_COLUMNS = 6
"""Metrics that a paper's table has room for."""
MOST_ROWS = 40
_SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"$<$",
    ">": r"$>$",
    "|": r"$|$",
    '"': r"\textquotedbl{}",
    "±": r"$\pm$",
    "−": "$-$",
    "∞": r"$\infty$",
    "—": "--",
    "↑": r"$\uparrow$",
    "↓": r"$\downarrow$",
}


def latex_table(summary: Summary) -> str:
    r"""Return a ``table`` environment that needs ``\usepackage{booktabs}`` and, for the quotes, T1 fonts.

    The best of a column is bold, baselines stand below a rule, and the caption says what the figures are.
    """
    rows = shown_rows(summary, MOST_ROWS)
    names = summary.headlines[:MOST_COLUMNS]
    paired = bool(summary.comparisons)
    header = ["cell", "$n$", *(_title(name) for name in names), *(_paired_header(summary) if paired else [])]
    lines = [_row([_label(row), str(row.seeds), *_figures(summary, row, names, paired)]) for row in rows]
    if len(rows) < len(summary.rows):
        lines.append(rf"\multicolumn{{{len(header)}}}{{l}}{{and {len(summary.rows) - len(rows)} more cells}} \\")
    baselines = [
        _row(
            [
                rf"\textit{{{escaped(each.row.label)}}}",
                "",
                *(escaped(format_estimate(METRICS[name], each.row.estimates.get(name))) for name in names),
                *(["", ""] if paired else []),
            ]
        )
        for each in summary.baselines
    ]
    body = [r"\toprule", _row(header), r"\midrule", *lines, *([r"\midrule", *baselines] if baselines else [])]
    return "\n".join(
        [
            r"% needs \usepackage{booktabs} and \usepackage[T1]{fontenc}",
            r"\begin{table}[t]",
            r"  \centering",
            rf"  \caption{{{_caption(summary, paired)}}}",
            rf"  \label{{tab:{_key(summary.title)}}}",
            rf"  \begin{{tabular}}{{lr{'r' * (len(header) - 2)}}}",
            *(f"    {line}" for line in body),
            r"    \bottomrule",
            r"  \end{tabular}",
            r"\end{table}",
            "",
        ]
    )


def escaped(text: str) -> str:
    """Return ``text`` so that LaTeX prints it as it stands; white space and control characters become one space."""
    plain = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return "".join(_SPECIAL.get(letter, letter) for letter in plain)


def _label(row: Row) -> str:
    return escaped(row.label) + (r"\textsuperscript{$\dagger$}" if row.mark else "")


def _figures(summary: Summary, row: Row, names: Sequence[str], paired: bool) -> list[str]:
    figures = [_figure(summary, row, name) for name in names]
    if not paired:
        return figures
    difference = summary.comparisons.get(row.label)
    if difference is None:
        return [*figures, "reference" if row.label == summary.against else "--", ""]
    return [*figures, escaped(format_interval(METRICS[summary.main], difference)), escaped(format_p(p_of(difference)))]


def _figure(summary: Summary, row: Row, name: str) -> str:
    text = format_estimate(METRICS[name], row.estimates.get(name))
    if row.label not in summary.best[name]:
        return escaped(text)
    mean, space, interval = text.partition(" ")
    return rf"\textbf{{{escaped(mean)}}}{space}{escaped(interval)}"


def _title(name: str) -> str:
    metric = METRICS[name]
    arrow = {"higher": " ↑", "lower": " ↓", None: ""}[metric.better]
    return escaped(f"{metric.title}{', %' if metric.percent else ''}{arrow}")


def _paired_header(summary: Summary) -> list[str]:
    counted = f", {unit(METRICS[summary.main])}" if unit(METRICS[summary.main]) else ""
    return [escaped(f"Difference{counted}"), "$p$"]


def _caption(summary: Summary, paired: bool) -> str:
    told = [
        f"{summary.title}, {summary.split} split, over $n$ seeds and the questions: {INTERVAL}; the best of a column "
        "is bold."
    ]
    if len(summary.rows) > MOST_IN_ORDER:
        told.append(f"Cells are ordered by {metric_name(METRICS[summary.main])}.")
    if paired:
        told.append(
            f"Differences in {metric_name(METRICS[summary.main])} are to {summary.against}, {TEST}; "
            f"{correction(len(summary.comparisons))}."
        )
    if summary.baselines:
        told.append("Below the rule: what needs no training.")
    if any(row.mark for row in summary.rows):
        judged = " or ".join(metric_name(METRICS[name]) for name in judged_by(summary.metrics, summary.main))
        told.append(f"A dagger marks what is not clearly better than all of it in {judged}.")
    return escaped(" ".join(told)).replace(r"\$n\$", "$n$")


def _row(cells: Sequence[str]) -> str:
    return f"{' & '.join(cells)} \\\\"


def _key(title: str) -> str:
    return "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in title)
