"""Ask a model every question of a split, and score what it says and how well it predicts the reference."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from fsqa.data.batches import ScoringBatches, on_device
from fsqa.data.examples import Examples
from fsqa.data.records import Records
from fsqa.encode import Encoder
from fsqa.generate import Greedy
from fsqa.metrics.answers import repeats
from fsqa.metrics.scoring import Row, score_answer
from fsqa.objective.causal import CausalObjective
from fsqa.types import Prompt, Record

Advance = Callable[[int], None]


class Evaluator:
    """Scores a model on a split with one prompt, encoding and way of decoding."""

    def __init__(
        self, *, layout: Callable[[Record], Prompt], encoder: Encoder, generation: Greedy, batch_size: int
    ) -> None:
        self.layout, self.encoder, self.generation, self.batch_size = layout, encoder, generation, batch_size

    def answer(self, model: Any, records: Sequence[Record], advance: Advance = lambda _: None) -> list[Row]:
        """Generate an answer to every record and score it, in the records' order."""
        questions = self.encoder.questions([self.layout(r) for r in records], self.generation.max_new_tokens)
        answers = self.generation(model, questions, advance)
        return [
            {
                **score_answer(record, self.encoder.decode(answer.ids)),
                "stopped": answer.stopped,
                "repeated": repeats(answer.ids),
                "answer_length": len(answer.ids),
                "question_tokens_cut": question.truncated,
            }
            for record, question, answer in zip(records, questions, answers, strict=True)
        ]

    @torch.inference_mode()
    def evaluate(
        self, objective: CausalObjective, records: Records, examples: Examples, advance: Advance = lambda _: None
    ) -> list[Row]:
        """Answer every record, and add how well the reference is predicted under teacher forcing."""
        rows = self.answer(objective.model, list(records), advance)
        was_training = objective.training
        objective.eval()
        for batch in ScoringBatches(examples, self.batch_size, self.encoder.end_id):
            scores = objective.score_answers(on_device(batch, objective.device))
            figures = zip(
                batch.rows.tolist(), scores.nll.tolist(), scores.tokens.tolist(), scores.correct.tolist(), strict=True
            )
            for i, nll, tokens, correct in figures:
                rows[i] |= {
                    "answer_nll": nll / tokens,
                    "token_accuracy": correct / tokens,
                    "reference_tokens": tokens,
                }
        objective.train(was_training)
        return rows
