"""Rankers that compare vectors: what every embedding of texts offers."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from fsqa.ranking.base import Ranker


class Embedding(Ranker):
    """Texts as vectors; a document scores the cosine of its vector and the query's, from -1 to 1.

    A text is embedded once, however often it comes: the passages of a query are scored beside many a generated text.
    """

    @abstractmethod
    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the vectors of the texts as the model gives them, of shape (texts, width)."""

    def vectors(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the vectors of the texts at length 1 (L2), of shape (texts, width); of a text of nothing all zeros."""
        found = self._found(texts)
        lengths = np.linalg.norm(found, axis=1, keepdims=True)
        return np.divide(found, lengths, out=np.zeros_like(found), where=lengths > 0)

    def compared(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the vectors whose products are the scores."""
        return self.vectors(texts)

    def scores_of(self, queries: Sequence[str], lists: Sequence[Sequence[str]]) -> list[NDArray[np.float64]]:
        """Score every query's own documents by the cosine."""
        self._found([*queries, *(document for documents in lists for document in documents)])
        return [self._products(query, documents) for query, documents in zip(queries, lists, strict=True)]

    def _products(self, query: str, documents: Sequence[str]) -> NDArray[np.float64]:
        first, *others = self.compared([query, *documents]).astype(np.float64)
        # Row by row, not as a matrix product, which may round equal rows differently.
        return np.array([np.sum(first * other) for other in others])

    def _found(self, texts: Sequence[str]) -> NDArray[np.float32]:
        if new := [text for text in dict.fromkeys(texts) if text not in self._known]:
            self._known.update(zip(new, self.embed(new), strict=True))
        return np.stack([self._known[text] for text in texts]) if texts else np.zeros((0, 0), np.float32)

    @cached_property
    def _known(self) -> dict[str, NDArray[np.float32]]:
        return {}
