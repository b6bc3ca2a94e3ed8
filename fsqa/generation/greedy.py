"""Greedy decoding."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fsqa.encode.sequence import SequenceEncoder
from fsqa.generation.autoregressive import Autoregressive
from fsqa.generation.base import Advance, Answer, answering, silent
from fsqa.generation.stop import StopText
from fsqa.types import Example, Prompt, Role

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from fsqa.generation.greedy_search import Found

MOST_LOGITS = 512
"""Places of a batch at which there are logits at once: 100 MB of them for 50,000 tokens."""


@dataclass(frozen=True, kw_only=True)
class Greedy(Autoregressive):
    """The likeliest token each time, until the end token or ``max_new_tokens``."""

    def rule(self) -> dict[str, Any]:
        """Neither sample nor look ahead."""
        return {"do_sample": False, "num_beams": 1}

    def _batch(self, model: Any, encoder: SequenceEncoder, questions: list[Example]) -> list[list[int]]:
        """Return the tokens of ``generate()``, by a quicker loop where a model has nothing that asks for another."""
        from fsqa.generation.greedy_search import can_search

        if not can_search(model, max(len(question.ids) for question in questions) + self.max_new_tokens):
            return super()._batch(model, encoder, questions)
        return [
            found.said
            for found in self._search(model, encoder, questions, [question.ids[:0] for question in questions])
        ]

    def with_references(
        self,
        model: Any,
        encoder: SequenceEncoder,
        prompts: Sequence[Prompt],
        references: Sequence[Example],
        advance: Advance = silent,
    ) -> tuple[list[Answer], list[Found]] | None:
        """Answer every prompt and say what the model makes of its reference answer, in one pass over both.

        The answers are those of a call without references. ``references`` are the rows to score on, one a prompt.
        Returns None where that cannot be: for a row cut otherwise than its question, a model that must be asked by
        ``generate()``, or one with too few positions for what is said after a reference that was read.
        """
        from fsqa.generation.greedy_search import can_forget, can_search

        questions = encoder.questions(prompts, self.max_new_tokens)
        self._check_positions(model, questions)
        read = [_answer_after(*pair) for pair in zip(questions, references, strict=True)]
        answers = [answer for answer in read if answer is not None]
        longest = max((len(reference.ids) for reference in references), default=0) + self.max_new_tokens
        positions = getattr(model.config, "max_position_embeddings", None) or longest
        if len(answers) < len(read) or longest > positions:
            return None
        if not (can_search(model, longest) and can_forget(model, longest)):
            return None
        order = sorted(range(len(questions)), key=lambda i: -len(references[i].ids))
        found: dict[int, Found] = {}
        with answering(model):
            for chosen in _batches(order, [len(answer) + 1 for answer in answers], self.batch_size):
                batch = [questions[i] for i in chosen], [answers[i] for i in chosen]
                found |= zip(chosen, self._search(model, encoder, *batch), strict=True)
                advance(len(chosen))
        each = [found[i] for i in range(len(questions))]
        return [self._answer(encoder, question, one.said) for question, one in zip(questions, each, strict=True)], each

    def _search(
        self, model: Any, encoder: SequenceEncoder, questions: list[Example], answers: list[NDArray[np.int32]]
    ) -> list[Found]:
        from fsqa.generation.greedy_search import greedy_search

        ids, over = [question.ids for question in questions], self.ending(encoder, questions)
        return greedy_search(model, ids, answers, model.generation_config.pad_token_id, over)

    def ending(self, encoder: SequenceEncoder, questions: list[Example]) -> Callable[[int, list[int]], bool]:
        """Return what tells, by the place of a question in its batch and all that was said to it, if that was all."""
        stop = None if self.stop is None else StopText(self.stop, encoder.tokenizer, 0)

        def over(_: int, said: list[int]) -> bool:
            whole = len(said) == self.max_new_tokens or said[-1] == encoder.end_id
            return whole or (stop is not None and stop.is_said(said))

        return over


def _batches(order: Sequence[int], logits: Sequence[int], rows: int) -> Iterator[list[int]]:
    """Yield parts of so many rows at most, that need few logits together; ``logits`` are those of each row."""
    part: list[int] = []
    for i in order:
        if part and (len(part) == rows or sum(logits[j] for j in part) + logits[i] > MOST_LOGITS):
            yield part
            part = []
        part.append(i)
    if part:
        yield part


def _answer_after(question: Example, reference: Example) -> NDArray[np.int32] | None:
    """Return the answer of a row that begins with the question and ends after the answer; None for another row."""
    import numpy as np

    size = len(question.ids)
    same = np.array_equal(reference.ids[:size], question.ids)
    rest = reference.roles[size:]
    whole = len(rest) > 1 and rest[-1] == Role.END and bool((rest[:-1] == Role.ANSWER).all())
    return reference.ids[size:-1] if same and whole else None
