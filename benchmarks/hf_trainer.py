"""The Trainer of Hugging Face: rows padded to the longest of their batch, its own label smoothing, its own defaults."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    DataCollatorForSeq2Seq,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)

from benchmarks.turns import Counts, Gate
from benchmarks.variants import Job
from benchmarks.workload import (
    BLOCK,
    CLIP,
    LEARNING_RATE,
    LORA_ALPHA,
    LORA_RANK,
    SMOOTHING,
    WEIGHT_DECAY,
    Folders,
    encoded,
    read_questions,
    shape_named,
    smoothing_entropy,
)

NO_TARGET = -100
ENDLESS = 10**6


class Turns(TrainerCallback):
    """Tells the gate of every optimizer step, with the loss that the last training step returned."""

    def __init__(self, gate: Gate, above_divergence: float) -> None:
        self.gate, self.above_divergence = gate, above_divergence
        self.loss: torch.Tensor | None = None

    def watch(self, trainer: Trainer) -> None:
        """Keep the loss of every training step of a trainer."""
        step = trainer.training_step

        def kept(*given: Any, **named: Any) -> torch.Tensor:
            self.loss = step(*given, **named)
            return self.loss

        trainer.training_step = kept

    def on_step_end(self, *given: Any, **named: Any) -> None:
        """Count the step; a cross-entropy is told as the divergence it is but for a constant."""
        assert self.loss is not None
        loss = self.loss
        self.gate.finished_step(lambda: float(loss) - self.above_divergence)


def counting(collate: Callable[[Any], Mapping[str, torch.Tensor]], gate: Gate) -> Callable[[Any], Any]:
    """Return a collator that tells the gate what its batches hold."""

    def counted(rows: list[dict[str, Any]]) -> Mapping[str, torch.Tensor]:
        batch = collate(rows)
        ids, mask, places = (batch.get(name) for name in ("input_ids", "attention_mask", "position_ids"))
        packed = mask is None and places is not None
        counts = Counts(
            examples=int((places == 0).sum()) if packed else len(ids),
            tokens=ids.numel() if mask is None else int(mask.sum()),
            positions=ids.numel(),
            targets=int((batch["labels"] != NO_TARGET).sum()),
        )
        gate.prepared(lambda: counts)
        return batch

    return counted


def shared_arguments(job: Job) -> dict[str, Any]:
    """Return what is the same for everything that is built on the Trainer."""
    return {
        "output_dir": str(job.folder),
        "per_device_train_batch_size": job.batch_size,
        "learning_rate": LEARNING_RATE,
        "weight_decay": WEIGHT_DECAY,
        "max_grad_norm": CLIP,
        "max_steps": ENDLESS,
        # The questions are in a drawn order already.
        "train_sampling_strategy": "group_by_length" if "by_length" in job.chosen.options else "sequential",
        "dataloader_drop_last": True,
        "bf16": job.precision == "bf16",
        "use_cpu": job.device == "cpu",
        "save_strategy": "no",
        "report_to": [],
        "disable_tqdm": True,
    }


def load_model(job: Job) -> Any:
    """Load the weights that everybody starts from, with an adapter if the workload has one."""
    model = AutoModelForCausalLM.from_pretrained(Folders(Path(job.prepared)).model)
    if job.workload != "lora":
        return model
    from peft import LoraConfig, get_peft_model

    targets = list(shape_named(job.model).lora)
    return get_peft_model(
        model, LoraConfig(r=LORA_RANK, lora_alpha=LORA_ALPHA, target_modules=targets, task_type="CAUSAL_LM")
    )


def question_rows(job: Job, tokenizer: Any) -> Dataset:
    """Return the questions as ids, mask and labels; the question itself is no target under ``answer_end``."""
    rows = []
    for question in read_questions(Folders(Path(job.prepared)).questions):
        asked, answered = encoded(question, tokenizer)
        ids = [*asked, *answered, tokenizer.eos_token_id]
        untold = 1 if job.strategy == "all" else len(asked)
        labels = [*([NO_TARGET] * untold), *ids[untold:]]
        rows.append({"input_ids": ids, "attention_mask": [1] * len(ids), "labels": labels})
    return Dataset.from_list(rows)


def block_rows(job: Job, tokenizer: Any) -> Dataset:
    """Return all text as one, cut into blocks, as the language modelling example of transformers does."""
    joined: list[int] = []
    for question in read_questions(Folders(Path(job.prepared)).questions):
        joined += [*(token for part in encoded(question, tokenizer) for token in part), tokenizer.eos_token_id]
    blocks = [joined[start : start + BLOCK] for start in range(0, len(joined) - BLOCK + 1, BLOCK)]
    return Dataset.from_list(
        [{"input_ids": ids, "attention_mask": [1] * BLOCK, "labels": [NO_TARGET, *ids[1:]]} for ids in blocks]
    )


def train(job: Job, gate: Gate) -> None:
    """Train until the gate ends the process."""
    folders = Folders(Path(job.prepared))
    tokenizer = AutoTokenizer.from_pretrained(folders.model)
    smoothing = 0.0 if job.workload == "blocks" else SMOOTHING
    turns = Turns(gate, smoothing_entropy(shape_named(job.model).vocabulary, smoothing))
    trainer = Trainer(
        model=load_model(job),
        args=TrainingArguments(**shared_arguments(job), label_smoothing_factor=smoothing),
        train_dataset=(block_rows if job.workload == "blocks" else question_rows)(job, tokenizer),
        data_collator=counting(DataCollatorForSeq2Seq(tokenizer, label_pad_token_id=NO_TARGET), gate),
        callbacks=[turns],
    )
    turns.watch(trainer)
    trainer.train()
