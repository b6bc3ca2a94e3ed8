"""Batched answers of a decoder, token after token, from the same ids as training."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

from fsqa.encode.base import Encoder
from fsqa.encode.sequence import SequenceEncoder
from fsqa.errors import InputError
from fsqa.generation.base import Advance, Answer, Generation, answering, check_positive, silent
from fsqa.generation.stop import StopText, cut_at
from fsqa.types import Example, Prompt


@dataclass(frozen=True, kw_only=True)
class Autoregressive(Generation):
    """Lets transformers generate; a subclass says only by which rule the next token is chosen."""

    max_new_tokens: int
    """Most tokens of an answer, the end token included; tokens of the question do not count."""
    batch_size: int
    stop: str | None = None  # as in runs from before there was one
    """A text that ends an answer beside the end token, and is cut off; None for none."""
    keep_question: bool = False  # likewise
    """Whether the question stands before what was generated, in the text that is scored and shown."""

    def __post_init__(self) -> None:
        check_positive(self, "max_new_tokens", "batch_size")
        if self.stop == "":
            raise InputError("generation.stop: wanted a text that ends answers, such as '<END>', or null, got ''")

    @abstractmethod
    def rule(self) -> dict[str, Any]:
        """Return the settings of ``generate()`` that choose the next token."""

    def limits(self) -> dict[str, Any]:
        """Return the settings of ``generate()`` that end an answer, beside the end token."""
        return {"max_new_tokens": self.max_new_tokens} | ({} if self.stop is None else {"stop_strings": self.stop})

    def for_clients(self) -> dict[str, Any]:
        """Return what another program gives to ``generate()`` to decode by the same rule.

        ``stop_strings`` wants the tokenizer beside it, and is left in the text.
        """
        return {**self.limits(), **self.rule()}

    def processors(self, questions: Sequence[Example], width: int) -> list[Any]:
        """Return what changes the logits of the next token, in this order, for questions padded to ``width`` tokens.

        Each is called with all ids so far and the logits, as transformers calls its ``LogitsProcessor``.
        """
        return []

    def chance(self, questions: Sequence[Example]) -> AbstractContextManager[Any]:
        """Return where the random draws of ``generate()`` come from while these questions are answered."""
        return nullcontext()

    def answer_text(self, question: str, answer: Answer) -> str:
        """Return the generated text, after the question if that is kept."""
        parts = (question.strip(), answer.text) if self.keep_question else (answer.text,)
        return " ".join(part for part in parts if part)

    def __call__(
        self, model: Any, encoder: Encoder, prompts: Sequence[Prompt], advance: Advance = silent
    ) -> list[Answer]:
        """Answer every prompt, in the order given.

        Questions are batched by length and padded on the left, where the attention mask hides the filler, so what
        shares a batch does not matter; the same question is asked once. Raises InputError where the model has too few
        positions for the answers.
        """
        assert isinstance(encoder, SequenceEncoder)
        questions = encoder.questions(prompts, self.max_new_tokens)
        self._check_positions(model, questions)
        asked: dict[bytes, list[int]] = {}
        for i, question in enumerate(questions):
            asked.setdefault(question.ids.tobytes(), []).append(i)
        order = sorted(asked.values(), key=lambda same: -len(questions[same[0]].ids))
        said: list[list[int]] = [[] for _ in questions]
        with answering(model):
            for first in range(0, len(order), self.batch_size):
                chosen = order[first : first + self.batch_size]
                batch = self._batch(model, encoder, [questions[same[0]] for same in chosen])
                for same, ids in zip(chosen, batch, strict=True):
                    for i in same:
                        said[i] = ids
                advance(sum(map(len, chosen)))
        return [self._answer(encoder, *pair) for pair in zip(questions, said, strict=True)]

    def _batch(self, model: Any, encoder: SequenceEncoder, questions: list[Example]) -> list[list[int]]:
        """Return what the model says to each question, to its end at least, as ``generate()`` makes it."""
        from fsqa.generation.greedy_search import left_padded

        pad_id = model.generation_config.pad_token_id
        ids, mask = left_padded([question.ids for question in questions], pad_id)
        longest = ids.shape[1]
        with self.chance(questions):
            said = model.generate(
                input_ids=ids.to(model.device),
                attention_mask=mask.to(model.device),
                max_new_tokens=self.max_new_tokens,
                eos_token_id=encoder.end_id,
                pad_token_id=pad_id,
                logits_processor=self.processors(questions, longest),
                stopping_criteria=[] if self.stop is None else [StopText(self.stop, encoder.tokenizer, longest)],
                **self.rule(),
            )
        rows: list[list[int]] = said[:, longest:].tolist()
        return rows

    def _answer(self, encoder: Encoder, question: Example, said: list[int]) -> Answer:
        """Keep what stands before the first end token, and before the stop text."""
        stopped = encoder.end_id in said
        ids = said[: said.index(encoder.end_id)] if stopped else said
        if self.stop is not None and (cut := cut_at(self.stop, ids, encoder.tokenizer)) is not None:
            text, ids = cut
            return Answer(text=text, ids=tuple(ids), stopped=True, truncated=question.truncated)
        return Answer(text=encoder.decode(ids), ids=tuple(ids), stopped=stopped, truncated=question.truncated)

    def _check_positions(self, model: Any, questions: Sequence[Example]) -> None:
        positions = getattr(model.config, "max_position_embeddings", None)
        longest = max((len(question.ids) for question in questions), default=0)
        if positions is not None and longest + self.max_new_tokens > positions:
            raise InputError(
                f"generation.max_new_tokens={self.max_new_tokens} after a question of {longest} tokens is more than "
                f"the model's {positions} positions; lower it, or max_length, to which questions are cut"
            )


def repetition(penalty: float, width: int) -> list[Any]:
    """Return what makes tokens less likely that the answer holds already (CTRL, arXiv:1909.05858).

    The question, its filler and the start token do not count: an answer may well repeat a word of the question, and
    where start and end token are one (GPT-2), the end would be penalised from the first token on.
    """
    from transformers import RepetitionPenaltyLogitsProcessor

    return [] if penalty == 1 else [RepetitionPenaltyLogitsProcessor(float(penalty), prompt_ignore_length=width)]


def check_above_zero(generation: object, *names: str) -> None:
    """Raise InputError unless the named settings are finite numbers above 0."""
    for name in names:
        value = getattr(generation, name)
        if not (value > 0 and math.isfinite(value)):
            raise InputError(f"generation.{name}: wanted a number above 0, got {value}")
