"""What every Lightning module of fsqa shares: exact means over micro-batches and devices, figures, optimizers."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any, NamedTuple

import pytorch_lightning as pl
import torch
from jaxtyping import Bool, Float, Int
from pytorch_lightning.strategies import SingleDeviceStrategy
from torch import Tensor
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.distributed.tensor import DTensor
from torchmetrics import MeanMetric

from fsqa.loss.base import Loss
from fsqa.model.depth import blocks, is_compiled
from fsqa.objective.frozen import check_belongs, frozen_key, learned_state
from fsqa.optimizer.parameter_groups import GroupedOptimizer
from fsqa.speed import PLAIN, Speed
from fsqa.speed.activations import fuse_activations
from fsqa.speed.clipping import fold_clipping, folds_scale
from fsqa.speed.gradient_buffers import GradientBuffers
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


FIGURES = ("loss", "nll", "role_loss", "targets", "grad_norm", "finite_norms")
"""What is summed over optimizer steps."""


class StepFigures:
    """Sums over optimizer steps, kept on the device until somebody asks."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Start over."""
        self.loss, self.nll, self.role_loss = torch.zeros(()), torch.zeros(()), torch.zeros(len(Role))
        self.grad_norm, self.finite_norms = torch.zeros(()), torch.zeros(())
        self.targets = 0

    def add(self, output: LossOutput) -> None:
        """Add one micro-batch."""
        device = output.loss.device
        self.loss = self.loss.to(device) + output.loss.detach()
        self.nll = self.nll.to(device) + output.target_nll.sum()
        self.role_loss = self.role_loss.to(device) + output.role_loss
        self.targets += len(output.target_nll)

    def add_norm(self, norm: Tensor) -> None:
        """Add the norm of a step's gradients; one that float16 overflowed in is a step that was not taken."""
        norm = norm.detach()
        self.grad_norm = self.grad_norm.to(norm.device) + norm.nan_to_num(nan=0.0, posinf=0.0)
        self.finite_norms = self.finite_norms.to(norm.device) + (norm < math.inf)

    def sums(self) -> dict[str, list[float]]:
        """Return the sums as plain numbers."""
        return {name: torch.as_tensor(value).flatten().tolist() for name, value in self.state_dict().items()}

    def state_dict(self) -> dict[str, Any]:
        """Return the sums, for a checkpoint."""
        return {name: getattr(self, name) for name in FIGURES}

    def cpu_state(self) -> dict[str, Any]:
        """Return the sums as they may go to another process."""
        return {name: value.cpu() if isinstance(value, Tensor) else value for name, value in self.state_dict().items()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from saved sums."""
        for name in FIGURES:
            setattr(self, name, state[name])


class ObjectiveModule(pl.LightningModule):
    """Trains a Hugging Face model; a subclass says how a batch is scored."""

    def __init__(
        self,
        *,
        model: Any,
        loss: Loss,
        optimizer: Callable[[Iterator[torch.nn.Parameter]], torch.optim.Optimizer] | GroupedOptimizer,
        scheduler: Callable[[torch.optim.Optimizer, int], Any],
        speed: Speed = PLAIN,
    ) -> None:
        super().__init__()
        self.model, self.speed = model, speed
        if speed.fused_activations:
            fuse_activations(model)
        self.loss = loss
        self.figures = StepFigures()
        self._optimizer, self._scheduler = optimizer, scheduler
        self.answer_nll, self.token_accuracy = MeanMetric(), MeanMetric()
        self.strict_loading = False  # a checkpoint holds only what learns; on_load_checkpoint looks whether all of it
        self._frozen_key: str | None = None

    @property
    def frozen_key(self) -> str:
        """What the weights that do not learn are known by."""
        self._frozen_key = self._frozen_key or frozen_key(self.model)
        return self._frozen_key

    def setup(self, stage: str) -> None:
        """Look at the frozen weights while they are whole: a strategy may share them out over devices later."""
        assert self.frozen_key
        strategy = self.trainer.strategy
        alone_on_cpu = isinstance(strategy, SingleDeviceStrategy) and strategy.root_device.type == "cpu"
        if stage == "fit" and self.speed.gradient_buffers and alone_on_cpu and not is_compiled(self.model):
            GradientBuffers().install(self.model)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Leave out what does not learn, and say what it was."""
        checkpoint["state_dict"] = learned_state(self, checkpoint["state_dict"])
        checkpoint["frozen_key"] = self.frozen_key

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Refuse a checkpoint of other weights than these."""
        check_belongs(self, checkpoint, self.frozen_key)

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Return this micro-batch's share of the step's loss, scaled so that Lightning's mean becomes a sum."""
        output = self.weighted_loss(batch)
        self.figures.add(output)
        # Lightning divides by the number of micro-batches and averages over devices; the shares must add up.
        shares = self.trainer.accumulate_grad_batches * self.trainer.world_size
        return output.loss if shares == 1 else output.loss * shares

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
        tokens = scores.tokens.clamp_min(1)  # a row of plain text may hold none but its end
        self.answer_nll.update(scores.nll / tokens, weight=scores.tokens)
        self.token_accuracy.update(scores.correct / tokens, weight=(scores.tokens > 0).float())

    def on_validation_epoch_end(self) -> None:
        """Log ``val/answer_nll`` (mean over tokens) and ``val/token_accuracy`` (mean over examples)."""
        for name in ("answer_nll", "token_accuracy"):
            metric = getattr(self, name)
            self.log(f"val/{name}", metric.compute(), logger=False)
            metric.reset()

    def configure_gradient_clipping(
        self,
        optimizer: torch.optim.Optimizer,
        gradient_clip_val: float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        """Clip the norm over all gradients, and keep what it was.

        A fused optimizer takes the scale off float16 gradients by itself, which would be too late here, so Lightning
        refuses to clip for one; taken off before, the optimizer is told so by the scaler.
        """
        if gradient_clip_val is None:
            return
        scaler = getattr(self.trainer.precision_plugin, "scaler", None)
        if scaler is not None and getattr(optimizer, "_step_supports_amp_scaling", False):
            scaler.unscale_(optimizer)
        learned = [p for p in self._every_parameter if p.grad is not None]
        is_shared_out = any(isinstance(p, DTensor) for p in learned)
        if self.speed.folded_clipping and scaler is None and folds_scale(optimizer) and not is_shared_out:
            norm = fold_clipping(optimizer, learned, gradient_clip_val)
        else:
            norm = torch.nn.utils.clip_grad_norm_(learned, gradient_clip_val)
        self.figures.add_norm(norm.full_tensor() if isinstance(norm, DTensor) else norm)

    @cached_property
    def _every_parameter(self) -> tuple[torch.nn.Parameter, ...]:
        return tuple(self.parameters())  # kept, since to walk through the modules takes longer than to clip

    def configure_model(self) -> None:
        """Share the weights between the devices where the strategy does so: block by block, then what is left."""
        mesh = self.device_mesh
        if mesh is None or isinstance(self.model, FSDPModule):
            return
        for block in blocks(self.model):
            fully_shard(block, mesh=mesh["data_parallel"])
        fully_shard(self.model, mesh=mesh["data_parallel"])

    def configure_optimizers(self) -> Any:
        """Build the optimizer over what is trainable, and the schedule over all optimizer steps of the run."""
        if isinstance(self._optimizer, GroupedOptimizer):
            optimizer = self._optimizer(self.model)
        else:
            optimizer = self._optimizer(p for p in self.parameters() if p.requires_grad)
        steps = int(self.trainer.estimated_stepping_batches)
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": self._scheduler(optimizer, steps), "interval": "step"},
        }
