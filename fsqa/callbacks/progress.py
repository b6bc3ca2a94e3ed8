"""Where a killed run goes on from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch

from fsqa.errors import InputError


class Progress(pl.callbacks.Checkpoint):
    """Saves ``last.ckpt`` every ``every`` optimizer steps.

    It holds weights, optimizer, schedule, the place in the data and the random state. The file is written under
    another name and renamed, so there is always a whole one. A step that is validated is saved after its
    validation, because Lightning, going on from a checkpoint, takes the validation of its step as done.
    """

    def __init__(self, *, path: Path, every: int) -> None:
        if every < 1:
            raise InputError(f"callbacks.progress.every: wanted 1 step or more, got {every}")
        self._path, self._every = path, every
        self._random_state: torch.Tensor | None = None
        self._is_due = False

    def state_dict(self) -> dict[str, Any]:
        """Return the random state: dropout goes on with the very next number."""
        return {"torch": torch.get_rng_state()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Keep the random state until the first batch."""
        self._random_state = state_dict["torch"]

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Restore the random state at the last moment: starting the loop draws from it too."""
        if self._random_state is not None:
            torch.set_rng_state(self._random_state.cpu())
            self._random_state = None

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Save after a due optimizer step, or leave it to the validation that follows at once."""
        if (batch_idx + 1) % trainer.accumulate_grad_batches:
            return  # half a step has gradients that no checkpoint holds
        self._is_due = self._is_due or trainer.global_step % self._every == 0
        validates = trainer.should_stop or (trainer.fit_loop.total_batch_idx + 1) % trainer.val_check_batch == 0
        if self._is_due and not validates:
            self._save(trainer)

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Save what was due; as a checkpoint callback this runs after the best weights were chosen."""
        if self._is_due:
            self._save(trainer)

    def _save(self, trainer: pl.Trainer) -> None:
        self._is_due = False
        draft = self._path.with_name(f".{self._path.name}")
        trainer.save_checkpoint(draft)
        if trainer.is_global_zero:
            draft.replace(self._path)
