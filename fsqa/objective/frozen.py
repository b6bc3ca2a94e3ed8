"""Which weights a model has: those that learn, those that a checkpoint belongs over, those that it starts with."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from fsqa.errors import InputError

INTEGERS = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}
"""An integer type of every element's size in bytes."""

RANDOM_HALVES = ("lora_A", "lora_embedding_A")
"""Names of the halves of adapters that start at random."""

PART = 2**22
"""Elements summed at once."""


def learned_state(module: nn.Module, state: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a checkpoint needs of a state dict: trainable weights, under all their names, and buffers."""
    kept = trainable_names(module) | {name for name, _ in module.named_buffers()}
    return {name: value for name, value in state.items() if name in kept}


def trainable_names(module: nn.Module) -> set[str]:
    """Return the names of all trainable weights; a tied one has several."""
    return {name for name, parameter in module.named_parameters(remove_duplicate=False) if parameter.requires_grad}


def frozen_key(module: nn.Module) -> str:
    """Return what tells frozen weights from others: a hash of the sum of each one's bits.

    The sums are of integers, so neither device nor number of threads matters.
    """
    digest = hashlib.sha256()
    for name, parameter in sorted(module.named_parameters()):
        if not parameter.requires_grad:
            digest.update(f"{name} {tuple(parameter.shape)} {_bit_sum(parameter.detach())}\n".encode())
    return digest.hexdigest()[:20]


def weights_key(model: nn.Module) -> str:
    """Return what tells the weights that a model starts with from others: a hash of the sums of their bits.

    It is the same with LoRA as without: an adapter starts as a random matrix before one of zeros, which changes
    nothing, and a copy of a weight says no more than the weight. What is all zero is left out, and with it biases
    that have not learned yet, which follow from the architecture.
    """
    starts = {
        (tuple(parameter.shape), total)
        for name, parameter in model.named_parameters()
        if not any(half in name for half in RANDOM_HALVES) and (total := _bit_sum(parameter.detach()))
    }
    return hashlib.sha256(repr(sorted(starts)).encode()).hexdigest()[:20]


def _bit_sum(tensor: Tensor) -> int:
    bits = tensor.contiguous().view(INTEGERS[tensor.element_size()]).flatten()
    total = 0
    for part in torch.split(bits, PART):  # torch widens what it sums, in memory
        total += int(part.sum(dtype=torch.int64))
    return total


def check_belongs(module: nn.Module, checkpoint: Mapping[str, Any], own_key: str) -> None:
    """Raise InputError for a checkpoint of other trainable weights, or of other frozen weights below them."""
    # A strategy that shares the weights out has loaded them by now, and keeps them to itself.
    missing = sorted(trainable_names(module) - set(checkpoint["state_dict"])) if "state_dict" in checkpoint else []
    if missing:
        raise InputError(
            f"checkpoint: {len(missing)} of the weights to train are not in it, the first '{missing[0]}'; it is of "
            "another model or tuning; delete the run's folder to start over"
        )
    if checkpoint.get("frozen_key", own_key) != own_key:
        raise InputError(
            "checkpoint: it was trained over other frozen weights than the model has now; bring back the model it was "
            "trained with (model.path, model.revision), or delete the run's folder to start over"
        )
