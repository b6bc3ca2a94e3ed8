"""Rankers that read query and document together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from fsqa.errors import InputError
from fsqa.ranking.base import Ranker, check_least
from fsqa.ranking.load import load

Pair = tuple[str, str]


@final
@dataclass(kw_only=True, eq=False)
class CrossEncoder(Ranker):
    """A sequence classifier of transformers with one output, read as it is (Nogueira and Cho 2019).

    Query and document together are cut at ``max_length`` tokens, whichever is longer first. A pair is scored once,
    however often it comes.
    """

    path: str
    revision: str | None
    max_length: int
    batch_size: int
    device: str

    def __post_init__(self) -> None:
        check_least(self, max_length=4, batch_size=1)

    def scores_of(self, queries: Sequence[str], lists: Sequence[Sequence[str]]) -> list[NDArray[np.float64]]:
        """Score every query's own documents by the classifier's output."""
        pairs = [[(query, document) for document in documents] for query, documents in zip(queries, lists, strict=True)]
        self._score(list(dict.fromkeys(pair for own in pairs for pair in own if pair not in self._known)))
        return [np.array([self._known[pair] for pair in own], dtype=np.float64) for own in pairs]

    def _score(self, pairs: list[Pair]) -> None:
        import torch

        if not pairs:
            return
        tokenizer, model = self._loaded
        pairs.sort(key=lambda pair: len(pair[0]) + len(pair[1]))
        for first in range(0, len(pairs), self.batch_size):
            batch = pairs[first : first + self.batch_size]
            encoded = tokenizer(
                [query for query, _ in batch],
                [document for _, document in batch],
                padding=True,
                truncation="longest_first",
                max_length=self.max_length,
                return_tensors="pt",
            )
            with torch.inference_mode():
                logits = model(**encoded.to(model.device)).logits
            self._known.update(zip(batch, logits[:, 0].double().tolist(), strict=True))

    @cached_property
    def _loaded(self) -> tuple[Any, Any]:
        place = str(Path(self.path).expanduser())
        tokenizer, model = load("AutoModelForSequenceClassification", place, self.revision, self.device)
        if model.config.num_labels != 1:
            raise InputError(
                f"CrossEncoder.path: wanted a classifier with one output, came {model.config.num_labels} in "
                f"'{self.path}'; name a model that was trained to rank"
            )
        return tokenizer, model

    @cached_property
    def _known(self) -> dict[Pair, float]:
        return {}
