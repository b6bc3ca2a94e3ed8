"""What every way of tuning offers: a model in, the model with its trainable weights chosen out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from fsqa.model.quantization import Quantization


class Tuning(ABC):
    """Which weights learn."""

    @property
    def quantization(self) -> Quantization | None:
        """In which numbers the frozen weights are to be loaded; None: in the model's own."""
        return None

    @abstractmethod
    def __call__(self, model: Any, new_tokens: Sequence[int] = ()) -> Any:
        """Choose the trainable weights, adding adapters where there are any, and return the model to train.

        ``new_tokens`` are ids that were added to the vocabulary and so start untrained.
        """
