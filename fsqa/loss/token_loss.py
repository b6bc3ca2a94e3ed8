"""What every loss strategy shares: weights that already hold the denominator, and one sum."""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import TYPE_CHECKING, final

from fsqa.errors import InputError, did_you_mean
from fsqa.loss.base import Loss
from fsqa.types import ROLE_NAMES, Batch, LossOutput, Role

if TYPE_CHECKING:  # a strategy is checked with the config, before torch is loaded
    from jaxtyping import Float, Int
    from torch import Tensor

    from fsqa.loss.chunked_kl import Projection

TINY = 1e-30
"""Keeps 0 / 0 out of rows without a target."""


class TokenLoss(Loss):
    """A label-smoothed pointwise KL loss in which every target token has its own weight.

    A strategy says only how much each target counts (:meth:`weigh`). The weights already hold the
    denominator of the whole optimizer step, so the loss is a plain weighted sum: micro-batches and
    devices add up to exactly the gradient of one large batch.
    """

    @abstractmethod
    def weigh(self, batch: Batch) -> Float[Tensor, "batch time"]:
        """Return the weight of every token as a target, divided by the optimizer step's denominator.

        The first token of a row is never a target; its weight, and every pad's, is 0.
        """

    @final
    def __call__(
        self,
        logits: Float[Tensor, "target vocab"],
        targets: Int[Tensor, " target"],
        weights: Float[Tensor, " target"],
        roles: Int[Tensor, " target"],
        consume: bool = False,
    ) -> LossOutput:
        """Sum the weighted KL of the targets that count; ``logits[i]`` predicts ``targets[i]``.

        Half-precision logits are scored in float32. ``consume`` gives the logits away, as in ``pointwise_kl``.
        """
        from fsqa.loss.pointwise_kl import pointwise_kl

        if logits.dtype.itemsize == 2:
            logits, consume = logits.float(), True  # a copy of our own
        divergence, nll = pointwise_kl(logits, targets, self.smoothing, consume)
        weighted = divergence * weights.to(divergence.dtype)
        return LossOutput(loss=weighted.sum(), role_loss=by_role(weighted, roles), target_nll=nll.detach())

    @final
    def from_hidden(
        self,
        hidden: Float[Tensor, "target width"],
        projection: Projection,
        targets: Int[Tensor, " target"],
        weights: Float[Tensor, " target"],
        roles: Int[Tensor, " target"],
        positions: int,
    ) -> LossOutput:
        """Return what the logits of ``hidden`` would score, with the memory of ``positions`` of them."""
        from fsqa.loss.chunked_kl import chunked_kl

        loss, divergence, nll = chunked_kl(hidden, projection, targets, weights, self.smoothing, positions)
        return LossOutput(
            loss=loss, role_loss=by_role(divergence * weights.to(divergence.dtype), roles), target_nll=nll
        )


def by_role(weighted: Float[Tensor, " target"], roles: Int[Tensor, " target"]) -> Float[Tensor, " role"]:
    """Sum the targets' shares of the loss by role, without gradients."""
    weighted = weighted.detach()
    return weighted.new_zeros(len(Role)).index_add_(0, roles.long(), weighted)


def check_smoothing(smoothing: float) -> None:
    """Raise InputError unless ``smoothing`` lies in [0, 1)."""
    if not (math.isfinite(smoothing) and 0 <= smoothing < 1):
        raise InputError(f"loss.smoothing: wanted a number in [0, 1), got {smoothing}; 0 is plain cross-entropy")


def role_weights(weights: dict[str, float]) -> tuple[float, ...]:
    """Turn ``{prompt: 0, answer: 1, ...}`` into one weight per :class:`Role`, after checking it."""
    for name, weight in weights.items():
        if name not in ROLE_NAMES:
            near = did_you_mean(name, ROLE_NAMES)
            raise InputError(f"loss.weights: no role named '{name}'{near}; the roles are {', '.join(ROLE_NAMES)}")
        if not (math.isfinite(weight) and weight >= 0):
            raise InputError(f"loss.weights.{name}: wanted a weight of 0 or more, got {weight}")
    if not any(weights.values()):
        raise InputError("loss.weights: every weight is 0, so no token would count; give at least one role a weight")
    return tuple(float(weights.get(role.name.lower(), 0.0)) for role in Role)


def target_weights(batch: Batch, weights: tuple[float, ...]) -> Float[Tensor, "batch time"]:
    """Look every token's weight up by its role, leaving out first tokens, which nothing predicts."""
    import torch

    by_token = torch.tensor(weights, dtype=torch.float32, device=batch.roles.device)[batch.roles.long()]
    by_token[:, 0] = 0.0
    return by_token


def normalized_rows(weights: Float[Tensor, "batch time"]) -> Float[Tensor, "batch time"]:
    """Scale each row to sum to 1; a row of zeros stays zero (it is refused when the data is made)."""
    return weights / weights.sum(dim=1, keepdim=True).clamp_min(TINY)
