"""Where a killed run goes on from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch

from fsqa.errors import InputError


class Progress(pl.Callback):
    """Saves ``last.ckpt`` every ``every`` optimizer steps.

    It holds weights, optimizer, schedule, the place in the data and the random state.
    The file is written under another name and renamed, so there is always a whole one.
    """

    def __init__(self, *, path: Path, every: int) -> None:
        if every < 1:
            raise InputError(f"callbacks.progress.every: wanted 1 step or more, got {every}")
        self._path, self._every = path, every
        self._random_state: torch.Tensor | None = None
        self._saved_at = -1

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
        """Save after a due optimizer step."""
        step = trainer.global_step
        if step % self._every == 0 and step != self._saved_at and step > 0:
            self._saved_at = step
            draft = self._path.with_name(f".{self._path.name}")
            trainer.save_checkpoint(draft)
            if trainer.is_global_zero:
                draft.replace(self._path)
