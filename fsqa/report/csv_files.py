"""The figures of a study as CSV: what it found, and apart from that what it cost on the machine it ran on."""

import csv
import io
from collections.abc import Sequence

from fsqa.metrics.catalogue import COSTS, METRICS
from fsqa.report.summary import Row, Summary

STEADY = ("steps", "parameters", "trainable_parameters")
"""Costs that do not depend on the machine or the clock."""
_PARTS = ("mean", "low", "high", "n")


def table_csv(summary: Summary) -> str:
    """Return what the study found: per metric mean, low, high and n, then the paired difference to a named cell.

    Metrics stand in the order of the catalogue, those that nothing has are left out.
    Fractions stay in 0..1 and what is missing is empty. Nothing in it depends on the machine or the clock, so that the
    same study, interrupted or not, gives the same bytes.
    """
    names = [*_measured(summary), *STEADY]
    figures = [f"{summary.main}_difference_{part}" for part in ("mean", "low", "high")]
    paired = ["against", *figures, "p", "p_adjusted", "detectable", "paired_seeds", "paired_examples"]
    lines = [_line("cell", row, names) + _difference(summary, row.label) for row in summary.rows]
    lines += [_line("baseline", each.row, names) + _no_difference() for each in summary.baselines]
    return _text([_header(names) + paired, *lines])


def cost_csv(summary: Summary) -> str:
    """Return what each cell cost: per figure mean, low, high and n over its seeds."""
    names = list(COSTS)
    return _text([_header(names), *(_line("cell", row, names) for row in summary.rows)])


def _measured(summary: Summary) -> list[str]:
    every = (*summary.rows, *(each.row for each in summary.baselines))
    return [name for name in METRICS if any(name in row.estimates for row in every)]


def _header(names: Sequence[str]) -> list[str]:
    return ["kind", "cell", "seeds"] + [f"{name}_{part}" for name in names for part in _PARTS]


def _line(kind: str, row: Row, names: Sequence[str]) -> list[str]:
    line = [kind, row.label, str(row.seeds)]
    for name in names:
        estimate = row.estimates.get(name)
        if estimate is None:
            line += ["", "", "", "0"]
        else:
            line += [_raw(estimate.mean), _raw(estimate.low), _raw(estimate.high), str(estimate.count)]
    return line


def _difference(summary: Summary, label: str) -> list[str]:
    own = summary.comparisons.get(label)
    if own is None:
        return _no_difference()
    figures = (own.mean, own.low, own.high, own.p, own.adjusted, own.detectable)
    return [summary.against or "", *(_raw(figure) for figure in figures), str(own.seeds), str(own.examples)]


def _no_difference() -> list[str]:
    return ["", "", "", "", "", "", "", "0", "0"]


def _raw(value: float | None) -> str:
    # ten digits: more than any figure is worth, few enough not to differ between libraries of special functions
    return "" if value is None else f"{value:.10g}"


def _text(lines: Sequence[Sequence[str]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(lines)
    return text.getvalue()
