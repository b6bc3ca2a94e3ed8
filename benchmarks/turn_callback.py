"""The Lightning callback that lets ``fsqa train`` take part in a race."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch

from benchmarks.turns import Counts, the_gate
from fsqa.data.batches import collate, on_device
from fsqa.objective.module import ObjectiveModule
from fsqa.types import Batch, Role


class TurnCallback(pl.Callback):
    """Tells the gate of every optimizer step; it is added as one of the run's own callbacks."""

    def __init__(self, *, first: int) -> None:
        """Take how many questions a batch holds: so many of the file's first are what the peers begin with."""
        self._first = first

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Score the questions that the peers' first batch holds, at the weights that all start from."""
        data: Any = trainer.datamodule  # type: ignore[attr-defined]  # it batches rows by length, the peers by order
        rows = np.arange(min(self._first, len(data._train)))
        batch = on_device(collate(data._train, rows, rows, data._pad_id), pl_module.device)
        assert isinstance(pl_module, ObjectiveModule)
        with torch.no_grad(), trainer.precision_plugin.forward_context():
            the_gate().first_loss = float(pl_module.weighted_loss(batch).loss)

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Count the batch and its step."""
        the_gate().prepared(partial(_counts, batch, pl_module))
        the_gate().finished_step(lambda: float(outputs["loss"]))


def _counts(batch: Batch, module: pl.LightningModule) -> Counts:
    """Count a batch; an opening token belongs to a text, and filler to nothing."""
    real = batch.roles != Role.PAD
    return Counts(
        examples=len(batch.ids),
        tokens=int(real.sum()),
        positions=batch.ids.numel(),
        targets=int((module.loss.weigh(batch)[:, 1:] != 0).sum()),
    )
