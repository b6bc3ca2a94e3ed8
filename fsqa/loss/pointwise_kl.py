"""The label-smoothed pointwise KL divergence in closed form, without a dense target."""

from __future__ import annotations

import math
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.autograd.function import once_differentiable


def smoothed_entropy(vocabulary: int, smoothing: float) -> float:
    """Entropy in nats of q = (1 - a) onehot + a / V: what separates KL(q || p) from cross-entropy."""
    right = 1 - smoothing + smoothing / vocabulary
    wrong = smoothing / vocabulary
    entropy = -right * math.log(right)
    if wrong > 0:
        entropy -= (vocabulary - 1) * wrong * math.log(wrong)
    return entropy


def pointwise_kl(
    logits: Float[Tensor, "target vocab"],
    targets: Int[Tensor, " target"],
    smoothing: float,
    consume: bool = False,
) -> tuple[Float[Tensor, " target"], Float[Tensor, " target"]]:
    """Return KL(q || softmax(logits)) summed over the vocabulary, and the plain NLL, of each target, in nats.

    With q = (1 - a) onehot(y) + a / V,
    ``KL = sum(q log q) + logsumexp(z) - (1 - a) z_y - a mean(z)``: zero at p = q, and with the gradient of
    ``cross_entropy(label_smoothing=a)``. The NLL carries no gradient.

    ``consume`` gives the logits away: their memory is worked in and in the end holds their gradient, so that no other
    of that size is needed. They may be read by nobody afterwards; where another step of the backward pass needs them
    after all, autograd raises RuntimeError. Then there is one backward pass, not two.
    """
    function = _ConsumingKL if consume else _PointwiseKL
    divergence, nll = function.apply(logits, targets, smoothing)  # type: ignore[no-untyped-call]
    return divergence, nll


def score_in_place(
    logits: Float[Tensor, "target vocab"], targets: Int[Tensor, " target"], smoothing: float
) -> tuple[Float[Tensor, " target"], Float[Tensor, " target"], Float[Tensor, "target 1"]]:
    """Return divergence, NLL, and the sum of ``exp(z - max z)`` of each target; these exponentials replace the logits.

    Together they are what :func:`gradient_in_place` goes on from.
    """
    logits.sub_(logits.amax(dim=-1, keepdim=True))
    chosen = logits.gather(-1, targets[:, None]).squeeze(-1)
    mean = logits.mean(dim=-1) if smoothing else None
    vocabulary = logits.shape[-1]
    sums = logits.exp_().sum(dim=-1, keepdim=True)
    normalizer = sums.log().squeeze(-1)
    nll = normalizer - chosen
    return _divergence(nll, normalizer, mean, vocabulary, smoothing), nll, sums


def gradient_in_place(
    exponentials: Float[Tensor, "target vocab"],
    sums: Float[Tensor, "target 1"],
    targets: Int[Tensor, " target"],
    smoothing: float,
    upstream: Float[Tensor, " target"],
) -> Float[Tensor, "target vocab"]:
    """Turn the exponentials into the gradient with respect to the logits, in their own memory, and return it.

    ``upstream`` is the gradient with respect to each target's divergence.
    """
    # upstream (softmax(z) - q), with softmax = exponentials / sums: one pass over the memory
    column = upstream[:, None]
    torch.addcmul(column * (-smoothing / exponentials.shape[-1]), exponentials, column / sums, out=exponentials)
    exponentials[torch.arange(len(targets), device=targets.device), targets] -= (1 - smoothing) * upstream
    return exponentials


def _divergence(nll: Tensor, normalizer: Tensor, mean: Tensor | None, vocabulary: int, smoothing: float) -> Tensor:
    """Return the KL from the NLL and the mean of the logits, which is needed under smoothing alone."""
    # (1 - a) z_y + a mean(z) = z_y + a (mean(z) - z_y): written from the NLL so that a = 0 is exactly the NLL.
    if mean is None:
        return nll.clone()
    return nll - smoothing * (mean - normalizer + nll) - smoothed_entropy(vocabulary, smoothing)


class _PointwiseKL(torch.autograd.Function):
    """Leaves the logits as they are; keeps no other vocabulary-sized buffer, and makes one in the backward pass."""

    @staticmethod
    def forward(ctx: Any, logits: Tensor, targets: Tensor, smoothing: float) -> tuple[Tensor, Tensor]:
        normalizer = logits.logsumexp(dim=-1)
        nll = normalizer - logits.gather(-1, targets[:, None]).squeeze(-1)
        mean = logits.mean(dim=-1) if smoothing else None
        divergence = _divergence(nll, normalizer, mean, logits.shape[-1], smoothing)
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


class _ConsumingKL(torch.autograd.Function):
    """Works in the logits' own memory, forward and backward; a second backward pass is an error of autograd's."""

    @staticmethod
    def forward(ctx: Any, logits: Tensor, targets: Tensor, smoothing: float) -> tuple[Tensor, Tensor]:
        # Not through ``detach()``: what else is derived from the logits must notice that they have changed.
        divergence, nll, sums = score_in_place(logits, targets, smoothing)
        ctx.save_for_backward(logits, targets, sums)
        ctx.smoothing = smoothing
        ctx.mark_non_differentiable(nll)
        return divergence, nll

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor, _: Tensor) -> tuple[Tensor, None, None]:
        exponentials, targets, sums = ctx.saved_tensors
        return gradient_in_place(exponentials, sums, targets, ctx.smoothing, gradient), None, None
