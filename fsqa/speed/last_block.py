"""The feed-forward part of a model's last block, run only at the positions that count."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from fsqa.model.depth import blocks

if TYPE_CHECKING:
    from jaxtyping import Bool
    from torch import Tensor, nn


def last_feed_forward(model: Any) -> nn.Module | None:
    """Return the part of the last block that works on each position by itself; None where there is no telling it.

    Blocks without a module for it (OPT), ones that give it more than the hidden states (BLOOM), mixtures of experts,
    compiled blocks, and blocks that are computed again in the backward pass are left alone.
    """
    last = blocks(model)[-1]
    part = getattr(last, "mlp", None)
    if part is None or getattr(last, "gradient_checkpointing", False) or last._compiled_call_impl is not None:
        return None
    has_experts = any(weight.ndim > 2 for weight in part.parameters())  # some give their choice of experts too
    takes_more = len(inspect.signature(part.forward).parameters) > 1
    found: nn.Module | None = None if has_experts or takes_more else part
    return found


@contextmanager
def only_at(part: nn.Module | None, chosen: Bool[Tensor, "batch time"]) -> Iterator[None]:
    """Let a part of the last block see the chosen positions alone, and give 0 at the others.

    What the block gives at the others is then wrong, and may be used for nothing: after the last block, with the head
    at the chosen positions, nothing does.
    """
    if part is None:
        yield
        return

    def scattered(_: nn.Module, __: Any, output: Tensor) -> Tensor:
        everywhere = output.new_zeros(*chosen.shape, output.shape[-1])
        everywhere[chosen] = output[0]
        return everywhere

    before = part.register_forward_pre_hook(lambda _, inputs: (inputs[0][chosen][None],))
    after = part.register_forward_hook(scattered)
    try:
        yield
    finally:
        before.remove()
        after.remove()
