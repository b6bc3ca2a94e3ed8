"""The time of every optimizer step of a real run: fsqa's own training loop, with one callback more."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pytorch_lightning as pl

from fsqa.types import Role

CALLBACK = "benchmarks.steps.StepTimes"


@dataclass(frozen=True)
class Steps:
    """When each optimizer step of a run ended, and what it trained on; the first entry is the end of step 1."""

    wall: list[float]
    """Seconds by a clock that only goes forward."""
    cpu: list[float]
    """Seconds of processor time that the process has had."""
    tokens: list[int]
    """Real tokens, without filler."""
    examples: list[int]

    def seconds(self, clock: str, first: int, last: int) -> float:
        """Return how long the steps after ``first`` up to ``last`` took, both counted from 1."""
        times: list[float] = getattr(self, clock)
        return times[last - 1] - times[first - 1]


class StepTimes(pl.Callback):
    """Notes the time at the end of every step, and writes what it has when the training is over."""

    def __init__(self, *, file: str) -> None:
        self._file = Path(file)
        self._steps = Steps([], [], [], [])

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Note the time; batches of these benchmarks are whole steps."""
        self._steps.tokens.append(int((batch.roles != Role.PAD).sum()))
        self._steps.examples.append(len(batch.ids))
        self._steps.wall.append(time.perf_counter())
        self._steps.cpu.append(time.process_time())

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write everything."""
        self._file.write_text(json.dumps(asdict(self._steps)), encoding="utf-8")


class FirstStep(pl.Callback):
    """Writes when the first optimizer step was finished, and ends the process there and then."""

    def __init__(self, *, file: str) -> None:
        self._file = Path(file)

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Write the time by the clock that all processes share."""
        if trainer.global_step:
            self._file.write_text(repr(time.monotonic()), encoding="utf-8")
            os._exit(0)


def watched(file: Path, callback: str) -> list[str]:
    """Return the overrides that make a run write its times into a file."""
    return [
        "allow=[benchmarks]",
        f"+callbacks.steps._target_={callback}",
        f"+callbacks.steps.file={file}",
    ]


def trained(words: Sequence[str], file: Path, callback: str = CALLBACK) -> dict[str, Any]:
    """Train one run in this process and return what the callback wrote; ``words`` are overrides of ``fsqa train``.

    Baselines, answers and reports are left out: they belong to no step.
    """
    from fsqa.config.assemble import assemble, assemble_objective
    from fsqa.config.check import check_config
    from fsqa.config.compose import compose_config
    from fsqa.fit import fit
    from fsqa.run_loggers import assemble_loggers
    from fsqa.study.folder import RunFolder

    config = check_config(compose_config([*words, *watched(file, callback)]))
    folder = RunFolder(config, {})
    with folder.running():
        assembly = assemble(config, folder.cache)
        objective = assemble_objective(config, assembly)
        fit(config, assembly, objective, folder, assemble_loggers(config, assembly, objective, folder))
    written: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return written
