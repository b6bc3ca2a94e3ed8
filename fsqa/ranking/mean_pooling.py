"""Embeddings by an encoder of transformers: the mean of its last hidden states."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fsqa.errors import InputError
from fsqa.ranking.base import check_least
from fsqa.ranking.embedding import Embedding
from fsqa.ranking.load import load


@dataclass(kw_only=True, eq=False)
class MeanPooling(Embedding):
    """An encoder whose token states are averaged, without those of filler (Reimers and Gurevych 2019).

    Any folder or hub id in Hugging Face layout will do; of a sentence-transformers model with other layers on top, take
    :class:`~fsqa.ranking.SentenceTransformer`. A text is cut at ``max_length`` tokens.
    """

    path: str
    revision: str | None
    max_length: int
    batch_size: int
    device: str

    def __post_init__(self) -> None:
        check_least(self, max_length=1, batch_size=1)

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the mean state of each text's tokens, the special ones among them."""
        import torch

        tokenizer, model = self._loaded
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
        vectors = np.zeros((len(texts), model.config.hidden_size), np.float32)
        for first in range(0, len(order), self.batch_size):
            rows = order[first : first + self.batch_size]
            batch = tokenizer(
                [texts[i] for i in rows],
                padding=True,
                truncation=True,
                max_length=self.max_length,
                return_tensors="pt",
            ).to(model.device)
            mask = batch["attention_mask"].unsqueeze(-1).bool()
            if not mask.any():  # texts of nothing, by a tokenizer that adds nothing
                continue
            with torch.inference_mode():
                states = model(**batch).last_hidden_state.float()
            sums = states.masked_fill(~mask, 0).sum(dim=1)  # of a row that is all filler the states may be NaN
            vectors[rows] = (sums / mask.sum(dim=1).clamp_min(1)).cpu().numpy()
        return vectors

    @cached_property
    def _loaded(self) -> tuple[Any, Any]:
        if not self.path:
            raise InputError(f"{type(self).__name__}.path: wanted a folder or hub id, came ''")
        place = str(Path(self.path).expanduser())
        return load("AutoModel", place, self.revision, self.device, may_lack=("pooler.",))
