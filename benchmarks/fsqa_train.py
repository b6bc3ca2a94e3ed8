"""``fsqa train`` itself, in this process, with the workload's questions and weights and one callback more."""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks.turns import Gate
from benchmarks.variants import Job
from benchmarks.workload import (
    BLOCK,
    CLIP,
    LEARNING_RATE,
    LONGEST_ROW,
    LORA_ALPHA,
    LORA_RANK,
    SEED,
    SMOOTHING,
    WEIGHT_DECAY,
    Folders,
    shape_named,
)

ENDLESS = 10**6

LAYOUT = ("prompt=joined", "prompt.start=false", 'prompt.segments=[{prompt:"{question}?"},{answer:" {answer}"}]')


def words(job: Job) -> list[str]:
    """Return the overrides of ``fsqa train`` for a job, those of the variant last."""
    folders = Folders(Path(job.prepared))
    return [
        *(_blocks(folders) if job.workload == "blocks" else _answers(job, folders)),
        "model=pretrained",
        f"model.path={folders.model}",
        *(_adapter(job) if job.workload == "lora" else []),
        f"batch_size={job.batch_size}",
        f"seed={SEED}",
        f"outputs={job.folder}",
        "logger=none",
        f"optimizer.lr={LEARNING_RATE}",
        f"optimizer.weight_decay={WEIGHT_DECAY}",
        "scheduler=none",
        "trainer=gpu" if job.device == "cuda" else "trainer=cpu",
        f"trainer.precision={'bf16-mixed' if job.precision == 'bf16' else '32-true'}",
        f"trainer.gradient_clip_val={CLIP}",
        f"trainer.max_steps={ENDLESS}",
        f"trainer.val_check_interval={ENDLESS}",
        "callbacks.answers=null",
        "callbacks.best.monitor=val/answer_nll",
        "callbacks.best.mode=min",
        f"callbacks.progress.every={ENDLESS}",  # nobody else writes checkpoints during the race
        "allow=[benchmarks]",
        "+callbacks.turns._target_=benchmarks.turn_callback.TurnCallback",
        f"+callbacks.turns.first={job.batch_size}",
        *job.chosen.options,
    ]


def _answers(job: Job, folders: Folders) -> list[str]:
    return [
        "dataset=jsonl",
        f"dataset.path={folders.questions}",
        *LAYOUT,
        f"loss={job.strategy}",
        f"loss.smoothing={SMOOTHING}",
        "loss.mean=token",  # as the peers' loss is
        f"max_length={LONGEST_ROW + 1}",
    ]


def _blocks(folders: Folders) -> list[str]:
    return ["experiment=language_model", f"dataset.path={folders.texts}", f"max_length={BLOCK}"]


def _adapter(job: Job) -> list[str]:
    targets = ",".join(shape_named(job.model).lora)
    return [
        "tuning=lora",
        f"tuning.targets=[{targets}]",
        f"tuning.rank={LORA_RANK}",
        f"tuning.alpha={LORA_ALPHA}",
    ]


def train(job: Job, gate: Gate) -> None:
    """Train until the gate ends the process; a run that ends by itself has failed."""
    from fsqa import memory
    from fsqa.cli import run

    # A run lets the system count its peak anew and remembers the earlier one itself.
    name = "peak_mb" if job.device == "cpu" else "device_peak_mb"
    setattr(gate, name, memory.peak_mb)
    sys.exit(run(["train", *words(job)]) or 1)
