"""The record of truth: one flushed line per event, told to every logger."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

import pytorch_lightning as pl
from torch import Tensor

from fsqa.callbacks.ranks import of_every_rank
from fsqa.errors import InputError
from fsqa.files import write_text
from fsqa.logger.loggers import Loggers
from fsqa.objective.module import ObjectiveModule
from fsqa.types import ROLE_NAMES, Role


class History(pl.Callback):
    """Writes ``history.jsonl`` while training, and counts what training costs.

    Every ``every`` optimizer steps a line holds the mean loss since the last one, its share per role, the plain
    NLL of the targets, the learning rate, the mean norm of the gradients before they are clipped, and the loss tokens
    seen so far; every validation adds one. Of several processes all sum what they see, and the first one writes.
    """

    def __init__(self, *, path: Path, every: int, loggers: Loggers) -> None:
        if every < 1:
            raise InputError(f"callbacks.history.every: wanted 1 step or more, got {every}")
        self._path, self._every, self._loggers = path, every, loggers
        self._file: TextIO | None = None
        self._lines, self._steps = 0, 0
        self.loss_tokens, self.trained_steps = 0, 0
        self._tokens: Tensor | int = 0
        self.seconds_before, self._started = 0.0, time.monotonic()
        self.validation_seconds, self._validation_started = 0.0, 0.0
        self.role_loss = [0.0] * len(ROLE_NAMES)

    @property
    def trained_tokens(self) -> int:
        """Real tokens, without filler, that this process trained on."""
        return int(self._tokens)

    @property
    def seconds(self) -> float:
        """Seconds since training began, earlier parts of an interrupted run included."""
        return self.seconds_before + time.monotonic() - self._started

    def state_dict(self) -> dict[str, Any]:
        """Return what a resumed run goes on counting from; the sums are those of every process."""
        return {
            "loss_tokens": self.loss_tokens,
            "seconds": self.seconds,
            "role_loss": self.role_loss,
            "steps": self._steps,
            "figures": of_every_rank(self._trainer, self._figures.cpu_state()),
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on counting."""
        self.loss_tokens, self.seconds_before = state_dict["loss_tokens"], state_dict["seconds"]
        self.role_loss = list(state_dict["role_loss"])
        self._steps = state_dict["steps"]
        sums = state_dict["figures"]
        if len(sums) == self._trainer.world_size:
            self._figures.load_state_dict(sums[self._trainer.global_rank])

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Find the sums that the objective keeps."""
        assert isinstance(pl_module, ObjectiveModule)
        self._figures, self._trainer = pl_module.figures, trainer

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Open the file, cutting off what an interrupted run wrote after its last checkpoint."""
        if trainer.is_global_zero:
            self._open(trainer)
        self._started = time.monotonic()  # what loggers take to start is no training

    def _open(self, trainer: pl.Trainer) -> None:
        kept = [line for line in _lines(self._path) if json.loads(line)["step"] <= trainer.global_step]
        write_text(self._path, "".join(f"{line}\n" for line in kept))
        self._file, self._lines = self._path.open("a", encoding="utf-8"), len(kept)
        self._loggers.start([json.loads(line) for line in kept], resumed=trainer.ckpt_path is not None)

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Count the micro-batch, and write a line when one is due."""
        self._tokens = self._tokens + (batch.roles != Role.PAD).sum()
        if (batch_idx + 1) % trainer.accumulate_grad_batches:
            return
        self._steps += 1
        self.trained_steps += 1
        if trainer.global_step % self._every == 0 or trainer.global_step >= trainer.estimated_stepping_batches:
            self._write_training(trainer)

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Note the time: validation is not training."""
        self._validation_started = time.monotonic()

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write everything that was logged under ``val/``."""
        self.validation_seconds += time.monotonic() - self._validation_started
        figures = {name: float(v) for name, v in trainer.callback_metrics.items() if name.startswith("val/")}
        _check_finite(figures, trainer.global_step)
        self._write(trainer, dict(sorted(figures.items())))

    def teardown(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _write_training(self, trainer: pl.Trainer) -> None:
        parts, steps = of_every_rank(trainer, self._figures.sums()), max(1, self._steps)
        sums = {name: [sum(own) for own in zip(*(part[name] for part in parts), strict=True)] for name in parts[0]}
        role_loss, targets = sums["role_loss"], int(sums["targets"][0])
        self.loss_tokens += targets
        self.role_loss = [total + new for total, new in zip(self.role_loss, role_loss, strict=False)]
        line = {
            "train/loss": sums["loss"][0] / steps,
            "train/target_nll": sums["nll"][0] / max(1, targets),
            **{f"train/loss_{name}": part / steps for name, part in zip(ROLE_NAMES, role_loss, strict=False)},
            "train/lr": trainer.optimizers[0].param_groups[0]["lr"],
        }
        if sums["finite_norms"][0]:
            line["train/grad_norm"] = sums["grad_norm"][0] / sums["finite_norms"][0]
        self._figures.reset()
        self._steps = 0
        _check_finite(line, trainer.global_step)
        self._write(trainer, line)

    def _write(self, trainer: pl.Trainer, figures: dict[str, float]) -> None:
        if self._file is None:
            return
        line = {
            "step": trainer.global_step,
            "seconds": round(self.seconds, 3),
            "loss_tokens": self.loss_tokens,
            **figures,
        }
        self._file.write(json.dumps(line) + "\n")
        self._file.flush()
        self._loggers.log_event(self._lines, line)
        self._lines += 1


def _check_finite(figures: Mapping[str, float], step: int) -> None:
    """Raise InputError for a training that has left the numbers."""
    for name, value in figures.items():
        if not math.isfinite(value):
            raise InputError(
                f"training diverged: {name} is {value} at step {step}; lower optimizer.lr, give the scheduler a "
                "warm-up, or set trainer.gradient_clip_val"
            )


def _lines(path: Path) -> list[str]:
    """Return the whole lines of a file; a killed run may have left half a line at the end."""
    if not path.exists():
        return []
    text = path.read_text(encoding="utf-8")
    return text[: text.rfind("\n") + 1].splitlines()
