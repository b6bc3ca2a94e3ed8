"""Gradients of large weights, written straight into memory that is kept from step to step.

Autograd gives every weight a new gradient in every step. On a CPU such memory comes from the system page by page,
cleared, which for a 125M model costs more than the optimizer; and a tied embedding makes three of them. Here the
matrix product that is the gradient writes into a buffer made once.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

SMALLEST = 1 << 15
"""Weights with fewer elements are left to autograd: for them the detour through Python would cost more."""


class GradientBuffers:
    """One buffer for each large weight of a model; to be used where nothing waits for autograd's own gradients.

    ``zero_grad()`` with its default, which forgets gradients, costs nothing: the next backward pass overwrites the
    buffer. What comes after in the same step is added. The weights' own hooks are not called, so several processes
    that exchange gradients cannot use it.
    """

    def __init__(self) -> None:
        self._kept: dict[nn.Parameter, Tensor] = {}

    def install(self, model: nn.Module) -> None:
        """Let linear layers and embeddings with a large trainable weight write their gradients into the buffers."""
        for layer in _large_layers(model):
            layer.forward = partial(self._embed if isinstance(layer, nn.Embedding) else self._multiply, layer)

    def add_product(self, weight: nn.Parameter, left: Tensor, right: Tensor) -> None:
        """Add ``left @ right`` to the gradient of ``weight``; products of narrower numbers are made in those."""
        is_first, is_narrow = weight.grad is None, left.dtype != weight.dtype
        gradient = weight.grad = self._buffer(weight) if weight.grad is None else weight.grad
        if is_narrow:
            product = left @ right
            gradient.copy_(product) if is_first else gradient.add_(product)
        elif is_first:
            torch.mm(left, right, out=gradient)
        else:
            gradient.addmm_(left, right)

    def add_rows(self, weight: nn.Parameter, rows: Tensor, gradient: Tensor) -> None:
        """Add a gradient to the chosen rows of that of ``weight``; the others get 0."""
        if weight.grad is None:
            weight.grad = self._buffer(weight).zero_()
        weight.grad.index_add_(0, rows, gradient)

    def _buffer(self, weight: nn.Parameter) -> Tensor:
        if weight not in self._kept:
            self._kept[weight] = torch.empty_like(weight)
        return self._kept[weight]

    def _multiply(self, layer: Any, hidden: Tensor) -> Tensor:
        is_autocast = torch.is_autocast_enabled("cpu")
        if not _is_wanted(layer.weight) or not (is_autocast or hidden.dtype == layer.weight.dtype):
            return type(layer).forward(layer, hidden)
        kind = torch.get_autocast_dtype("cpu") if is_autocast else hidden.dtype
        settings = _Settings(kind, not isinstance(layer, nn.Linear), self)
        product: Tensor = _Product.apply(hidden, layer.weight, layer.bias, settings)  # type: ignore[no-untyped-call]
        return product

    def _embed(self, layer: Any, ids: Tensor) -> Tensor:
        if not _is_wanted(layer.weight):
            return type(layer).forward(layer, ids)
        rows: Tensor = _Lookup.apply(ids, layer.weight, layer.padding_idx, self)  # type: ignore[no-untyped-call]
        return rows


def _is_wanted(weight: Tensor) -> bool:
    return torch.is_grad_enabled() and weight.requires_grad


def _large_layers(model: nn.Module) -> Iterator[Any]:
    """Yield the layers with a large trainable weight, of exactly the kinds whose arithmetic is known."""
    from transformers.pytorch_utils import Conv1D

    for module in model.modules():
        layer: Any = module
        if type(layer) not in (nn.Linear, Conv1D, nn.Embedding):
            continue
        if type(layer) is nn.Embedding and (layer.max_norm or layer.scale_grad_by_freq or layer.sparse):
            continue
        if layer.weight.requires_grad and layer.weight.numel() >= SMALLEST:
            yield layer


class _Settings(NamedTuple):
    """How a product is made."""

    kind: torch.dtype
    """What both sides are multiplied in: their own type, or autocast's."""
    inputs_first: bool
    """The order of the weight's sides: GPT-2's Conv1D has them the other way round."""
    buffers: GradientBuffers


class _Product(torch.autograd.Function):
    """A linear layer whose weight's gradient goes into a buffer."""

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: nn.Parameter, bias: Tensor | None, settings: _Settings) -> Tensor:
        with torch.autocast("cpu", enabled=False):  # it would remember a weight that was cast without gradients
            rows, narrow = hidden.to(settings.kind), weight.to(settings.kind)
            bias = None if bias is None else bias.to(settings.kind)
            product = functional.linear(rows, narrow.t() if settings.inputs_first else narrow, bias)
        ctx.save_for_backward(rows, narrow)
        ctx.weight, ctx.settings, ctx.hidden_kind = weight, settings, hidden.dtype
        return product

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        hidden, weight = ctx.saved_tensors
        gradient = gradients[0].reshape(-1, gradients[0].shape[-1])
        rows = hidden.reshape(-1, hidden.shape[-1])
        of_hidden = of_bias = None
        if ctx.needs_input_grad[0]:
            of_hidden = gradient @ (weight.t() if ctx.settings.inputs_first else weight)
            of_hidden = of_hidden.view(hidden.shape).to(ctx.hidden_kind)
        if ctx.needs_input_grad[2]:
            of_bias = gradient.sum(dim=0).to(ctx.weight.dtype)
        sides = (rows.t(), gradient) if ctx.settings.inputs_first else (gradient.t(), rows)
        ctx.settings.buffers.add_product(ctx.weight, *sides)
        return of_hidden, None, of_bias, None


class _Lookup(torch.autograd.Function):
    """An embedding whose gradient is added to the rows that were looked up, without one of the whole table."""

    @staticmethod
    def forward(
        ctx: Any, ids: Tensor, weight: nn.Parameter, padding_id: int | None, buffers: GradientBuffers
    ) -> Tensor:
        ctx.save_for_backward(ids)
        ctx.weight, ctx.padding_id, ctx.buffers = weight, padding_id, buffers
        return functional.embedding(ids, weight)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[None, ...]:
        (ids,) = ctx.saved_tensors
        gradient = gradients[0].reshape(-1, gradients[0].shape[-1])
        if ctx.padding_id is not None:  # as torch does, the filler's row learns nothing
            gradient = gradient.masked_fill((ids.reshape(-1) == ctx.padding_id)[:, None], 0.0)
        ctx.buffers.add_rows(ctx.weight, ids.reshape(-1), gradient)
        return None, None, None, None
