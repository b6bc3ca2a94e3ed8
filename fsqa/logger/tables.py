"""Answers as tables."""

from __future__ import annotations

from collections.abc import Sequence

from fsqa.logger.base import Table
from fsqa.metrics.scoring import Row

ANSWERS = ("id", "question", "references", "answer", "exact match", "F1")
BEFORE_AND_AFTER = (
    "id",
    "question",
    "references",
    "untouched answer",
    "tuned answer",
    "exact match before",
    "exact match",
    "F1 before",
    "F1",
    "changed",
)


def answers(rows: Sequence[Row]) -> Table:
    """Return the answers of one model; rows without a scored answer, as those of plain text, are left out."""
    return Table(
        ANSWERS,
        tuple(
            (str(row["id"]), row["question"], _joined(row), row["prediction"], row["exact_match"], row["f1"])
            for row in rows
            if "exact_match" in row
        ),
    )


def before_and_after(untouched: Sequence[Row], tuned: Sequence[Row]) -> Table:
    """Return the answers of the untouched and the tuned model side by side; both answer the same questions."""
    return Table(
        BEFORE_AND_AFTER,
        tuple(
            (
                str(after["id"]),
                after["question"],
                _joined(after),
                before["prediction"],
                after["prediction"],
                before["exact_match"],
                after["exact_match"],
                before["f1"],
                after["f1"],
                before["prediction"] != after["prediction"],
            )
            for before, after in zip(untouched, tuned, strict=True)
            if "prediction" in after
        ),
    )


def first(table: Table, count: int) -> Table:
    """Return a table of the first ``count`` rows."""
    return Table(table.columns, table.rows[:count])


def as_markdown(table: Table) -> str:
    """Write a table in Markdown."""
    lines = [table.columns, ("---",) * len(table.columns), *table.rows]
    return "\n".join("| " + " | ".join(_cell(value) for value in line) + " |" for line in lines)


def _joined(row: Row) -> str:
    return " | ".join(row["references"])


def _cell(value: object) -> str:
    text = f"{value:.3f}" if isinstance(value, float) else str(value)
    return " ".join(text.replace("|", "\\|").split())
