"""Next-token training of a decoder, with the head only at positions that count."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from fsqa.objective.module import AnswerScores, ObjectiveModule
from fsqa.types import Batch, LossOutput, Role


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
        # The hook leaves the head only what is chosen; whatever the model does around its head stays as it is.
        head = self.model.get_output_embeddings()
        hook = head.register_forward_pre_hook(lambda _, inputs: (inputs[0][chosen], *inputs[1:]))
        try:
            return self._forward(batch.ids[:, :-1], batch.roles[:, :-1])  # the last column is only ever a target
        finally:
            hook.remove()

    def _forward(self, ids: Tensor, roles: Tensor) -> Tensor:
        logits: Tensor = self.model(input_ids=ids, attention_mask=(roles != Role.PAD).long(), use_cache=False).logits
        return logits

    @torch.no_grad()
    def score_answers(self, batch: Batch) -> AnswerScores:
        """Score the answer tokens of each row, the same under every loss: no smoothing, no end token."""
        is_answer = batch.roles[:, 1:] == Role.ANSWER
        logits = self.logits(batch, is_answer)
        return AnswerScores.of_tokens(logits, batch.ids[:, 1:][is_answer], is_answer)

    def compare_logits(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return the logits of the chosen targets as training computes them and as the whole model does."""
        chosen = self.loss.weigh(batch)[:, 1:] != 0
        return self.logits(batch, chosen), self._forward(batch.ids, batch.roles)[:, :-1][chosen]
