"""Generated answers during training: the task itself, not only the loss."""

from __future__ import annotations

from collections.abc import Sequence

import pytorch_lightning as pl

from fsqa.errors import InputError
from fsqa.evaluation import Evaluator
from fsqa.metrics.scoring import summarize
from fsqa.objective.module import ObjectiveModule
from fsqa.types import Record

SHOWN = ("exact_match", "f1", "stop_rate", "answer_length")


class Answers(pl.Callback):
    """At every validation, answers the first ``examples`` validation questions and logs the scores as ``val/*``."""

    def __init__(self, *, evaluator: Evaluator, records: Sequence[Record], examples: int) -> None:
        if examples < 1:
            raise InputError(f"callbacks.answers.examples: wanted 1 or more, got {examples}")
        self._evaluator = evaluator
        self._records = [records[i] for i in range(min(examples, len(records)))]

    def on_validation_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Generate, score, log."""
        assert isinstance(pl_module, ObjectiveModule)
        metrics = summarize(self._evaluator.answer(pl_module.model, self._records))
        for name in SHOWN:
            pl_module.log(f"val/{name}", metrics[name], rank_zero_only=False)
