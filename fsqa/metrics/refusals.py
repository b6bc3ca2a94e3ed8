"""Whether a model refuses what is off topic, and nothing else.

The refusals of a split are its records of the kind ``refusal``: their reference is the fixed reply. An answer refuses
when it equals such a reply after SQuAD normalisation.
"""

from __future__ import annotations

from collections.abc import Sequence

from fsqa.metrics.answers import normalize
from fsqa.metrics.base import Row
from fsqa.metrics.metric import Metric
from fsqa.types import REFUSAL, Record

METRICS = (
    Metric(
        "refusal_f1",
        "Refusal F1",
        "higher",
        True,
        "Harmonic mean of refusal precision and recall.",
        column="refused_rightly",
        weight="refusal_weight",
    ),
    Metric(
        "refusal_precision",
        "Refusal precision",
        "higher",
        True,
        "Share of the refusals that are right: of the answers that equal the fixed reply after SQuAD normalisation, "
        "those to an off-topic question.",
        column="off_topic",
        weight="refused",
    ),
    Metric(
        "refusal_recall",
        "Refusal recall",
        "higher",
        True,
        "Share of the off-topic questions that are refused.",
        column="refused",
        weight="off_topic",
    ),
    Metric(
        "leak_rate",
        "Leak rate",
        "lower",
        True,
        "Share of the off-topic questions that are answered instead of refused.",
        column="answered",
        weight="off_topic",
    ),
    Metric(
        "false_refusal_rate",
        "False refusals",
        "lower",
        True,
        "Share of the on-topic questions that are refused.",
        column="refused",
        weight="on_topic",
    ),
    Metric(
        "on_topic_exact_match",
        "On topic, exact match",
        "higher",
        True,
        "Exact match over the on-topic questions alone, where some questions are off topic.",
        column="exact_match",
        weight="on_topic",
    ),
    Metric(
        "on_topic_f1",
        "On topic, F1",
        "higher",
        True,
        "F1 over the on-topic questions alone, where some questions are off topic.",
        column="f1",
        weight="on_topic",
    ),
)


def replies(rows: Sequence[Row]) -> frozenset[str]:
    """Return the normalised replies that refuse, as the rows' off-topic questions have them."""
    return frozenset(normalize(reply) for row in rows if row["kind"] == REFUSAL for reply in row["references"])


def columns(rows: Sequence[Row]) -> list[Row]:
    """Return what each answer is as a refusal, each 0 or 1 but for a weight; nothing where nothing is off topic."""
    refusing = replies(rows)
    if not refusing:
        return [{} for _ in rows]
    return [_columns(row["kind"] == REFUSAL, normalize(row["prediction"]) in refusing) for row in rows]


def _columns(off_topic: bool, refused: bool) -> Row:
    return {
        "off_topic": int(off_topic),
        "on_topic": int(not off_topic),
        "refused": int(refused),
        "answered": int(not refused),
        # F1 is 2 right / (refused + off topic): a mean that weighs a question by how many of the two it is.
        "refused_rightly": int(off_topic and refused),
        "refusal_weight": int(off_topic) + int(refused),
    }


def figures(rows: Sequence[Row]) -> dict[str, float]:
    """Return the figures of the refusals; none where nothing is off topic.

    A figure over no question at all, such as the precision of a model that never refuses, is 0.
    """
    if not rows or "off_topic" not in rows[0]:
        return {}
    return {metric.name: _mean(rows, metric.column, metric.weight) for metric in METRICS}


def _mean(rows: Sequence[Row], column: str, weight: str) -> float:
    total = sum(row[weight] for row in rows)
    return sum(row[column] * row[weight] for row in rows) / total if total else 0.0


def refuse_everything(test: Sequence[Record]) -> list[str]:
    """Return the reply to every question; nothing where no question is off topic."""
    reply = next((record.answers[0] for record in test if record.kind == REFUSAL), None)
    return [] if reply is None else [reply] * len(test)
