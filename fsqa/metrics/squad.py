"""Scores of a file of SQuAD predictions, as the official scripts give them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from statistics import fmean

from fsqa.metrics.answers import exact_match, f1, with_words
from fsqa.types import Record


def score(predictions: Mapping[str, str], records: Iterable[Record]) -> dict[str, float]:
    """Return exact match and F1 (0..1) of ``{id: text}``, in all and by kind: answerable and unanswerable.

    Also how many questions have no prediction (each counts 0, as in the official 1.1 script) and how many predictions
    have no question (they count nothing).
    """
    scores: dict[str, list[tuple[float, float]]] = {"": []}
    known = set()
    for record in records:
        known.add(record.id)
        text, references = predictions.get(record.id), with_words(record.answers)
        pair = (0.0, 0.0) if text is None else (exact_match(text, references), f1(text, references))
        for kind in {"", record.kind}:
            scores.setdefault(kind, []).append(pair)
    figures: dict[str, float] = {
        "missing": len(known - predictions.keys()),
        "foreign": len(predictions.keys() - known),
    }
    for kind, pairs in scores.items():
        before = f"{kind}_" if kind else ""
        figures[f"{before}examples"] = len(pairs)
        for name, values in zip(("exact_match", "f1"), zip(*pairs, strict=True), strict=False):
            figures[f"{before}{name}"] = fmean(values)
    return figures
