"""Where a killed run goes on from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch

from fsqa.callbacks.ranks import of_every_rank
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
        self._random_states: list[dict[str, torch.Tensor]] | None = None
        self._is_due = False

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Know the processes that train together."""
        self._trainer = trainer

    def state_dict(self) -> dict[str, Any]:
        """Return the random state of every process: dropout goes on with the very next number."""
        own = {"torch": torch.get_rng_state()}
        if self._trainer.strategy.root_device.type == "cuda":
            own["cuda"] = torch.cuda.get_rng_state()
        return {"random": of_every_rank(self._trainer, own)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Keep the random state until the first batch."""
        self._random_states = state_dict["random"]

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Let every process drop other units: Lightning starts them all with the same seed."""
        if trainer.global_rank:
            torch.manual_seed(torch.initial_seed() + trainer.global_rank)

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Restore the random state at the last moment: starting the loop draws from it too."""
        if self._random_states is not None and len(self._random_states) == trainer.world_size:
            own = self._random_states[trainer.global_rank]
            torch.set_rng_state(own["torch"].cpu())
            if "cuda" in own:
                torch.cuda.set_rng_state(own["cuda"].cpu())
        self._random_states = None

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
