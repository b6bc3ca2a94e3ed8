"""Plain Lightning, as the training scripts this package replaces wrote it.

Every row is padded to one length, the model computes logits at every place, the target is a dense smoothed
distribution over the vocabulary, and ``nn.KLDivLoss`` compares the two. Optimizer and Trainer have their defaults,
but for the clipping that every contestant does.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from torch.nn import functional
from torch.utils.data import DataLoader
from transformers import AutoModelForCausalLM, AutoTokenizer

from benchmarks.turns import Counts, Gate
from benchmarks.variants import Job
from benchmarks.workload import (
    CLIP,
    LEARNING_RATE,
    LONGEST_ROW,
    SMOOTHING,
    Folders,
    encoded,
    read_questions,
)


class Model(pl.LightningModule):
    """A language model with the loss written out."""

    def __init__(self, folder: Path, gate: Gate) -> None:
        super().__init__()
        self.model = AutoModelForCausalLM.from_pretrained(folder)
        self.model.train()
        self.divergence = torch.nn.KLDivLoss(reduction="none")
        self.gate = gate

    def training_step(self, batch: dict[str, torch.Tensor], batch_idx: int) -> torch.Tensor:
        """Return the mean divergence over the targets that count."""
        logits = self.model(input_ids=batch["ids"], attention_mask=batch["mask"]).logits[:, :-1]
        vocabulary = logits.shape[-1]
        target = functional.one_hot(batch["ids"][:, 1:], vocabulary).float()
        target = target * (1 - SMOOTHING) + SMOOTHING / vocabulary
        divergence = self.divergence(functional.log_softmax(logits.float(), dim=-1), target).sum(dim=-1)
        loss = (divergence * batch["weights"]).sum() / batch["weights"].sum()
        self.log("loss", loss, prog_bar=True)
        return loss

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Take AdamW as it comes."""
        return torch.optim.AdamW(self.parameters(), lr=LEARNING_RATE)

    def on_train_batch_end(self, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Tell that an optimizer step is done."""
        self.gate.finished_step(lambda: float(outputs["loss"]))


class Rows:
    """Pads rows to one length, with a weight for each target."""

    def __init__(self, job: Job, gate: Gate) -> None:
        folders = Folders(Path(job.prepared))
        self.tokenizer = AutoTokenizer.from_pretrained(folders.model)
        self.questions = [encoded(question, self.tokenizer) for question in read_questions(folders.questions)]
        self.all, self.gate = job.strategy == "all", gate

    def __call__(self, rows: list[tuple[list[int], list[int]]]) -> dict[str, torch.Tensor]:
        """Return ids and mask of shape (rows, longest row) and weights of the targets, one place shorter."""
        end = self.tokenizer.eos_token_id
        ids = torch.full((len(rows), LONGEST_ROW), end)
        mask, weights = torch.zeros_like(ids), torch.zeros(len(rows), LONGEST_ROW - 1)
        for i, (asked, answered) in enumerate(rows):
            row = [*asked, *answered, end]
            ids[i, : len(row)] = torch.tensor(row)
            mask[i, : len(row)] = 1
            weights[i, 0 if self.all else len(asked) - 1 : len(row) - 1] = 1
        counts = Counts(examples=len(rows), tokens=int(mask.sum()), positions=ids.numel(), targets=int(weights.sum()))
        self.gate.prepared(lambda: counts)
        return {"ids": ids, "mask": mask, "weights": weights}


def train(job: Job, gate: Gate) -> None:
    """Train until the gate ends the process."""
    rows = Rows(job, gate)
    loader = DataLoader(rows.questions, job.batch_size, drop_last=True, collate_fn=rows)
    trainer = pl.Trainer(
        max_epochs=-1,
        accelerator="gpu" if job.device == "cuda" else "cpu",
        devices=1,
        precision="bf16-mixed" if job.precision == "bf16" else "32-true",
        gradient_clip_val=CLIP,
        logger=False,
        enable_checkpointing=False,
        enable_model_summary=False,
        enable_progress_bar=False,
    )
    trainer.fit(Model(Folders(Path(job.prepared)).model, gate), loader)
