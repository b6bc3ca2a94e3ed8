"""Full fine-tuning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Full:
    """Every weight of the model learns."""

    def __call__(self, model: Any) -> Any:
        """Make every parameter trainable and return the model."""
        return model.requires_grad_(True)
