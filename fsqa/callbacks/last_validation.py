"""The last step is always validated, wherever the interval falls."""

from __future__ import annotations

from typing import Any

import pytorch_lightning as pl


class LastValidation(pl.Callback):
    """Has the weights of the very last step compete for the best checkpoint too.

    Lightning validates every so many steps, and what comes after the last whole interval would never be scored.
    """

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Ask for a stop at the last step, which Lightning precedes with a validation."""
        if trainer.global_step >= trainer.estimated_stepping_batches:
            trainer.should_stop = True
