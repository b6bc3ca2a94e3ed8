"""What the steps of a real run are spent on: the model, the optimizer, and the framework around them."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import wraps
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytorch_lightning as pl
import torch

import fsqa.objective.module

CALLBACK = "benchmarks.step_parts.StepParts"

FRAMEWORK = "framework"
PARTS = ("loss", "backward", "clipping", "optimizer", FRAMEWORK)
"""All that a step is made of; the framework is whatever is none of the others."""


class Laps:
    """A clock that always runs for one part: seconds of wall time and of processor time that each has had."""

    def __init__(self) -> None:
        self.wall, self.cpu = dict.fromkeys(PARTS, 0.0), dict.fromkeys(PARTS, 0.0)
        self._part = FRAMEWORK
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def switch(self, part: str) -> str:
        """Let the clock run for another part, and return the one that it ran for."""
        wall, cpu = time.perf_counter(), time.process_time()
        self.wall[self._part] += wall - self._wall
        self.cpu[self._part] += cpu - self._cpu
        before, self._part, self._wall, self._cpu = self._part, part, wall, cpu
        return before

    def within(self, part: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function such that the clock runs for a part while it is at work."""

        @wraps(function)
        def timed(*given: Any, **named: Any) -> Any:
            before = self.switch(part)
            try:
                return function(*given, **named)
            finally:
                self.switch(before)

        return timed

    def optimizer_step(self, step: Callable[..., Any]) -> Callable[..., Any]:
        """Return an optimizer's step such that what it calls back, Lightning's whole step, is not its own."""

        @wraps(step)
        def timed(closure: Callable[[], Any]) -> Any:
            return self.within("optimizer", step)(closure=self.within(FRAMEWORK, closure))

        return timed


class StepParts(pl.Callback):
    """Notes at the end of every step what each part has had so far, and writes it when the training is over."""

    def __init__(self, *, file: str) -> None:
        self._file = Path(file)
        self._laps, self._wrapped = Laps(), ExitStack()
        self._ends: dict[str, list[dict[str, float]]] = {"wall": [], "cpu": []}

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Put the clock around the calls that a loop without a framework makes too."""
        wrap, within = self._wrapped.enter_context, self._laps.within
        for name, part in (("weighted_loss", "loss"), ("backward", "backward")):
            wrap(patch.object(pl_module, name, within(part, getattr(pl_module, name))))
        for module, name in ((torch.nn.utils, "clip_grad_norm_"), (fsqa.objective.module, "fold_clipping")):
            wrap(patch.object(module, name, within("clipping", getattr(module, name))))
        for optimizer in trainer.optimizers:
            wrap(patch.object(optimizer, "step", self._laps.optimizer_step(optimizer.step)))
            wrap(patch.object(optimizer, "zero_grad", within("optimizer", optimizer.zero_grad)))

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Note where the clock stands; batches of these benchmarks are whole steps."""
        self._laps.switch(FRAMEWORK)
        self._ends["wall"].append(dict(self._laps.wall))
        self._ends["cpu"].append(dict(self._laps.cpu))

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write everything, and take the clock away again."""
        self._wrapped.close()
        self._file.write_text(json.dumps(self._ends), encoding="utf-8")
