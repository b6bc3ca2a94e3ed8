"""Gradient clipping that a fused optimizer does while it reads the gradients."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

TINY = 1e-6
"""What torch adds to the norm before it divides by it."""


def folds_scale(optimizer: Any) -> bool:
    """Say whether an optimizer divides gradients by a scale as it reads them, as torch's fused ones do."""
    return bool(getattr(optimizer, "_step_supports_amp_scaling", False))


def fold_clipping(optimizer: Any, parameters: Sequence[nn.Parameter], most: float) -> Tensor:
    """Have the next step take gradients whose norm is ``most`` at the most; return the norm as it is.

    The gradients keep their values until the optimizer scales them in its step, by ``clip_grad_norm_``'s factor.
    """
    norm = torch.nn.utils.get_total_norm([p.grad for p in parameters if p.grad is not None])
    optimizer.grad_scale = ((norm + TINY) / most).clamp_min(1.0).float()
    return norm
