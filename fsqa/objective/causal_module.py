"""Next-token training of a decoder, with the head only at positions that count."""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from fsqa.model.head import head_at
from fsqa.objective.module import AnswerScores, ObjectiveModule
from fsqa.speed.last_block import last_feed_forward, only_at
from fsqa.types import Batch, LossOutput, Role


class TokenScores(NamedTuple):
    """How well each answer token is predicted under teacher forcing."""

    chosen: Bool[Tensor, "batch time"]
    """Where the answer tokens stand that something predicts."""
    nll: Float[Tensor, " target"]
    """Plain negative log-likelihood in nats, one for each place that is chosen."""
    correct: Bool[Tensor, " target"]
    """Whether the token is the arg max."""


class CausalModule(ObjectiveModule):
    """Trains a Hugging Face causal language model on the targets that a loss strategy weighs.

    The vocabulary projection runs only at positions whose weight is not 0; the rest of a row costs the body alone.
    """

    def weighted_loss(self, batch: Batch) -> LossOutput:
        """Score the targets that count under the loss."""
        weights = self.loss.weigh(batch)[:, 1:]
        chosen = weights != 0
        logits = self.logits(batch, chosen)
        return self.loss(logits, batch.ids[:, 1:][chosen], weights[chosen], batch.roles[:, 1:][chosen])

    def logits(self, batch: Batch, chosen: Bool[Tensor, "batch time-1"]) -> Float[Tensor, "target vocab"]:
        """Return the logits that predict the chosen targets; ``chosen[:, t]`` stands for token ``t + 1``."""
        part = last_feed_forward(self.model) if self.speed.last_block_at_targets else None
        with only_at(part, chosen), head_at(self.model, chosen):
            return self._forward(batch.ids[:, :-1], batch.roles[:, :-1])  # the last column is only ever a target

    def _forward(self, ids: Tensor, roles: Tensor) -> Tensor:
        logits: Tensor = self.model(input_ids=ids, attention_mask=(roles != Role.PAD).long(), use_cache=False).logits
        return logits

    @torch.no_grad()
    def score_answers(self, batch: Batch) -> AnswerScores:
        """Score the answer tokens of each row, the same under every loss: no smoothing, no end token."""
        is_answer = batch.roles[:, 1:] == Role.ANSWER
        logits = self.logits(batch, is_answer)
        return AnswerScores.of_tokens(logits, batch.ids[:, 1:][is_answer], is_answer)

    @torch.no_grad()
    def score_tokens(self, batch: Batch) -> TokenScores:
        """Score the answer tokens one by one, for rows that hold more than one record."""
        chosen = batch.roles == Role.ANSWER
        chosen[:, 0] = False
        targets, logits = batch.ids[chosen], self.logits(batch, chosen[:, 1:])
        logits = logits.float() if logits.dtype.itemsize == 2 else logits
        nll = torch.nn.functional.cross_entropy(logits, targets, reduction="none")
        return TokenScores(chosen, nll, logits.argmax(dim=-1) == targets)

    def compare_logits(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return the logits of the chosen targets as training computes them and as the whole model does."""
        chosen = self.loss.weigh(batch)[:, 1:] != 0
        return self.logits(batch, chosen), self._forward(batch.ids, batch.roles)[:, :-1][chosen]
