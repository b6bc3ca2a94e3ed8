"""The label-smoothed pointwise KL of the first and the last token of a span."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fsqa.loss.base import Loss
from fsqa.loss.token_loss import check_smoothing
from fsqa.types import Batch, LossOutput, Role

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Int
    from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class SpanKL(Loss):
    """Half the loss is where the answer begins, half where it ends, each a choice among the tokens of its own row.

    A row may choose its first token, which stands for "no answer here", and the tokens of its document. Every row
    (a window of a document) counts the same.
    """

    smoothing: float
    """Label smoothing a in [0, 1): the target is (1 - a) onehot + a / V, with V the tokens the row may choose."""

    def __post_init__(self) -> None:
        check_smoothing(self.smoothing)

    def weigh(self, batch: Batch) -> Float[Tensor, "batch time"]:
        """Give half a row's weight to the first token of its answer and half to the last."""
        import torch

        start, end = span_targets(batch)
        rows = torch.arange(len(start), device=start.device)
        weights = torch.zeros(batch.ids.shape, dtype=torch.float32, device=batch.ids.device)
        half = 0.5 / batch.step_examples.to(weights.dtype)
        weights[rows, start] += half
        weights[rows, end] += half
        return weights

    def __call__(
        self, start_logits: Float[Tensor, "batch time"], end_logits: Float[Tensor, "batch time"], batch: Batch
    ) -> LossOutput:
        """Score both ends of every row's answer; the two targets of a row follow each other in ``target_nll``.

        Half-precision logits are scored in float32.
        """
        import torch

        logits = torch.stack((start_logits, end_logits), dim=1)  # [batch, end, time]
        targets = torch.stack(span_targets(batch), dim=1)
        allowed = span_choices(batch)[:, None]
        logits = logits.float() if logits.dtype.itemsize == 2 else logits
        nll = choice_nll(logits, targets, allowed)
        divergence = nll
        if self.smoothing:
            divergence = nll + self.smoothing * _above_mean(logits, targets, allowed)
            divergence = divergence - _entropy(allowed.sum(dim=-1), self.smoothing).to(nll.dtype)
        weighted = 0.5 * divergence / batch.step_examples.to(nll.dtype)
        roles = batch.roles.gather(1, targets).flatten().long()
        role_loss = weighted.detach().new_zeros(len(Role)).index_add_(0, roles, weighted.detach().flatten())
        return LossOutput(loss=weighted.sum(), role_loss=role_loss, target_nll=nll.detach().flatten())


def span_targets(batch: Batch) -> tuple[Int[Tensor, " batch"], Int[Tensor, " batch"]]:
    """Return the position of each row's first and last answer token; of the row's first token where there is none."""
    is_answer = (batch.roles == Role.ANSWER).long()
    last = is_answer.shape[1] - 1 - is_answer.flip(1).argmax(dim=1)
    return is_answer.argmax(dim=1), last * is_answer.amax(dim=1)


def span_choices(batch: Batch) -> Bool[Tensor, "batch time"]:
    """Say which tokens may begin or end an answer: those of the document, and the first for "no answer here"."""
    allowed = (batch.roles == Role.CONTEXT) | (batch.roles == Role.ANSWER)
    allowed[:, 0] = True
    return allowed


def choice_nll(
    logits: Float[Tensor, "batch end time"], targets: Int[Tensor, "batch end"], allowed: Bool[Tensor, "batch 1 time"]
) -> Float[Tensor, "batch end"]:
    """Return the plain negative log-likelihood of each target among what is allowed, in nats."""
    chosen = logits.gather(-1, targets[..., None]).squeeze(-1)
    return logits.masked_fill(~allowed, -float("inf")).logsumexp(dim=-1) - chosen


def _above_mean(logits: Tensor, targets: Tensor, allowed: Tensor) -> Tensor:
    """Return by how much each target's logit exceeds the mean of what is allowed."""
    mean = logits.masked_fill(~allowed, 0.0).sum(dim=-1) / allowed.sum(dim=-1)
    return logits.gather(-1, targets[..., None]).squeeze(-1) - mean


def _entropy(choices: Int[Tensor, "batch 1"], smoothing: float) -> Float[Tensor, "batch 1"]:
    """Entropy in nats of q = (1 - a) onehot + a / V for every row's own V, a > 0."""
    import torch

    wrong = smoothing / choices.double()
    right = 1 - smoothing + wrong
    return -torch.xlogy(right, right) - (choices - 1) * torch.xlogy(wrong, wrong)
