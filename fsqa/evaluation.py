"""Ask a model every question of a split, and score what it says and how well it predicts the reference."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from typing import Any, Self

import torch
from torch import Tensor

from fsqa.data.batches import ScoringBatches, on_device
from fsqa.data.examples import Examples
from fsqa.data.records import Records
from fsqa.encode.base import Encoder
from fsqa.encode.blocks import document_numbers
from fsqa.encode.opening import OpeningEncoder
from fsqa.encode.sequence import SequenceEncoder
from fsqa.errors import InputError
from fsqa.generation.autoregressive import Autoregressive
from fsqa.generation.base import Advance, Answer, Generation, answering, silent
from fsqa.generation.confidence import confidences
from fsqa.generation.greedy import Greedy
from fsqa.metrics.answers import repeats
from fsqa.metrics.scoring import Row, Scoring, score_answer, score_continuation, score_text
from fsqa.objective.causal_module import CausalModule
from fsqa.objective.module import ObjectiveModule
from fsqa.prompt.base import BoundLayout
from fsqa.prompt.text import BoundText
from fsqa.types import Prompt, Record, Role


class Evaluator:
    """Scores a model on a split with one prompt, encoding and way of decoding."""

    def __init__(
        self,
        *,
        layout: BoundLayout,
        encoder: Encoder,
        generation: Generation,
        batch_size: int,
        scoring: Scoring,
    ) -> None:
        self.layout, self.encoder, self.generation, self.batch_size = layout, encoder, generation, batch_size
        self.scoring = scoring

    def with_generation(self, generation: Generation) -> Self:
        """Return an evaluator that differs only in how questions are answered."""
        changed = copy(self)
        changed.generation = generation
        return changed

    def answer(self, model: Any, records: Sequence[Record], advance: Advance = silent) -> list[Row]:
        """Generate an answer to every record and score it, in the records' order."""
        return self.scoring.complete(records, self.answer_each(model, records, advance))

    def answer_each(self, model: Any, records: Sequence[Record], advance: Advance = silent) -> list[Row]:
        """Answer a part of a split, each row scored by itself: what takes the whole split is not in it yet."""
        encoder, prompts = self._asked(records)
        return self._rows(model, encoder, records, prompts, self.generation(model, encoder, prompts, advance))

    def _rows(
        self,
        model: Any,
        encoder: Encoder,
        records: Sequence[Record],
        prompts: Sequence[Prompt],
        answers: Sequence[Answer],
    ) -> list[Row]:
        rows = [
            {
                **self._scored(record, self.generation.answer_text(record.question, answer)),
                "stopped": answer.stopped,
                **_measured(answer.ids),
                "question_tokens_cut": answer.truncated,
                **answer.extra,
            }
            for record, answer in zip(records, answers, strict=True)
        ]
        if self.scoring.needs_confidence:
            for row, confidence in zip(rows, self._confidences(model, encoder, prompts, answers), strict=True):
                row["confidence"] = confidence
        return rows

    def _asked(self, records: Sequence[Record]) -> tuple[Encoder, list[Prompt]]:
        """Return what a model is given to answer records, and what makes rows of it."""
        return self.encoder, [self.layout(record) for record in records]

    def _scored(self, record: Record, text: str) -> Row:
        return score_answer(record, text)

    def _confidences(
        self, model: Any, encoder: Encoder, prompts: Sequence[Prompt], answers: Sequence[Answer]
    ) -> list[float]:
        assert isinstance(encoder, SequenceEncoder)
        assert isinstance(self.generation, Autoregressive)
        return confidences(model, encoder, self.generation, prompts, answers)

    @torch.inference_mode()
    def evaluate(
        self, objective: ObjectiveModule, records: Records, examples: Examples, advance: Advance = silent
    ) -> list[Row]:
        """Answer every record, and add how well the reference is predicted under teacher forcing."""
        together = self._answered_and_predicted(objective, list(records), examples, advance)
        if together is None:
            together = self.answer(objective.model, list(records), advance), self._predictions(objective, examples)
        rows, sums = together
        for row, (nll, tokens, correct) in zip(rows, sums.tolist(), strict=True):
            row |= {"answer_nll": nll / tokens, "token_accuracy": correct / tokens, "reference_tokens": int(tokens)}
        return rows

    def _answered_and_predicted(
        self, objective: ObjectiveModule, records: list[Record], examples: Examples, advance: Advance
    ) -> tuple[list[Row], Tensor] | None:
        """Answer and score the references in one pass over both, where the way of answering can; None elsewhere."""
        generation, encoder = self.generation, self.encoder
        if not (isinstance(generation, Greedy) and isinstance(encoder, SequenceEncoder)):
            return None
        one_row_each = len(examples) == len(records) and bool((examples.records == range(len(records))).all())
        if type(objective) is not CausalModule or not one_row_each:
            return None
        prompts, references = [self.layout(record) for record in records], [examples[i] for i in range(len(records))]
        found = generation.with_references(objective.model, encoder, prompts, references, advance)
        if found is None:
            return None
        answers, judged = found
        rows = self._rows(objective.model, encoder, records, prompts, answers)
        tokens = examples.target_counts[:, Role.ANSWER].tolist()
        sums = [(one.nll, count, one.correct) for one, count in zip(judged, tokens, strict=True)]
        return self.scoring.complete(records, rows), torch.tensor(sums, dtype=torch.float64)

    def _predictions(self, objective: ObjectiveModule, examples: Examples) -> Tensor:
        """Return, of all rows of each record, the reference's sum of NLL, its tokens, and how many are the arg max."""
        sums = torch.zeros(int(examples.records.max()) + 1, 3, dtype=torch.float64)
        with answering(objective):
            for batch in ScoringBatches(examples, self.batch_size, self.encoder.end_id):
                scores = objective.score_answers(on_device(batch, objective.device))
                figures = torch.stack([score.double().cpu() for score in scores], dim=1)
                sums.index_add_(0, torch.from_numpy(examples.records[batch.rows.numpy()]), figures)
        return sums

    def revise(self, generation: Generation, records: Sequence[Record], rows: Sequence[Row]) -> list[Row]:
        """Score again what other settings of the same way of answering make of the model's output."""
        revised = [
            row | score_answer(record, generation.revised(row)) | _measured(generation.revised_ids(row))
            for record, row in zip(records, rows, strict=True)
        ]
        return self.scoring.complete(records, revised)


