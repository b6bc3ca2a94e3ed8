"""Checks before the first step: the fast path computes what the model computes, and every weight learns."""

from __future__ import annotations

import torch
from torch import Tensor

from fsqa.errors import InputError
from fsqa.objective.module import ObjectiveModule
from fsqa.types import Batch, Role

TOLERANCE = {torch.float32: 1e-4, torch.float64: 1e-8}
HALF_TOLERANCE = 5e-2
"""Of 16-bit numbers, and of LLM.int8, which rounds each activation by what else is in the batch."""


def check_objective(objective: ObjectiveModule, batch: Batch) -> None:
    """Raise InputError unless chosen logits equal the model's own and every trainable weight gets a finite gradient.

    Two rows of the batch show it as a rule, at a part of its cost. Only what they cannot show is asked of all rows: a
    weight may have no part in either of them, as in a mixture of experts. Leaves weights, gradients, mode and random
    state as they were.
    """
    modes = [(module, module.training) for module in objective.modules()]
    with torch.random.fork_rng(devices=[]):
        objective.eval()
        try:
            try:
                _check(objective, shortest_and_longest(batch))
            except InputError:
                objective.zero_grad(set_to_none=True)
                _check(objective, batch)
        finally:
            objective.zero_grad(set_to_none=True)
            for module, training in modes:
                module.training = training


def shortest_and_longest(batch: Batch) -> Batch:
    """Return the rows with most and with least filler, the first of equals, without columns that are all filler."""
    lengths = (batch.roles != Role.PAD).sum(dim=1)
    rows = sorted({int(lengths.argmin()), int(lengths.argmax())})
    width = int(lengths.max())
    return batch._replace(ids=batch.ids[rows, :width], roles=batch.roles[rows, :width], rows=batch.rows[rows])


def _check(objective: ObjectiveModule, batch: Batch) -> None:
    _check_logits(objective, batch)
    _check_gradients(objective, batch)


@torch.no_grad()
def _check_logits(objective: ObjectiveModule, batch: Batch) -> None:
    ours, full = objective.compare_logits(batch)
    in_8_bits = getattr(objective.model, "is_loaded_in_8bit", False)
    tolerance = HALF_TOLERANCE if in_8_bits else TOLERANCE.get(full.dtype, HALF_TOLERANCE)
    apart = float((full - ours).abs().max() / full.abs().max().clamp_min(1e-6))
    if apart > tolerance:
        raise InputError(
            f"objective: logits at the chosen positions differ from {type(objective.model).__name__}'s own by "
            f"{apart:.1e} (relative), more than {tolerance:.0e}; this architecture does something around its head that "
            f"{type(objective).__name__} does not expect"
        )


def _check_gradients(objective: ObjectiveModule, batch: Batch) -> None:
    """Look at each gradient as soon as it is whole and drop it, so that they are never all there."""
    is_finite: dict[int, bool] = {}

    def look(parameter: Tensor) -> None:
        assert parameter.grad is not None
        is_finite[id(parameter)] = _is_finite(parameter.grad)
        parameter.grad = None

    trainable = [(name, weight) for name, weight in objective.model.named_parameters() if weight.requires_grad]
    hooks = [weight.register_post_accumulate_grad_hook(look) for _, weight in trainable]
    try:
        torch.autograd.backward(objective.weighted_loss(batch).loss)
    finally:
        for hook in hooks:
            hook.remove()
    for name, weight in trainable:
        if not is_finite.get(id(weight), False):
            what = "a gradient that is not finite" if id(weight) in is_finite else "no gradient"
            raise InputError(f"objective: the trainable weight '{name}' gets {what} on the first batch")


def _is_finite(tensor: Tensor) -> bool:
    """Say whether all numbers are finite; a sum that is tells it without another tensor as large."""
    return bool(tensor.sum(dtype=torch.float32).isfinite()) or bool(tensor.isfinite().all())
