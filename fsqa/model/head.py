"""The output head of a model, run only at the positions that count, or left to the loss."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor, nn

    Places = Tensor | tuple[int | Tensor, ...]
    """What picks vectors out of hidden states [batch, time, width]: a mask [batch, time], or indices."""


@contextmanager
def head_at(model: Any, chosen: Places) -> Iterator[None]:
    """Let the vocabulary projection see the chosen positions alone; logits then have the shape [target, vocab].

    A hook leaves the head only what is chosen, so whatever a model does around its head stays as it is.
    """
    head = model.get_output_embeddings()
    hook = head.register_forward_pre_hook(lambda _, inputs: (inputs[0][chosen], *inputs[1:]))
    try:
        yield
    finally:
        hook.remove()


@contextmanager
def hidden_at(model: Any, chosen: Places) -> Iterator[list[Tensor]]:
    """Keep what the head would see at the chosen positions, [target, width], and let it see nothing.

    The list that is yielded holds it after each forward pass, whose own logits then have the shape [0, vocab].
    Only :func:`plain_head` can stand in for the head.
    """
    kept: list[Tensor] = []

    def keep(_: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        kept[:] = [inputs[0][chosen]]
        return kept[0][:0], *inputs[1:]

    hook = model.get_output_embeddings().register_forward_pre_hook(keep)
    try:
        yield kept
    finally:
        hook.remove()


def plain_head(model: Any) -> nn.Linear | None:
    """Return the head if the model's logits are ``hidden @ weight.T + bias`` and nothing else, or None.

    A short forward pass shows it: caps and scales around a head make a difference. Wrapped heads (adapters, heads in
    8 bits, heads shared out over devices) are left alone. Random states stay as they were.
    """
    import torch
    from torch import nn

    head = model.get_output_embeddings()
    if type(head) is not nn.Linear or type(head.weight) is not nn.Parameter:
        return None
    if head.weight.shape != (head.out_features, head.in_features):  # its rows lie on other devices
        return None
    seen: list[tuple[Tensor, Tensor]] = []
    hook = head.register_forward_hook(lambda _, inputs, output: seen.append((inputs[0], output)))
    device = head.weight.device
    try:
        with torch.no_grad(), torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            logits = model(input_ids=torch.zeros(1, 2, dtype=torch.long, device=device)).logits
            expected = [nn.functional.linear(hidden, head.weight, head.bias) for hidden, _ in seen]
    finally:
        hook.remove()
    if len(seen) != 1 or logits.shape != expected[0].shape or not bool(logits.any()):
        return None
    return head if torch.equal(expected[0].to(logits.dtype), logits) else None
