"""Runs of a search that fall behind are stopped early."""

from __future__ import annotations

from collections.abc import Callable

import pytorch_lightning as pl

from fsqa.errors import InputError, Pruned


class Pruning(pl.Callback):
    """After every validation hands ``metric`` to ``judge``, and ends the run where that gives a reason.

    ``judge`` takes the value, the optimizer step and the steps of the whole training, and returns why the run is to
    be stopped, or an empty string. The run ends by :class:`fsqa.errors.Pruned`. The callback changes nothing in the
    training itself, so a run that is let through equals one that nobody watched. Raises InputError for a metric that
    no validation logs, and for a run on several devices.
    """

    def __init__(self, *, metric: str, judge: Callable[[float, int, int], str]) -> None:
        self._metric, self._judge = metric, judge

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Refuse several processes: one alone cannot leave the others."""
        if trainer.world_size > 1:
            raise InputError(
                f"hydra.sweeper.pruner: works with one device per run, and this one has {trainer.world_size}; set "
                "hydra.sweeper.pruner=none or trainer.devices=1"
            )

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Report, and stop when told to."""
        figures = trainer.callback_metrics
        if self._metric not in figures:
            logged = ", ".join(sorted(name for name in figures if name.startswith("val/")))
            raise InputError(
                f"hydra.sweeper.metrics: a pruner needs '{self._metric}' from every validation, and it logs {logged}; "
                "take one of these, or hydra.sweeper.pruner=none"
            )
        value, step = float(figures[self._metric]), trainer.global_step
        if reason := self._judge(value, step, int(trainer.estimated_stepping_batches)):
            raise Pruned(reason)
