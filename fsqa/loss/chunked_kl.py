"""The weighted KL straight from hidden states, through a vocabulary projection that goes a chunk at a time.

All logits of a large vocabulary at once can take more memory than the model. Here each chunk of positions gets its
logits, its loss and its share of the gradients before the next one takes over the same memory, so the gradients are
ready with the forward pass and the backward pass only scales them.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.autograd.function import once_differentiable

from fsqa.loss.pointwise_kl import gradient_in_place, score_in_place

MEGABYTE = 1_000_000
FLOAT32 = 4
"""Bytes of a number in it."""


class Projection(NamedTuple):
    """What turns hidden states into logits: ``hidden @ weight.T + bias``."""

    weight: Float[Tensor, "vocab width"]
    bias: Float[Tensor, " vocab"] | None


def chunk_size(targets: int, vocabulary: int, megabytes: float | None) -> int:
    """Return how many positions to score at once so that logits in float32 take at most ``megabytes`` (10^6 bytes).

    Chunks are as even as can be, and at least one position each; None, or room for all: every position at once.
    """
    if megabytes is None:
        return targets
    most = max(1, int(megabytes * MEGABYTE / (vocabulary * FLOAT32)))
    return math.ceil(targets / math.ceil(targets / most)) if targets else 0


def chunked_kl(
    hidden: Float[Tensor, "target width"],
    projection: Projection,
    targets: Int[Tensor, " target"],
    weights: Float[Tensor, " target"],
    smoothing: float,
    positions: int,
) -> tuple[Float[Tensor, ""], Float[Tensor, " target"], Float[Tensor, " target"]]:
    """Return the weighted sum of the targets' KL, and without gradients the KL and the NLL of each, in nats.

    The same as ``pointwise_kl`` of all logits, whose memory is that of ``positions`` of them. Products are of the type
    that autocast asks for, scores in float32 at least, and sums over chunks likewise. There can be one backward pass.
    float16 is refused with ValueError: gradients formed before the loss is scaled would vanish.
    """
    device = hidden.device.type
    dtype = hidden.dtype
    if torch.is_autocast_enabled(device) and dtype is not torch.float64:
        dtype = torch.get_autocast_dtype(device)
    if dtype is torch.float16:
        raise ValueError("chunked_kl: wanted float32, float64 or bfloat16, got float16; score whole logits instead")
    loss, divergence, nll = _ChunkedKL.apply(  # type: ignore[no-untyped-call]
        hidden, *projection, targets, weights, smoothing, positions, dtype, torch.is_grad_enabled()
    )
    return loss, divergence, nll


class _Gradients:
    """Gradients with respect to hidden states, weight and bias, summed chunk by chunk; None where none is wanted."""

    def __init__(self, hidden: Tensor, weight: Tensor, bias: Tensor | None, wanted: tuple[bool, ...]) -> None:
        # Sums of many 16-bit chunks must not be rounded after each.
        exact = torch.promote_types(weight.dtype, torch.float32)
        self.hidden = torch.empty_like(hidden) if wanted[0] else None
        self.weight = torch.empty_like(weight, dtype=exact) if wanted[1] else None
        self.bias = torch.zeros_like(bias, dtype=exact) if bias is not None and wanted[2] else None

    @property
    def wanted(self) -> bool:
        return any(gradient is not None for gradient in (self.hidden, self.weight, self.bias))

    def add(self, rows: slice, states: Tensor, weight: Tensor, difference: Tensor) -> None:
        """Add a chunk, given the gradient with respect to its logits; ``states`` and ``weight`` as multiplied."""
        if self.bias is not None:
            self.bias += difference.sum(dim=0, dtype=self.bias.dtype)
        if self.hidden is not None:
            self.hidden[rows] = difference @ weight
        if self.weight is None:
            return
        first, same_type = rows.start == 0, difference.dtype == self.weight.dtype
        if same_type and first:  # written, not added: no pass that clears the memory
            torch.mm(difference.t(), states, out=self.weight)
        elif same_type:
            self.weight.addmm_(difference.t(), states)
        elif first:
            self.weight.copy_(difference.t() @ states)
        else:
            self.weight.add_(difference.t() @ states)


class _ChunkedKL(torch.autograd.Function):
    """Forms the gradients in the forward pass, while a chunk's logits are at hand."""

    @staticmethod
    def forward(
        ctx: Any,
        hidden: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        targets: Tensor,
        weights: Tensor,
        smoothing: float,
        positions: int,
        dtype: torch.dtype,
        learning: bool,
    ) -> tuple[Tensor, Tensor, Tensor]:
        gradients = _Gradients(hidden, weight, bias, tuple(learning and wanted for wanted in ctx.needs_input_grad[:3]))
        cast = Projection(weight.to(dtype), None if bias is None else bias.to(dtype))
        scored = torch.promote_types(dtype, torch.float32)
        divergence = torch.empty(len(targets), dtype=scored, device=hidden.device)
        nll, weights = torch.empty_like(divergence), weights.to(scored)
        memory = torch.empty(min(positions, len(targets)), len(weight), dtype=dtype, device=hidden.device)
        with torch.autocast(hidden.device.type, enabled=False):
            for start in range(0, len(targets), max(positions, 1)):
                rows = slice(start, min(start + positions, len(targets)))
                states = hidden[rows].to(dtype)
                product = _project(states, cast, memory[: len(states)])
                logits = product.to(scored)
                divergence[rows], nll[rows], sums = score_in_place(logits, targets[rows], smoothing)
                if gradients.wanted:
                    gradient_in_place(logits, sums, targets[rows], smoothing, weights[rows])
                    difference = logits if product is logits else product.copy_(logits)
                    gradients.add(rows, states, cast.weight, difference)
        if not len(targets) and gradients.weight is not None:
            gradients.weight.zero_()
        ctx.gradients, ctx.types = gradients, (weight.dtype, None if bias is None else bias.dtype)
        ctx.mark_non_differentiable(divergence, nll)
        return (divergence * weights).sum(), divergence, nll

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor, *_: Tensor) -> tuple[Tensor | None, ...]:
        if ctx.gradients is None:
            raise RuntimeError("chunked_kl: its gradients are used up; there can be one backward pass")
        # Let go of here, so that autograd takes the memory over instead of copying it.
        gradients, ctx.gradients = ctx.gradients, None
        scaled = [_scale(each, upstream) for each in (gradients.hidden, gradients.weight, gradients.bias)]
        of_hidden, of_weight, of_bias = scaled
        of_weight = None if of_weight is None else of_weight.to(ctx.types[0])
        of_bias = None if of_bias is None else of_bias.to(ctx.types[1])
        return of_hidden, of_weight, of_bias, *[None] * 6


def _project(states: Tensor, projection: Projection, memory: Tensor) -> Tensor:
    if projection.bias is None:
        return torch.mm(states, projection.weight.t(), out=memory)
    return torch.addmm(projection.bias, states, projection.weight.t(), out=memory)


def _scale(gradient: Tensor | None, upstream: Tensor) -> Tensor | None:
    """Multiply in place; a factor of 1 is worth looking at where looking does not make a device wait."""
    if gradient is None or (upstream.device.type == "cpu" and float(upstream) == 1):
        return gradient
    return gradient.mul_(upstream)
