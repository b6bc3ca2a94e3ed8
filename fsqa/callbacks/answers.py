"""Generated answers during training: the task itself, not only the loss."""

from __future__ import annotations

from collections.abc import Sequence

import pytorch_lightning as pl
from torch.distributed.fsdp import FSDPModule

from fsqa.callbacks.ranks import of_every_rank
from fsqa.errors import InputError
from fsqa.evaluation import Evaluator
from fsqa.logger.loggers import Loggers
from fsqa.logger.tables import answers
from fsqa.objective.module import ObjectiveModule
from fsqa.types import Record

UNLOGGED = ("examples", "echo_rate", "repetition_rate")
"""Figures that are of use at the end alone."""


class Answers(pl.Callback):
    """At every validation, answers the first ``examples`` validation questions and logs the scores as ``val/*``.

    Loggers get the answers themselves too.
    """

    def __init__(self, *, evaluator: Evaluator, records: Sequence[Record], loggers: Loggers, examples: int) -> None:
        if examples < 1:
            raise InputError(f"callbacks.answers.examples: wanted 1 or more, got {examples}")
        self._evaluator, self._loggers = evaluator, loggers
        self._records = [records[i] for i in range(min(examples, len(records)))]

    def on_validation_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Generate, score, log."""
        assert isinstance(pl_module, ObjectiveModule)
        # Devices that share the weights need each other for every forward pass; others share the questions.
        together = isinstance(pl_module.model, FSDPModule)
        rank, ranks = (0, 1) if together else (trainer.global_rank, trainer.world_size)
        own = self._evaluator.answer_each(pl_module.model, self._records[rank::ranks])
        parts = [own] if together else of_every_rank(trainer, own)
        each = [parts[i % ranks][i // ranks] for i in range(len(self._records))]
        rows = self._evaluator.scoring.complete(self._records, each)  # what refuses, only all of them tell
        metrics = self._evaluator.scoring.summarize(rows)
        for name, value in metrics.items():
            if name not in UNLOGGED:
                pl_module.log(f"val/{name}", value, rank_zero_only=False, logger=False)
        if trainer.is_global_zero:
            self._loggers.log_table("val/answers", answers(rows), trainer.global_step)
