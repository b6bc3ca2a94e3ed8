"""Next-token training of a decoder, with the head only at positions that count."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from fsqa.loss.chunked_kl import Projection, chunk_size
from fsqa.loss.token_loss import TokenLoss
from fsqa.model.head import head_at, hidden_at, plain_head
from fsqa.objective.module import AnswerScores, ObjectiveModule
from fsqa.speed.flat import flat_logits, has_dropout, supports_flat, worthwhile_layout
from fsqa.speed.flat_layout import FlatLayout
from fsqa.speed.last_block import last_feed_forward, only_at
from fsqa.types import Batch, LossOutput, Role

if TYPE_CHECKING:
    from fsqa.model.head import Places


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

    _head: tuple[nn.Linear, ...] = ()  # one that the loss may stand in for; in a tuple, as it is the model's own

    def setup(self, stage: str) -> None:
        """Look once whether the loss may go through the head by itself, in chunks."""
        super().setup(stage)
        if stage != "fit" or self.speed.chunk_megabytes is None or self.device_mesh is not None:
            return
        head = None if str(self.trainer.precision).startswith("16") else plain_head(self.model)  # see chunked_kl
        self._head = () if head is None or head.weight.dtype is torch.float16 else (head,)

    def weighted_loss(self, batch: Batch) -> LossOutput:
        """Score the targets that count under the loss."""
        weights = self.loss.weigh(batch)[:, 1:]
        chosen = weights != 0
        scored = batch.ids[:, 1:][chosen], weights[chosen], batch.roles[:, 1:][chosen]
        if self._head:
            (head,) = self._head
            positions = chunk_size(len(scored[0]), head.out_features, self.speed.chunk_megabytes)
            if positions < len(scored[0]) and isinstance(self.loss, TokenLoss):
                projection = Projection(head.weight, head.bias)
                return self.loss.from_hidden(self._hidden(batch, chosen), projection, *scored, positions)
        return self.loss(self.logits(batch, chosen), *scored, consume=True)

    def logits(self, batch: Batch, chosen: Bool[Tensor, "batch time-1"]) -> Float[Tensor, "target vocab"]:
        """Return the logits that predict the chosen targets; ``chosen[:, t]`` stands for token ``t + 1``."""
        layout = self._layout(batch)
        with head_at(self.model, _places(layout, chosen)):
            return self._run(batch, chosen, layout)

    def _hidden(self, batch: Batch, chosen: Bool[Tensor, "batch time-1"]) -> Float[Tensor, "target width"]:
        """Return what the head would see for the chosen targets."""
        layout = self._layout(batch)
        with hidden_at(self.model, _places(layout, chosen)) as kept:
            self._run(batch, chosen, layout)
        return kept[0]

    def _run(self, batch: Batch, chosen: Bool[Tensor, "batch time-1"], layout: FlatLayout | None) -> Tensor:
        """Run the model on everything but the last column, which is only ever a target."""
        with only_at(self._last_part, chosen if layout is None else layout.at(chosen)):
            if layout is None:
                return self._forward(batch.ids[:, :-1], batch.roles[:, :-1])
            logits: Tensor = flat_logits(self.model, layout).logits
            return logits

    def _layout(self, batch: Batch) -> FlatLayout | None:
        """Return the batch end to end where that spares enough filler; a row's last token is no input either."""
        if not self._supports_flat:
            return None
        return worthwhile_layout(self.model, batch.ids[:, :-1], batch.roles[:, 1:], share=not self._has_dropout)

    @cached_property
    def _supports_flat(self) -> bool:
        return self.speed.padding_free and supports_flat(self.model)

    @cached_property
    def _has_dropout(self) -> bool:
        return has_dropout(self.model)

    @cached_property
    def _last_part(self) -> nn.Module | None:
        return last_feed_forward(self.model) if self.speed.last_block_at_targets else None

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


def _places(layout: FlatLayout | None, chosen: Bool[Tensor, "batch time-1"]) -> Places:
    """Return where the head finds the hidden states of the chosen targets."""
    return chosen if layout is None else (0, layout.padded[chosen])
