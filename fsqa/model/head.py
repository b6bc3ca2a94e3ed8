"""The output head of a model, run only at the positions that count."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jaxtyping import Bool
    from torch import Tensor


@contextmanager
def head_at(model: Any, chosen: Bool[Tensor, "batch time"]) -> Iterator[None]:
    """Let the vocabulary projection see the chosen positions alone; logits then have the shape [target, vocab].

    A hook leaves the head only what is chosen, so whatever a model does around its head stays as it is.
    """
    head = model.get_output_embeddings()
    hook = head.register_forward_pre_hook(lambda _, inputs: (inputs[0][chosen], *inputs[1:]))
    try:
        yield
    finally:
        hook.remove()
