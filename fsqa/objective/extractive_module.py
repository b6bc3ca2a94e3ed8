"""Training a model that points at the first and the last token of an answer."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from fsqa.encode.windows import model_inputs
from fsqa.loss.span_kl import choice_nll, span_choices, span_targets
from fsqa.objective.module import AnswerScores, ObjectiveModule
from fsqa.types import Batch, LossOutput, Role


class ExtractiveModule(ObjectiveModule):
    """Trains a Hugging Face model for question answering on windows of documents."""

    def weighted_loss(self, batch: Batch) -> LossOutput:
        """Score both ends of every row's answer."""
        return self.loss(*self.logits(batch), batch)

    def logits(self, batch: Batch) -> tuple[Float[Tensor, "batch time"], Float[Tensor, "batch time"]]:
        """Return each token's logit to begin the answer, and to end it."""
        output = self.model(**model_inputs(self.model, batch.ids, batch.roles))
        return output.start_logits, output.end_logits

    @torch.no_grad()
    def score_answers(self, batch: Batch) -> AnswerScores:
        """Score both ends of each row's answer among the row's own choices, the same under every smoothing.

        A row has two targets. In a window without the answer both are the first token, which says so; the windows of
        a record are added up.
        """
        logits = torch.stack(self.logits(batch), dim=1)
        logits = logits.float() if logits.dtype.itemsize == 2 else logits
        targets = torch.stack(span_targets(batch), dim=1)
        allowed = span_choices(batch)[:, None]
        said = logits.masked_fill(~allowed, -torch.inf).argmax(dim=-1)
        return AnswerScores(
            nll=choice_nll(logits, targets, allowed).sum(dim=1),
            tokens=torch.full_like(targets[:, 0], 2),
            correct=(said == targets).sum(dim=1),
        )

    def compare_logits(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return the logits of the row with most filler as training computes them, and those of the row alone."""
        lengths = (batch.roles != Role.PAD).sum(dim=1)
        row = int(lengths.argmin())
        alone = batch._replace(
            ids=batch.ids[row : row + 1, : lengths[row]], roles=batch.roles[row : row + 1, : lengths[row]]
        )
        ours, full = torch.stack(self.logits(batch)), torch.stack(self.logits(alone))
        return ours[:, row, : lengths[row]], full[:, 0]
