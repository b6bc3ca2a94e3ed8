"""The label-smoothed pointwise KL divergence in closed form, without a dense target."""

from __future__ import annotations

import math
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor


def smoothed_entropy(vocabulary: int, smoothing: float) -> float:
    """Entropy in nats of q = (1 - a) onehot + a / V: what separates KL(q || p) from cross-entropy."""
    right = 1 - smoothing + smoothing / vocabulary
    wrong = smoothing / vocabulary
    entropy = -right * math.log(right)
    if wrong > 0:
        entropy -= (vocabulary - 1) * wrong * math.log(wrong)
    return entropy


def pointwise_kl(
    logits: Float[Tensor, "target vocab"], targets: Int[Tensor, " target"], smoothing: float
) -> tuple[Float[Tensor, " target"], Float[Tensor, " target"]]:
    """Return KL(q || softmax(logits)) summed over the vocabulary, and the plain NLL, of each target, in nats.

    With q = (1 - a) onehot(y) + a / V,
    ``KL = sum(q log q) + logsumexp(z) - (1 - a) z_y - a mean(z)``: zero at p = q, and with the gradient of
    ``cross_entropy(label_smoothing=a)``. The NLL carries no gradient.
    """
    divergence, nll = _PointwiseKL.apply(logits, targets, smoothing)  # type: ignore[no-untyped-call]
    return divergence, nll


class _PointwiseKL(torch.autograd.Function):
    """Keeps one vocabulary-sized buffer through the backward pass; plain autograd keeps three."""

    @staticmethod
    def forward(ctx: Any, logits: Tensor, targets: Tensor, smoothing: float) -> tuple[Tensor, Tensor]:
        normalizer = logits.logsumexp(dim=-1)
        nll = normalizer - logits.gather(-1, targets[:, None]).squeeze(-1)
        # (1 - a) z_y + a mean(z) = z_y + a (mean(z) - z_y): written from the NLL so that a = 0 is exactly the NLL.
        entropy = smoothed_entropy(logits.shape[-1], smoothing)
        divergence = nll - smoothing * (logits.mean(dim=-1) - normalizer + nll) - entropy if smoothing else nll.clone()
        ctx.save_for_backward(logits, targets, normalizer)
        ctx.smoothing = smoothing
        ctx.mark_non_differentiable(nll)
        return divergence, nll

    @staticmethod
    def backward(ctx: Any, gradient: Tensor, _: Tensor) -> tuple[Tensor, None, None]:
        logits, targets, normalizer = ctx.saved_tensors
        # d KL / d z = softmax(z) - q
        difference = (logits - normalizer[:, None]).exp_()
        difference.sub_(ctx.smoothing / logits.shape[-1])
        difference[torch.arange(len(targets), device=targets.device), targets] -= 1 - ctx.smoothing
        return difference.mul_(gradient[:, None]), None, None
