"""What every ranker offers: a score for each document of a query."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fsqa.errors import InputError


class Ranker(ABC):
    """Scores documents for a query; made with the config, before torch is loaded.

    Nothing that it is given is changed, and no score depends on another ranker. Equal documents score exactly alike.
    """

    @abstractmethod
    def scores_of(self, queries: Sequence[str], lists: Sequence[Sequence[str]]) -> list[NDArray[np.float64]]:
        """Score every query's own list of documents, in their order; higher is nearer to the query."""

    def scores(self, query: str, documents: Sequence[str]) -> NDArray[np.float64]:
        """Score the documents of one query."""
        return self.scores_of([query], [documents])[0]


def check_least(ranker: object, **least: float) -> None:
    """Raise InputError unless each of the named settings is at least so much."""
    for name, bound in least.items():
        value = getattr(ranker, name)
        if not value >= bound:
            raise InputError(f"{type(ranker).__name__}.{name}: wanted {bound} or more, came {value}")
