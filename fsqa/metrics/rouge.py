"""ROUGE of one prediction, as the package rouge_score gives it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.metadata import version
from typing import Any

NAMES = {"rouge_1": "rouge1", "rouge_2": "rouge2", "rouge_l": "rougeL"}
"""Our names of the figures, and the package's."""


def rouge(prediction: str, references: Sequence[str]) -> dict[str, float]:
    """Return the F-measures by name: ROUGE-1, ROUGE-2 and ROUGE-L, each the best over the references.

    Tokens are the runs of a-z and 0-9 in the lower-cased text, without stemming; letters with accents part words. Lin
    2004.
    """
    scores = _scorer().score_multi(references, prediction)
    return {ours: float(scores[theirs].fmeasure) for ours, theirs in NAMES.items()}


def rouge_signatures() -> dict[str, str]:
    """Return the protocol of each figure, in the package's terms."""
    package = f"rouge_score:{version('rouge_score')}"
    return {ours: f"{theirs}|fmeasure|use_stemmer:False|multi:max|{package}" for ours, theirs in NAMES.items()}


@cache
def _scorer() -> Any:
    from rouge_score.rouge_scorer import RougeScorer
    from rouge_score.tokenizers import DefaultTokenizer

    # Left to find this tokenizer by itself, it says so to the log, and by that has all of the log printed.
    return RougeScorer(list(NAMES.values()), tokenizer=DefaultTokenizer(use_stemmer=False))
