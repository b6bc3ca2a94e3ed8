"""What the processes that train one run together tell each other."""

from __future__ import annotations

from typing import TypeVar

import pytorch_lightning as pl
import torch

T = TypeVar("T")


def of_every_rank(trainer: pl.Trainer, value: T) -> list[T]:
    """Return the values of all processes, in their order; every process has to ask at the same moment.

    Tensors go over as they are, so hand in such as live on the CPU.
    """
    if trainer.world_size == 1:
        return [value]
    values: list[T] = [value] * trainer.world_size
    torch.distributed.all_gather_object(values, value)
    return values