def _measured(ids: Sequence[int] | None) -> Row:
    """Return what is told of an answer by its tokens; nothing where there are none to tell it by."""
    return {} if ids is None else {"repeated": repeats(ids), "answer_length": len(ids)}


class DocumentEvaluator(Evaluator):
    """Scores how well a model predicts plain text, a row for each document.

    Where a text has a beginning that is given, the model writes the rest of it too.
    """

    def __init__(self, *, asking: OpeningEncoder | None, **settings: Any) -> None:
        super().__init__(**settings)
        self.asking = asking

    def _asked(self, records: Sequence[Record]) -> tuple[Encoder, list[Prompt]]:
        assert self.asking is not None
        assert isinstance(self.layout, BoundText)
        return self.asking, [self.layout.opening(record) for record in records]

    def _scored(self, record: Record, text: str) -> Row:
        return score_continuation(record, text)

    def evaluate(
        self, objective: ObjectiveModule, records: Records, examples: Examples, advance: Advance = silent
    ) -> list[Row]:
        """Score the tokens of every document, and what the model makes of its beginning if it is given one."""
        if self.asking is None:
            return self._predicted(objective, records, examples, advance)
        rows = self.answer(objective.model, list(records), advance)
        predicted = {row["id"]: row for row in self._predicted(objective, records, examples, silent)}
        return [row | predicted[row["id"]] for row in rows if row["id"] in predicted]

    @torch.inference_mode()
    def _predicted(
        self, objective: ObjectiveModule, records: Records, examples: Examples, advance: Advance
    ) -> list[Row]:
        """Score the tokens of every document, over all blocks that hold a part of it."""
        assert isinstance(objective, CausalModule)
        sums = torch.zeros(len(records), 3, dtype=torch.float64)  # of every document: NLL, tokens, right tokens
        batches = ScoringBatches(examples, self.batch_size, self.encoder.end_id)
        with answering(objective):
            for i, batch in enumerate(batches):
                scores = objective.score_tokens(on_device(batch, objective.device))
                chosen, nll, correct = (part.cpu() for part in scores)
                first = torch.from_numpy(examples.records[batch.rows.numpy()])
                documents = (first[:, None] + document_numbers(batch.roles))[chosen]
                sums.index_add_(0, documents, torch.stack([nll, torch.ones_like(nll), correct], dim=1).double())
                advance(len(records) * (i + 1) // len(batches) - len(records) * i // len(batches))
        return document_rows(records, self.layout, sums.tolist())

    def revise(self, generation: Generation, records: Sequence[Record], rows: Sequence[Row]) -> list[Row]:
        """Return the rows as they are: what continues a text is not post-processed."""
        return list(rows)


def document_rows(records: Sequence[Record], layout: BoundLayout, sums: Sequence[Sequence[float]]) -> list[Row]:
    """Return a row for every document from the sums over its tokens: NLL, how many there are, how many are right.

    A document of a single token, which nothing predicts, has none. Raises InputError when all are like that.
    """
    rows = [
        score_text(record, layout(record).answer[0].text, nll, int(tokens), int(correct))
        for record, (nll, tokens, correct) in zip(records, sums, strict=True)
        if tokens
    ]
    if not rows:
        raise InputError(
            "dataset: no document has a token that another one predicts; set prompt.start=true, or give longer ones"
        )
    return rows
