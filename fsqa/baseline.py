"""What one gets without training: figures that every result has to beat."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fsqa.data.examples import Examples
from fsqa.encode.blocks import document_numbers
from fsqa.metrics.answers import normalize
from fsqa.metrics.scoring import Row, score_answer
from fsqa.types import Example, Record, Role


def most_frequent_answer(train: Sequence[Record], test: Sequence[Record]) -> list[Row]:
    """Answer everything with the training split's most frequent answer (the first seen among equals)."""
    counts = Counter(normalize(record.answers[0]) for record in train)
    frequent = max(counts, key=counts.__getitem__)
    answer = next(record.answers[0] for record in train if normalize(record.answers[0]) == frequent)
    return [score_answer(record, answer) for record in test]


def nearest_question(train: Sequence[Record], test: Sequence[Record]) -> list[Row]:
    """Answer with the answer of the training question nearest by BM25 (Lucene's form, k1 1.5, b 0.75).

    Of equally near questions the first counts: the order that a partial sort leaves them in differs between processors.
    """
    import bm25s

    index = bm25s.BM25(method="lucene", k1=1.5, b=0.75)
    index.index([_words(record.question) for record in train], show_progress=False)
    nearest = (int(index.get_scores(_words(record.question)).argmax()) for record in test)
    return [score_answer(record, train[place].answers[0]) for record, place in zip(test, nearest, strict=True)]


def unigram(train: Examples, test: Examples, documents: int, vocabulary: int) -> NDArray[np.float64]:
    """Predict every token of the test text by how often it is a target in the training text, one more than counted.

    Returns, for each of the test's documents, the sums over the tokens that a model is scored on: their negative
    log-likelihood in nats, how many there are, and how many are the likeliest token.
    """
    counts = np.ones(vocabulary)
    for row in range(len(train)):
        ids, chosen = _predicted(train[row])
        counts += np.bincount(ids[chosen], minlength=vocabulary)
    nll, likeliest = -np.log(counts / counts.sum()), int(counts.argmax())
    sums = np.zeros((documents, 3))
    for row in range(len(test)):
        ids, chosen = _predicted(test[row])
        places = (int(test.records[row]) + document_numbers(test[row].roles))[chosen]
        figures = np.stack([nll[ids[chosen]], np.ones(len(places)), ids[chosen] == likeliest], axis=1)
        np.add.at(sums, places, figures)
    return sums


def _predicted(block: Example) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
    """Return the ids of a block, and which of them are text that something stands before."""
    chosen = block.roles == Role.ANSWER
    chosen[0] = False
    return block.ids, chosen


def _words(question: str) -> list[str]:
    """Split as the metrics do, so that nothing depends on a stop-word list; a word is held in memory once."""
    # bm25s keeps "" for itself, and fails on a query of it.
    return [sys.intern(word) for word in normalize(question).split()] or [" "]
