"""From answers to per-example rows, and from rows to the figures of a split."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from statistics import fmean
from typing import Any

from fsqa.metrics.answers import echoes, exact_match, f1, with_words
from fsqa.types import Record

Row = dict[str, Any]
"""One line of ``predictions.jsonl``."""

SEED_BATCH = 8
"""Batch size over which some earlier work averaged its token accuracy."""


SNIPPET = 80
"""Characters of a document that tell which one a row is about."""


def score_answer(record: Record, prediction: str) -> Row:
    """Score one answer against all references of its record."""
    return {
        "id": record.id,
        "kind": record.kind,
        "question": record.question,
        "references": list(record.answers),
        "prediction": prediction,
        "exact_match": exact_match(prediction, with_words(record.answers)),
        "f1": f1(prediction, with_words(record.answers)),
        "echoed": echoes(prediction, record.question),
    }


def score_text(record: Record, text: str, nll: float, tokens: int, correct: int) -> Row:
    """Score one document by the tokens of it that were predicted: the sum of their NLL, how many, how many right."""
    mean = nll / tokens
    return {
        "id": record.id,
        "kind": record.kind,
        "text": " ".join(text.split())[:SNIPPET],
        "answer_nll": mean,
        "perplexity": perplexity(mean),
        "token_accuracy": correct / tokens,
        "reference_tokens": tokens,
    }


def perplexity(nll: float) -> float:
    """Return the exponential; a hopeless model can have a perplexity no float holds."""
    return math.exp(min(nll, 700.0))


def summarize(rows: Sequence[Row]) -> dict[str, float]:
    """Average per-example rows into the metrics of a split; a figure that no row has is left out.

    ``answer_nll`` is a mean over answer tokens, everything else a mean over examples.
    """
    metrics: dict[str, float] = {"examples": len(rows)}
    named = {
        "exact_match": "exact_match",
        "f1": "f1",
        "token_accuracy": "token_accuracy",
        "stop_rate": "stopped",
        "echo_rate": "echoed",
        "repetition_rate": "repeated",
        "answer_length": "answer_length",
    }
    for metric, column in named.items():
        if column in rows[0]:
            metrics[metric] = fmean(float(row[column]) for row in rows)
    metrics |= _by_answerability(rows)
    if "answer_nll" in rows[0]:
        tokens = sum(row["reference_tokens"] for row in rows)
        metrics["answer_nll"] = sum(row["answer_nll"] * row["reference_tokens"] for row in rows) / tokens
        metrics["perplexity"] = perplexity(metrics["answer_nll"])
        metrics["token_accuracy_of_batches"] = mean_of_batches([row["token_accuracy"] for row in rows], SEED_BATCH)
    return metrics


def _by_answerability(rows: Sequence[Row]) -> dict[str, float]:
    """Split the scores where some questions have an answer in their document and some have none."""
    kinds = ("answerable", "unanswerable")
    if {row.get("kind") for row in rows} != set(kinds):
        return {}
    return {
        f"{kind}_{name}": fmean(float(row[name]) for row in rows if row["kind"] == kind)
        for kind in kinds
        for name in ("exact_match", "f1")
        if (kind, name) != ("unanswerable", "f1")  # the same as its exact match
    }


def mean_of_batches(values: Sequence[float], batch_size: int) -> float:
    """Average values within consecutive batches, then the batches, a short last one weighing as much as the rest."""
    batches: Iterable[Sequence[float]] = (values[i : i + batch_size] for i in range(0, len(values), batch_size))
    return fmean(map(fmean, batches))
