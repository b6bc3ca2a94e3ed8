"""Fine-tuning of the upper part of a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fsqa.errors import InputError
from fsqa.tuning.base import Tuning


@dataclass(frozen=True, kw_only=True)
class Freeze(Tuning):
    """The first layers, the embeddings, or both stay as they are; all other weights learn.

    A head that is tied to the embedding is frozen with it.
    """

    layers: int | float
    """How many blocks from the bottom are frozen: a number of them, or a share below 1."""
    embeddings: bool
    """Whether token and position embeddings are frozen."""

    def __post_init__(self) -> None:
        is_share = isinstance(self.layers, float)
        if self.layers < 0 or (is_share and self.layers >= 1):
            raise InputError(
                f"tuning.layers: wanted a number of layers from 0, or a share in [0, 1) as in 0.5, got {self.layers}"
            )
        if not self.layers and not self.embeddings:
            raise InputError("tuning: tuning.layers=0 and tuning.embeddings=false freeze nothing; take tuning=full")

    def __call__(self, model: Any, new_tokens: Sequence[int] = ()) -> Any:
        """Freeze what lies at the bottom and return the model.

        A share is rounded down to whole layers. Raises InputError when there are not so many layers, or when the
        embedding is frozen although it has rows that were never trained.
        """
        from fsqa.model.depth import blocks, depth_of

        count = len(blocks(model))
        if self.layers > count:
            raise InputError(f"tuning.layers={self.layers}: {type(model).__name__} has {count} layers; freeze fewer")
        if self.embeddings and new_tokens:
            raise InputError(
                f"tuning.embeddings=true: the rows of {len(new_tokens)} added tokens would never learn; "
                "set tuning.embeddings=false, or take tuning=lora, which trains only those rows"
            )
        frozen = self.layers if isinstance(self.layers, int) else int(self.layers * count)
        depths = depth_of(model)
        for name, parameter in model.named_parameters():
            depth = depths[name]
            parameter.requires_grad_(not (1 <= depth <= frozen or (depth == 0 and self.embeddings)))
        return model
