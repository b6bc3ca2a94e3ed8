"""TRL's SFTTrainer: prompt and completion as it wants them, its defaults, and the settings that are fastest for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from datasets import Dataset
from transformers import AutoTokenizer
from trl import SFTConfig, SFTTrainer

from benchmarks.hf_trainer import Turns, counting, load_model, shared_arguments
from benchmarks.turns import Gate
from benchmarks.variants import NOT_CHECKPOINTED, Job
from benchmarks.workload import BLOCK, LONGEST_ROW, SMOOTHING, Folders, read_questions, shape_named, smoothing_entropy

PACKED_ROW = 128
"""Tokens of a row that several questions share."""


def settings(job: Job) -> dict[str, Any]:
    """Return the arguments of SFTConfig that the switches of the variant mean."""
    options = set(job.chosen.options)
    packing = "packing" in options or job.workload == "blocks"
    padding_free = "padding_free" in options
    longest = BLOCK if job.workload == "blocks" else PACKED_ROW if packing else None if padding_free else LONGEST_ROW
    chosen: dict[str, Any] = {
        "packing": packing,
        "padding_free": padding_free,
        "max_length": longest,
        "label_smoothing_factor": SMOOTHING if "same_loss" in options else 0.0,
        "use_liger_kernel": "liger" in options,
    }
    if options & NOT_CHECKPOINTED:
        chosen["gradient_checkpointing"] = False
    if job.workload != "blocks":
        chosen["completion_only_loss"] = job.strategy != "all"
    return chosen


def examples(job: Job) -> Dataset:
    """Return prompts and completions, or plain text for blocks."""
    questions = read_questions(Folders(Path(job.prepared)).questions)
    if job.workload == "blocks":
        return Dataset.from_list([{"text": q.prompt + q.completion} for q in questions])
    return Dataset.from_list([{"prompt": q.prompt, "completion": q.completion} for q in questions])


def train(job: Job, gate: Gate) -> None:
    """Train until the gate ends the process."""
    chosen = settings(job)
    turns = Turns(gate, smoothing_entropy(shape_named(job.model).vocabulary, chosen["label_smoothing_factor"]))
    trainer = SFTTrainer(
        model=load_model(job),
        args=SFTConfig(**shared_arguments(job), **chosen),
        train_dataset=examples(job),
        processing_class=AutoTokenizer.from_pretrained(Folders(Path(job.prepared)).model),
        callbacks=[turns],
    )
    trainer.data_collator = counting(trainer.data_collator, gate)
    turns.watch(trainer)
    trainer.train()
