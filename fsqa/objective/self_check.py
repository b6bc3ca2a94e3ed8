"""Checks before the first step: the fast path computes what the model computes, and every weight learns."""

from __future__ import annotations

import torch

from fsqa.errors import InputError
from fsqa.objective.module import ObjectiveModule
from fsqa.types import Batch

TOLERANCE = {torch.float32: 1e-4, torch.float64: 1e-8}
HALF_TOLERANCE = 5e-2
"""Of 16-bit numbers, and of LLM.int8, which rounds each activation by what else is in the batch."""


def check_objective(objective: ObjectiveModule, batch: Batch) -> None:
    """Raise InputError unless chosen logits equal the model's own and every trainable weight gets a finite gradient.

    Leaves weights, gradients, mode and random state as they were.
    """
    modes = [(module, module.training) for module in objective.modules()]
    with torch.random.fork_rng(devices=[]):
        objective.eval()
        try:
            _check_logits(objective, batch)
            _check_gradients(objective, batch)
        finally:
            objective.zero_grad(set_to_none=True)
            for module, training in modes:
                module.training = training


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
    torch.autograd.backward(objective.weighted_loss(batch).loss)
    for name, parameter in objective.model.named_parameters():
        if parameter.requires_grad and (parameter.grad is None or not bool(parameter.grad.isfinite().all())):
            what = "no gradient" if parameter.grad is None else "a gradient that is not finite"
            raise InputError(f"objective: the trainable weight '{name}' gets {what} on the first batch")
