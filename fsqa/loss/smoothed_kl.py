"""The label-smoothed pointwise KL loss with a weight for each role."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from fsqa.loss.token_loss import TokenLoss, check_smoothing, normalized_rows, role_weights, target_weights
from fsqa.types import Batch

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class SmoothedKL(TokenLoss):
    """A weighted mean of the smoothed KL over the tokens whose role counts."""

    smoothing: float
    """Label smoothing a in [0, 1): the target is (1 - a) onehot + a / V."""
    weights: dict[str, float]
    """How much a target of each role counts: prompt, context, answer, end; what is not named counts 0."""
    mean: Literal["example", "token"]
    """``example``: each example's own mean, then the mean over examples; ``token``: one mean over all targets."""

    def __post_init__(self) -> None:
        check_smoothing(self.smoothing)
        role_weights(self.weights)

    @cached_property
    def _by_role(self) -> tuple[float, ...]:
        return role_weights(self.weights)

    def weigh(self, batch: Batch) -> Float[Tensor, "batch time"]:
        """Weigh targets by role, then divide by the example's or the whole step's total weight."""
        weights = target_weights(batch, self._by_role)
        if self.mean == "token":
            return weights / (weights.new_tensor(self._by_role) @ batch.step_targets.to(weights.dtype))
        return normalized_rows(weights) / batch.step_examples
