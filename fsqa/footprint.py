"""What learns and what it will take: a table before the first step, and ``parameters.json``."""

from __future__ import annotations

import json
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.strategies import DDPStrategy, SingleDeviceStrategy
from rich.console import Console
from rich.table import Table

from fsqa.data.batches import on_device
from fsqa.files import write_json
from fsqa.memory_estimate import MemoryEstimate, estimate_memory
from fsqa.model.parameters import Count, count_parameters, sum_of
from fsqa.objective.module import ObjectiveModule

FILE = "parameters.json"
"""Where a run folder keeps the table."""

_shown: list[dict[str, Count]] = []
"""The tables this process has shown: the runs of a sweep that share a model say it once."""


class Footprint(pl.Callback):
    """Counts parameters and estimates the memory when everything stands ready, once in the life of a run."""

    def __init__(self, *, path: Path) -> None:
        self._path = path

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Count, estimate, write and show."""
        assert isinstance(pl_module, ObjectiveModule)
        if self._path.is_file():
            return
        counts = count_parameters(pl_module.model)
        memory = _estimate(trainer, pl_module)
        if trainer.is_global_zero:
            write_json(self._path, _as_json(counts, memory))
            if counts not in _shown:
                _shown.append(counts)
                show(counts, memory)


def estimated_mb(path: Path) -> float | None:
    """Return the estimate that a run folder's file holds; None where there was none."""
    memory = json.loads(path.read_text(encoding="utf-8"))["memory_mb"] if path.is_file() else None
    return memory["total"] if memory else None


def _estimate(trainer: pl.Trainer, objective: ObjectiveModule) -> MemoryEstimate | None:
    """Estimate what one device holds; None where weights are shared out over devices, which is not followed."""
    if not isinstance(trainer.strategy, SingleDeviceStrategy | DDPStrategy):
        return None
    loader, validation = trainer.train_dataloader, trainer.val_dataloaders
    assert loader is not None
    return estimate_memory(
        objective,
        trainer.optimizers[0],
        training=on_device(loader.largest(trainer.estimated_stepping_batches), objective.device),
        scoring=on_device(validation.dataset[0], objective.device) if validation else None,
        accumulates=trainer.accumulate_grad_batches > 1,
        forward_context=trainer.precision_plugin.forward_context() or nullcontext(),
    )


def _as_json(counts: dict[str, Count], memory: MemoryEstimate | None) -> dict[str, Any]:
    return {
        "parameters": asdict(sum_of(counts)),
        "parts": {part: asdict(count) for part, count in counts.items()},
        "memory_mb": None
        if memory is None
        else {name: round(value, 1) for name, value in {**asdict(memory), "total": memory.total}.items()},
    }


def show(counts: dict[str, Count], memory: MemoryEstimate | None) -> None:
    """Print both tables to standard error."""
    console = Console(stderr=True)
    table = Table("part", box=None, pad_edge=False)
    for title in ("parameters", "trainable", "share"):
        table.add_column(title, justify="right")
    for part, count in {**counts, "all": sum_of(counts)}.items():
        share = f"{100 * count.trainable / count.total:.2f} %"
        table.add_row(part, f"{count.total:,}", f"{count.trainable:,}", share, style="bold" if part == "all" else "")
    console.print(table)
    if memory is not None:
        parts = ", ".join(f"{name} {value:,.0f}" for name, value in asdict(memory).items())
        console.print(f"about {memory.total:,.0f} MB at most: {parts}", soft_wrap=True, highlight=False)
