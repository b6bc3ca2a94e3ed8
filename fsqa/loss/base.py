"""What every loss offers, whatever it scores: a weight for each token, and a loss that is this batch's share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

    from fsqa.types import Batch, LossOutput


class Loss(ABC):
    """A loss whose shares over micro-batches and devices add up to exactly the loss of the whole optimizer step."""

    smoothing: float

    @abstractmethod
    def weigh(self, batch: Batch) -> Float[Tensor, "batch time"]:
        """Return the weight of every token as a target, divided by the optimizer step's denominator."""

    @abstractmethod
    def __call__(self, *scored: Any, **options: Any) -> LossOutput:
        """Score what the objective computed; each kind of loss says what it takes."""
