"""Embeddings by any model of the package sentence-transformers."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, final

import numpy as np
from numpy.typing import NDArray

from fsqa.errors import InputError
from fsqa.ranking.base import check_least
from fsqa.ranking.embedding import Embedding


@final
@dataclass(kw_only=True, eq=False)
class SentenceTransformer(Embedding):
    """A model by its hub id or folder, with all of its layers: LaBSE, USE and MS MARCO models among them.

    ``similarity`` is what the model was trained for: the cosine as a rule, the product of the vectors as they are
    (``dot``) where its card says so. A text is cut at the model's own limit, or at ``max_length`` tokens.
    """

    path: str
    revision: str | None
    similarity: Literal["cosine", "dot"]
    max_length: int | None
    batch_size: int
    device: str

    def __post_init__(self) -> None:
        check_least(self, batch_size=1)
        if self.max_length is not None:
            check_least(self, max_length=1)
        if importlib.util.find_spec("sentence_transformers") is None:
            raise InputError(
                "SentenceTransformer needs sentence-transformers, and it is not installed; "
                "pip install 'fsqa[embedding]', or rank by fsqa.ranking.MeanPooling"
            )

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the vectors as the model gives them."""
        found = self._model.encode(
            list(texts), batch_size=self.batch_size, convert_to_numpy=True, show_progress_bar=False
        )
        return np.asarray(found, dtype=np.float32)

    def compared(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the vectors at length 1 for the cosine, as they are for the product."""
        return self._found(texts) if self.similarity == "dot" else self.vectors(texts)

    @cached_property
    def _model(self) -> Any:
        from sentence_transformers import SentenceTransformer as Model

        place = str(Path(self.path).expanduser())
        try:
            model = Model(place, revision=self.revision, device=self.device, trust_remote_code=False)
        except (OSError, ValueError, RuntimeError) as error:
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise InputError(f"SentenceTransformer.path: cannot load '{self.path}': {reason}") from None
        if self.max_length is not None:
            model.max_seq_length = self.max_length
        return model
