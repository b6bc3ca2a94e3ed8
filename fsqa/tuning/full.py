"""Full fine-tuning."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fsqa.tuning.base import Tuning


@dataclass(frozen=True, kw_only=True)
class Full(Tuning):
    """Every weight of the model learns."""

    def __call__(self, model: Any, new_tokens: Sequence[int] = ()) -> Any:
        """Make every parameter trainable and return the model."""
        return model.requires_grad_(True)
