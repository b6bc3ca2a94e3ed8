"""What a training cost, over all processes, kept in a file: the process that writes the results may be another."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import pytorch_lightning as pl

from fsqa.callbacks.history import History
from fsqa.callbacks.ranks import of_every_rank
from fsqa.files import write_json

FILE = "training.json"
"""Where a run folder keeps the totals."""


@dataclass(frozen=True, kw_only=True)
class Totals:
    """Sums over a whole training; those about speed are of its last, uninterrupted part."""

    steps: int
    """Optimizer steps."""
    seconds: float
    """From the first step to the last, validations and earlier parts included."""
    timed_steps: int
    """Optimizer steps of the last part."""
    timed_tokens: int
    """Real tokens, without filler, that the last part trained on, over all devices."""
    timed_seconds: float
    """Duration of the last part without its validations."""
    loss_tokens: int
    """Targets that counted in the loss, over all devices."""
    role_loss: list[float]
    """Sum of the loss by role."""
    peak_memory_mb: float
    """The most that one process, or its GPU, held."""
    devices: int

    @classmethod
    def read(cls, path: Path) -> Totals:
        """Read what :class:`TotalsWriter` wrote."""
        return cls(**json.loads(path.read_text(encoding="utf-8")))


class TotalsWriter(pl.Callback):
    """Writes :class:`Totals` when the training is over."""

    def __init__(self, *, path: Path, history: History, peak_mb: Callable[[], float]) -> None:
        self._path, self._history, self._peak_mb = path, history, peak_mb

    def on_fit_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Put together what every process counted; the first one writes."""
        history = self._history
        counted = of_every_rank(trainer, (history.trained_tokens, self._peak_mb()))
        if not trainer.is_global_zero:
            return
        totals = Totals(
            steps=trainer.global_step,
            seconds=history.seconds,
            timed_steps=history.trained_steps,
            timed_tokens=sum(tokens for tokens, _ in counted),
            timed_seconds=history.seconds - history.seconds_before - history.validation_seconds,
            loss_tokens=history.loss_tokens,
            role_loss=history.role_loss,
            peak_memory_mb=max(peak for _, peak in counted),
            devices=trainer.world_size,
        )
        write_json(self._path, asdict(totals))
