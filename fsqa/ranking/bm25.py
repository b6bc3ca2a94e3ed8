"""BM25 over the candidates of each query alone."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, final

import numpy as np
from numpy.typing import NDArray

from fsqa.errors import InputError
from fsqa.ranking.base import Ranker, check_least

WORD = re.compile(r"\w+")
LEAST_IDF = 0.25
"""Of the mean IDF: what a word gets that stands in more than half of the documents, under ``okapi``."""

Words = list[str]


@final
@dataclass(kw_only=True, eq=False)
class Bm25(Ranker):
    """Okapi BM25 (Robertson and Zaragoza 2009): words in common, rare ones counting more, long documents less.

    The collection that says how rare a word is are the query's own documents, a generated one among them: no other
    statistics are needed, and a generated text can change the scores of its neighbours. The formulas are written out
    because an index, which bm25s would make for every query, costs far more than to score a handful of documents.

    ``lucene``, ``robertson`` and ``atire`` are the forms that Kamphuis et al. 2020 compare, and equal those of bm25s.
    ``okapi`` is that of the package rank_bm25, by which earlier work ranked.
    """

    method: Literal["lucene", "robertson", "atire", "okapi"]
    k1: float
    b: float
    words: Literal["lower", "blanks"]

    def __post_init__(self) -> None:
        check_least(self, k1=0, b=0)
        if self.b > 1:
            raise InputError(f"Bm25.b: wanted a number from 0 to 1, came {self.b}")

    def scores_of(self, queries: Sequence[str], lists: Sequence[Sequence[str]]) -> list[NDArray[np.float64]]:
        """Score every query's own documents; 0 where no word is shared. A word said twice in the query counts twice."""
        return [
            self._scores(self._split(query), [self._split(document) for document in documents])
            for query, documents in zip(queries, lists, strict=True)
        ]

    def _split(self, text: str) -> Words:
        return text.split(" ") if self.words == "blanks" else WORD.findall(text.lower())

    def _scores(self, query: Words, documents: list[Words]) -> NDArray[np.float64]:
        scores = np.zeros(len(documents))
        if not any(documents):
            return scores
        counts = [Counter(words) for words in documents]
        lengths = np.array([len(words) for words in documents], dtype=np.float64)
        norms = self.k1 * (1 - self.b + self.b * lengths / lengths.mean())
        gain = self.k1 + 1 if self.method in ("atire", "okapi") else 1
        for word in query:
            often = np.array([count[word] for count in counts], dtype=np.float64)
            held = often > 0  # where k1 is 0 an absent word would be 0 / 0
            if held.any():
                scores[held] += self._idf(int(held.sum()), counts) * gain * often[held] / (often[held] + norms[held])
        return scores

    def _idf(self, n: int, counts: list[Counter[str]]) -> float:
        """Return how much a word counts that ``n`` of the documents hold."""
        odds = (len(counts) - n + 0.5) / (n + 0.5)
        if self.method == "lucene":
            return math.log(1 + odds)
        if self.method == "atire":
            return math.log(len(counts) / n)
        if odds >= 1:
            return math.log(odds)
        return 0.0 if self.method == "robertson" else LEAST_IDF * mean_odds(counts)


def mean_odds(counts: list[Counter[str]]) -> float:
    """Return the mean over all words of ``ln((N - n + 1/2) / (n + 1/2))``, which is negative for frequent ones."""
    found_in = Counter(word for count in counts for word in count)
    return sum(math.log((len(counts) - n + 0.5) / (n + 0.5)) for n in found_in.values()) / len(found_in)
