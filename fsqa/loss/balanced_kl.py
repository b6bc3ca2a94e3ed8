"""The loss in which question and answer hold a fixed share each, whatever their lengths."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from fsqa.errors import InputError
from fsqa.loss.token_loss import TokenLoss, check_smoothing, normalized_rows, role_weights, target_weights
from fsqa.types import Batch, Role

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class BalancedKL(TokenLoss):
    """A share of every example's loss lies on its answer, the rest on its question.

    On each side a token counts by its role's weight; the sides are then scaled so that the answer and end
    tokens together weigh ``answer_share`` and the prompt and context tokens the rest, in every example.
    """

    smoothing: float
    """Label smoothing a in [0, 1): the target is (1 - a) onehot + a / V."""
    weights: dict[str, float]
    """How much a target of each role counts within its side."""
    answer_share: float
    """The answer side's share of every example's loss, in (0, 1)."""

    def __post_init__(self) -> None:
        check_smoothing(self.smoothing)
        role_weights(self.weights)
        if not 0 < self.answer_share < 1:
            raise InputError(
                f"loss.answer_share: wanted a share in (0, 1), got {self.answer_share}; "
                "for the answer alone take loss=answer_end"
            )

    @cached_property
    def _by_role(self) -> tuple[float, ...]:
        return role_weights(self.weights)

    def weigh(self, batch: Batch) -> Float[Tensor, "batch time"]:
        """Scale the two sides of each example to their shares; a side with no target leaves its share to the other."""
        weights = target_weights(batch, self._by_role)
        on_answer_side = (batch.roles == Role.ANSWER) | (batch.roles == Role.END)
        answer = normalized_rows(weights * on_answer_side)
        question = normalized_rows(weights * ~on_answer_side)
        shared = self.answer_share * answer + (1 - self.answer_share) * question
        return normalized_rows(shared) / batch.step_examples
