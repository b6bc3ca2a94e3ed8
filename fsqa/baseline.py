"""What one gets without training: figures that every result has to beat."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence

from fsqa.metrics.answers import normalize
from fsqa.metrics.scoring import Row, score_answer
from fsqa.types import Record


def most_frequent_answer(train: Sequence[Record], test: Sequence[Record]) -> list[Row]:
    """Answer everything with the training split's most frequent answer (the first seen among equals)."""
    counts = Counter(normalize(record.answers[0]) for record in train)
    frequent = max(counts, key=counts.__getitem__)
    answer = next(record.answers[0] for record in train if normalize(record.answers[0]) == frequent)
    return [score_answer(record, answer) for record in test]


def nearest_question(train: Sequence[Record], test: Sequence[Record]) -> list[Row]:
    """Answer with the answer of the training question nearest by BM25 (Lucene's form, k1 1.5, b 0.75)."""
    import bm25s

    known = [_words(record.question) for record in train]
    asked = [_words(record.question) for record in test]
    index = bm25s.BM25(method="lucene", k1=1.5, b=0.75)
    index.index(known, show_progress=False)
    nearest, _ = index.retrieve(asked, k=1, show_progress=False)
    return [score_answer(record, train[int(i)].answers[0]) for record, i in zip(test, nearest[:, 0], strict=True)]


def _words(question: str) -> list[str]:
    """Split as the metrics do, so that nothing depends on a stop-word list; a word is held in memory once."""
    # bm25s keeps "" for itself, and fails on a query of it.
    return [sys.intern(word) for word in normalize(question).split()] or [" "]
