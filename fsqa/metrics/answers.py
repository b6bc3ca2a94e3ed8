"""Scores of one generated answer against its references."""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Sequence

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_NO_PUNCTUATION = str.maketrans("", "", string.punctuation)


def normalize(text: str) -> str:
    """Normalise as the official SQuAD script: lower case, no punctuation, no articles, single spaces."""
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_NO_PUNCTUATION)).split())


def exact_match(prediction: str, references: Sequence[str]) -> float:
    """Return 1 if the normalised prediction equals any normalised reference, else 0."""
    said = normalize(prediction)
    return float(any(said == normalize(reference) for reference in references))


def matches(prediction: str, patterns: Sequence[str]) -> float:
    """Return 1 if any regular expression is found in the prediction, whatever its case, else 0 (CuratedTREC)."""
    return float(any(re.search(pattern, prediction, re.IGNORECASE) for pattern in patterns))


def f1(prediction: str, references: Sequence[str]) -> float:
    """Return the best F1 of the bags of normalised words over the references (SQuAD v1.1)."""
    said = normalize(prediction).split()
    return max((_bag_f1(said, normalize(reference).split()) for reference in references), default=0.0)


def with_words(references: Sequence[str]) -> Sequence[str]:
    """Return the references of which normalisation leaves something, or all when it leaves nothing of any.

    As in the official SQuAD 2.0 script: of the band "The The" nothing is left, and the empty answer would equal it.
    """
    return [reference for reference in references if normalize(reference)] or references


def _bag_f1(said: list[str], wanted: list[str]) -> float:
    if not said or not wanted:
        return float(said == wanted)
    common = sum((Counter(said) & Counter(wanted)).values())
    if not common:
        return 0.0
    precision, recall = common / len(said), common / len(wanted)
    return 2 * precision * recall / (precision + recall)


def echoes(prediction: str, question: str) -> bool:
    """Say whether a non-empty prediction holds no word that is not in the question."""
    said = normalize(prediction).split()
    return bool(said) and set(said) <= set(normalize(question).split())


def repeats(ids: Sequence[int]) -> bool:
    """Say whether generated tokens run in circles: one to four tokens that come three times in a row."""
    return any(
        tuple(ids[i : i + n]) == tuple(ids[i + n : i + 2 * n]) == tuple(ids[i + 2 * n : i + 3 * n])
        for n in range(1, 5)
        for i in range(len(ids) - 3 * n + 1)
    )
