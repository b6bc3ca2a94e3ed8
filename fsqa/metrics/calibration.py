"""Whether a model is as often right as it is sure: confidence beside exact match."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import ClassVar

from fsqa.errors import InputError
from fsqa.metrics.base import Row, Scorer
from fsqa.metrics.metric import Metric
from fsqa.types import Record

METRICS = (
    Metric(
        "calibration_error",
        "Calibration error",
        "lower",
        True,
        "Expected calibration error (Guo et al. 2017): the distance between mean confidence and share of exact "
        "matches in each of metrics.calibration.bins equal intervals of confidence, weighed by the answers in it; "
        "confidence is the mean probability of the generated tokens, end token included.",
    ),
    Metric(
        "confidence",
        "Confidence",
        None,
        True,
        "Mean over answers of the mean probability that the model gave to each token it generated, end token included.",
        column="confidence",
    ),
    Metric(
        "overconfidence",
        "Overconfidence",
        None,
        True,
        "Mean confidence minus exact match: above 0 the model is surer than it is right; best at 0.",
        column="overconfidence",
    ),
    Metric(
        "brier",
        "Brier score",
        "lower",
        True,
        "Mean over answers of the squared distance between confidence and exact match (Brier 1950).",
        column="brier",
    ),
)


@dataclass(frozen=True)
class Bin:
    """The answers whose confidence lies in one interval: its upper end belongs to it, its lower only if that is 0."""

    low: float
    high: float
    count: int
    confidence: float
    """Mean confidence."""
    accuracy: float
    """Share of exact matches."""


@dataclass(frozen=True, kw_only=True)
class Calibration(Scorer):
    """Calibration of the model's own probabilities; answers without them, as those of a baseline, have none."""

    needs_confidence: ClassVar[bool] = True

    bins: int
    """Into how many equal intervals confidence is cut."""

    def __post_init__(self) -> None:
        if self.bins < 1:
            raise InputError(f"metrics.calibration.bins: wanted 1 or more, got {self.bins}")

    @property
    def measures(self) -> frozenset[str]:
        """Names of the figures it can give."""
        return frozenset(metric.name for metric in METRICS)

    def columns(self, records: Sequence[Record], rows: Sequence[Row]) -> list[Row]:
        """Return ``overconfidence`` and ``brier`` of each answer; nothing where answers have no confidence."""
        return [_columns(row) for row in _measured(rows)] or [{} for _ in rows]

    def figures(self, rows: Sequence[Row]) -> dict[str, float]:
        """Return every figure of :data:`METRICS`; none where answers have no confidence.

        Of text that was written on, which nothing says is right, it is the confidence alone.
        """
        bins = reliability(rows, self.bins)
        if not bins:
            sure = [row["confidence"] for row in rows if row.get("confidence") is not None]
            return {"confidence": fmean(sure)} if sure else {}
        gaps, counts = [abs(each.confidence - each.accuracy) for each in bins], [each.count for each in bins]
        means = {metric.name: fmean(row[metric.column] for row in rows) for metric in METRICS if metric.column}
        return {"calibration_error": fmean(gaps, weights=counts), **means}


def reliability(rows: Sequence[Row], bins: int) -> tuple[Bin, ...]:
    """Return the intervals of a reliability diagram that hold an answer, from low to high confidence.

    There are none where answers have no confidence. Raises InputError for a confidence that is no probability, and
    where only some answers have one.
    """
    edges = [i / bins for i in range(bins + 1)]
    inside: list[list[Row]] = [[] for _ in range(bins)]
    for row in _measured(rows):
        inside[max(1, bisect_left(edges, row["confidence"])) - 1].append(row)
    return tuple(
        Bin(
            low=low,
            high=high,
            count=len(held),
            confidence=fmean(row["confidence"] for row in held),
            accuracy=fmean(row["exact_match"] for row in held),
        )
        for low, high, held in zip(edges[:-1], edges[1:], inside, strict=True)
        if held
    )


def _measured(rows: Sequence[Row]) -> Sequence[Row]:
    """Return the rows if each has a confidence and an exact match, nothing if none has both, and refuse a mixture."""
    lacking = [row for row in rows if row.get("confidence") is None or "exact_match" not in row]
    if len(lacking) == len(rows):
        return ()
    if lacking:
        raise InputError(
            f"answer '{lacking[0]['id']}' has no confidence and others have; give it to all answers or to none"
        )
    for row in rows:
        if not 0 <= row["confidence"] <= 1:
            raise InputError(
                f"answer '{row['id']}': confidence: wanted a probability from 0 to 1, came {row['confidence']}"
            )
    return rows


def _columns(row: Row) -> Row:
    over = row["confidence"] - row["exact_match"]
    return {"overconfidence": over, "brier": over**2}
