"""What one gets without training: figures that every result has to beat."""

from __future__ import annotations

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

    # The splitter is the normalisation of the metrics, so that nothing depends on a stop-word list.
    known = [normalize(record.question).split() or [""] for record in train]
    asked = [normalize(record.question).split() or [""] for record in test]
    index = bm25s.BM25(method="lucene", k1=1.5, b=0.75)
    index.index(known, show_progress=False)
    nearest, _ = index.retrieve(asked, k=1, show_progress=False)
    return [score_answer(record, train[int(i)].answers[0]) for record, i in zip(test, nearest[:, 0], strict=True)]
