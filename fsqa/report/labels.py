"""Cells by name where there is little room, and the cells that are shown where there is none for all."""

from __future__ import annotations

import re
import textwrap
from typing import TYPE_CHECKING

from fsqa.metrics.metric import Metric

if TYPE_CHECKING:
    from fsqa.report.summary import Row, Summary

MOST_IN_ORDER = 12
"""Beyond so many cells the best come first: nobody finds the winner of a sweep in the order of its settings."""

_LONG_NUMBER = re.compile(r"^-?\d+\.\d{7,}(e-?\d+)?$")


def metric_name(metric: Metric) -> str:
    """Return the title of a metric as it stands inside a sentence: ``exact match``, but ``F1`` and ``BLEU``.

    What a title begins with to part the metric from others stands behind it: ``rank of the answer (BM25)``.
    """
    ahead, comma, name = metric.title.partition(", ")
    return f"{name} ({_lowered(ahead)})" if comma else _lowered(metric.title)


def _lowered(title: str) -> str:
    is_plain = title.partition(" ")[0][1:].islower()  # and no abbreviation or name, such as F1 or LaBSE
    return f"{title[0].lower()}{title[1:]}" if is_plain else title


def short_label(label: str) -> str:
    """Leave out groups of settings and digits nobody reads: ``lr=0.0012346`` for ``optimizer.lr=0.0012345678``."""
    parts = (part.partition("=") for part in label.split(", "))
    return ", ".join(
        f"{key.rpartition('.')[2]}{equals}{_LONG_NUMBER.sub(_rounded, value)}" if equals else key
        for key, equals, value in parts
    )


def _rounded(number: re.Match[str]) -> str:
    return f"{float(number.group()):.5g}"


def wrapped_label(label: str, width: int = 34) -> str:
    """Return the short label on as many lines as it needs."""
    return "\n".join(textwrap.wrap(short_label(label), width, break_on_hyphens=False)) or label


def shown_rows(summary: Summary, most: int) -> tuple[Row, ...]:
    """Return at most ``most`` rows: a few in their own order, many by score, with the cell others are compared with."""
    if len(summary.rows) <= min(most, MOST_IN_ORDER):
        return summary.rows
    ranked = summary.ranked
    measured = {row.label for row in ranked}
    ordered = (*ranked, *(row for row in summary.rows if row.label not in measured))
    kept = ordered[:most]
    if any(row.label == summary.against for row in ordered[most:]):
        kept = (*kept[:-1], next(row for row in ordered if row.label == summary.against))
    return kept
