"""A progress bar that counts what the config counts: optimizer steps."""

from __future__ import annotations

from typing import Any

import pytorch_lightning as pl
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

REFRESH_STEPS = 10
"""Steps between looks at the loss, which on a GPU means waiting for it."""


class StepBar(pl.Callback):
    """Shows steps, time left, the running loss and the last validation; leaves nothing behind."""

    def __init__(self, *, title: str) -> None:
        self._title = title
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[figures]}"),
            console=Console(stderr=True),
            transient=True,
        )
        self._task: TaskID | None = None
        self._validation = ""

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Start at the step that training starts, or goes on, from."""
        if not trainer.is_global_zero:
            return
        self._bar.start()
        total = int(trainer.estimated_stepping_batches)
        self._task = self._bar.add_task(self._title, total=total, completed=trainer.global_step, figures="")

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Count optimizer steps."""
        if self._task is not None and trainer.global_step % REFRESH_STEPS == 0:
            loss = float(outputs["loss"]) if isinstance(outputs, dict) else float(outputs)
            self._bar.update(self._task, completed=trainer.global_step, figures=f"loss {loss:.3f}{self._validation}")

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Keep the figures a person looks for."""
        shown = {"val/answer_nll": "answer NLL", "val/f1": "F1"}
        figures = {title: trainer.callback_metrics.get(name) for name, title in shown.items()}
        self._validation = "".join(f"  {title} {float(v):.3f}" for title, v in figures.items() if v is not None)

    def teardown(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Clear the line."""
        self._bar.stop()
