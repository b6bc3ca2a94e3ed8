"""Training of an encoder that fills masks, with the vocabulary projection only at masks that count."""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from fsqa.encode.masked import MaskedEncoder
from fsqa.model.head import head_at
from fsqa.objective.module import AnswerScores, ObjectiveModule
from fsqa.types import Batch, LossOutput, Role


class MaskedModule(ObjectiveModule):
    """Trains a Hugging Face masked language model on the targets that a loss strategy weighs.

    The answer and its end are hidden behind masks; the mask at a position predicts the target at that very position.
    Masks after the end of an answer are there, as they are when the model answers, but nothing is learned at them.
    """

    def __init__(self, *, encoder: MaskedEncoder, **shared: Any) -> None:
        super().__init__(**shared)
        self._encoder = encoder

    def weighted_loss(self, batch: Batch) -> LossOutput:
        """Score the targets that count under the loss."""
        weights = self.loss.weigh(batch)
        chosen = weights != 0
        return self.loss(self.logits(batch, chosen), batch.ids[chosen], weights[chosen], batch.roles[chosen])

    def logits(self, batch: Batch, chosen: Bool[Tensor, "batch time"]) -> Float[Tensor, "target vocab"]:
        """Return the logits of the chosen targets, each from the mask that stands in its place."""
        ids, attended = self._masked(batch)
        with head_at(self.model, _widened(chosen, ids.shape[1])):
            return self._forward(ids, attended)

    def _masked(self, batch: Batch) -> tuple[Int[Tensor, "batch width"], Int[Tensor, "batch width"]]:
        given = ((batch.roles == Role.PROMPT) | (batch.roles == Role.CONTEXT)).sum(dim=1)
        return self._encoder.masked(batch.ids, given)

    def _forward(self, ids: Tensor, attended: Tensor) -> Tensor:
        logits: Tensor = self.model(input_ids=ids, attention_mask=attended).logits
        return logits

    @torch.no_grad()
    def score_answers(self, batch: Batch) -> AnswerScores:
        """Score the answer tokens of each row, each given the question alone: no smoothing, no end token."""
        is_answer = batch.roles == Role.ANSWER
        return AnswerScores.of_tokens(self.logits(batch, is_answer), batch.ids[is_answer], is_answer)

    def compare_logits(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return the logits of the chosen targets as training computes them and as the whole model does."""
        chosen = self.loss.weigh(batch) != 0
        ids, attended = self._masked(batch)
        return self.logits(batch, chosen), self._forward(ids, attended)[_widened(chosen, ids.shape[1])]


def _widened(chosen: Bool[Tensor, "batch time"], width: int) -> Bool[Tensor, "batch width"]:
    """Bring a choice of targets to the width of what the model sees."""
    return torch.nn.functional.pad(chosen, (0, width - chosen.shape[1]))
