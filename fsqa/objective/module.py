"""What every Lightning module of fsqa shares: exact means over micro-batches and devices, figures, optimizers."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytorch_lightning as pl
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torchmetrics import MeanMetric

from fsqa.loss.token_loss import TokenLoss
from fsqa.types import Batch, LossOutput, Role


class AnswerScores(NamedTuple):
    """How well each row's answer tokens are predicted under teacher forcing."""

    nll: Float[Tensor, " batch"]
    """Sum of the plain negative log-likelihood, in nats."""
    tokens: Int[Tensor, " batch"]
    correct: Int[Tensor, " batch"]
    """Answer tokens that are the arg max."""

    @classmethod
    def of_tokens(
        cls,
        logits: Float[Tensor, "target vocab"],
        targets: Int[Tensor, " target"],
        chosen: Bool[Tensor, "batch time"],
    ) -> AnswerScores:
        """Sum token scores by row; ``chosen`` says where the targets stand in the batch."""
        logits = logits.float() if logits.dtype.itemsize == 2 else logits
        rows = chosen.nonzero()[:, 0]
        nll = torch.nn.functional.cross_entropy(logits, targets, reduction="none")
        zeros = torch.zeros(len(chosen), dtype=nll.dtype, device=logits.device)
        return cls(
            nll=zeros.index_add(0, rows, nll),
            tokens=chosen.sum(dim=1),
            correct=zeros.index_add(0, rows, (logits.argmax(dim=-1) == targets).to(nll.dtype)).long(),
        )


class StepFigures:
    """Sums over optimizer steps, kept on the device until somebody asks."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Start over."""
        self.loss, self.nll, self.role_loss = torch.zeros(()), torch.zeros(()), torch.zeros(len(Role))
        self.targets = 0

    def add(self, output: LossOutput) -> None:
        """Add one micro-batch."""
        device = output.loss.device
        self.loss = self.loss.to(device) + output.loss.detach()
        self.nll = self.nll.to(device) + output.target_nll.sum()
        self.role_loss = self.role_loss.to(device) + output.role_loss
        self.targets += len(output.target_nll)

    def state_dict(self) -> dict[str, Any]:
        """Return the sums, for a checkpoint."""
        return {"loss": self.loss, "nll": self.nll, "role_loss": self.role_loss, "targets": self.targets}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from saved sums."""
        self.loss, self.nll, self.role_loss, self.targets = (
            state[name] for name in ("loss", "nll", "role_loss", "targets")
        )


class ObjectiveModule(pl.LightningModule):
    """Trains a Hugging Face model; a subclass says how a batch is scored."""

    def __init__(
        self,
        *,
        model: Any,
        loss: TokenLoss,
        optimizer: Callable[[Iterator[torch.nn.Parameter]], torch.optim.Optimizer],
        scheduler: Callable[[torch.optim.Optimizer, int], Any],
    ) -> None:
        super().__init__()
        self.model = model
        self.loss = loss
        self.figures = StepFigures()
        self._optimizer, self._scheduler = optimizer, scheduler
        self.answer_nll, self.token_accuracy = MeanMetric(), MeanMetric()

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Return this micro-batch's share of the step's loss, scaled so that Lightning's mean becomes a sum."""
        output = self.weighted_loss(batch)
        self.figures.add(output)
        # Lightning divides by the number of micro-batches and averages over devices; the shares must add up.
        return output.loss * self.trainer.accumulate_grad_batches * self.trainer.world_size

    @abstractmethod
    def weighted_loss(self, batch: Batch) -> LossOutput:
        """Score the targets that count under the loss: this micro-batch's share of the optimizer step's loss."""

    @abstractmethod
    def score_answers(self, batch: Batch) -> AnswerScores:
        """Score the reference answer of each row, the same under every loss: no smoothing, no end token."""

    @abstractmethod
    def compare_logits(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return the logits that training uses and the same ones from the model's plain forward pass."""

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Add the batch to the figures that compare arms."""
        scores = self.score_answers(batch)
        self.answer_nll.update(scores.nll / scores.tokens, weight=scores.tokens)
        self.token_accuracy.update(scores.correct / scores.tokens)

    def on_validation_epoch_end(self) -> None:
        """Log ``val/answer_nll`` (mean over tokens) and ``val/token_accuracy`` (mean over examples)."""
        for name in ("answer_nll", "token_accuracy"):
            metric = getattr(self, name)
            self.log(f"val/{name}", metric.compute())
            metric.reset()

    def configure_gradient_clipping(
        self,
        optimizer: torch.optim.Optimizer,
        gradient_clip_val: float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        """Clip the norm over all gradients.

        Lightning refuses to clip for a fused optimizer under autocast, because fp16 gradients are still scaled then;
        bfloat16 has no scale, and fp16 with a fused optimizer is refused before a run starts.
        """
        if gradient_clip_val is not None:
            torch.nn.utils.clip_grad_norm_((p for p in self.parameters() if p.grad is not None), gradient_clip_val)

    def configure_optimizers(self) -> Any:
        """Build the optimizer over what is trainable, and the schedule over all optimizer steps of the run."""
        optimizer = self._optimizer(p for p in self.parameters() if p.requires_grad)
        steps = int(self.trainer.estimated_stepping_batches)
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": self._scheduler(optimizer, steps), "interval": "step"},
        }
