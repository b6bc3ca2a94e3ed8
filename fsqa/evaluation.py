"""Ask a model every question of a split, and score what it says and how well it predicts the reference."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from fsqa.data.batches import ScoringBatches, on_device
from fsqa.data.examples import Examples
from fsqa.data.records import Records
from fsqa.encode.base import Encoder
from fsqa.generation.base import Advance, Generation, silent
from fsqa.metrics.answers import repeats
from fsqa.metrics.scoring import Row, score_answer
from fsqa.objective.module import ObjectiveModule
from fsqa.types import Prompt, Record


class Evaluator:
    """Scores a model on a split with one prompt, encoding and way of decoding."""

    def __init__(
        self, *, layout: Callable[[Record], Prompt], encoder: Encoder, generation: Generation, batch_size: int
    ) -> None:
        self.layout, self.encoder, self.generation, self.batch_size = layout, encoder, generation, batch_size

    def with_generation(self, generation: Generation) -> Evaluator:
        """Return an evaluator that differs only in how questions are answered."""
        return Evaluator(layout=self.layout, encoder=self.encoder, generation=generation, batch_size=self.batch_size)

    def answer(self, model: Any, records: Sequence[Record], advance: Advance = silent) -> list[Row]:
        """Generate an answer to every record and score it, in the records' order."""
        answers = self.generation(model, self.encoder, [self.layout(r) for r in records], advance)
        return [
            {
                **score_answer(record, answer.text),
                "stopped": answer.stopped,
                "repeated": repeats(answer.ids),
                "answer_length": len(answer.ids),
                "question_tokens_cut": answer.truncated,
                **answer.extra,
            }
            for record, answer in zip(records, answers, strict=True)
        ]

    @torch.inference_mode()
    def evaluate(
        self, objective: ObjectiveModule, records: Records, examples: Examples, advance: Advance = silent
    ) -> list[Row]:
        """Answer every record, and add how well the reference is predicted under teacher forcing."""
        rows = self.answer(objective.model, list(records), advance)
        was_training = objective.training
        objective.eval()
        sums = torch.zeros(len(rows), 3, dtype=torch.float64)  # of all rows of a record: NLL, tokens, right tokens
        for batch in ScoringBatches(examples, self.batch_size, self.encoder.end_id):
            scores = objective.score_answers(on_device(batch, objective.device))
            figures = torch.stack([score.double().cpu() for score in scores], dim=1)
            sums.index_add_(0, torch.from_numpy(examples.records[batch.rows.numpy()]), figures)
        objective.train(was_training)
        for row, (nll, tokens, correct) in zip(rows, sums.tolist(), strict=True):
            row |= {"answer_nll": nll / tokens, "token_accuracy": correct / tokens, "reference_tokens": int(tokens)}
        return rows

    def revise(self, generation: Generation, records: Sequence[Record], rows: Sequence[Row]) -> list[Row]:
        """Score again what other settings of the same way of answering make of the model's output."""
        return [row | score_answer(record, generation.revised(row)) for record, row in zip(records, rows, strict=True)]
