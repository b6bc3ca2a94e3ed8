"""Batched greedy answers, from the same prompt and ids as training."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from fsqa.errors import InputError
from fsqa.types import Example


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model said to one question."""

    ids: tuple[int, ...]
    """Generated tokens, without the end token."""
    stopped: bool
    """Whether the end token came within the limit."""


@dataclass(frozen=True, kw_only=True)
class Greedy:
    """Greedy decoding: the likeliest token each time, until the end token or ``max_new_tokens``."""

    max_new_tokens: int
    batch_size: int

    def __post_init__(self) -> None:
        for name in ("max_new_tokens", "batch_size"):
            if getattr(self, name) < 1:
                raise InputError(f"generation.{name}: wanted 1 or more, got {getattr(self, name)}")

    def __call__(
        self, model: Any, questions: Sequence[Example], advance: Callable[[int], None] = lambda _: None
    ) -> list[Answer]:
        """Answer every question, in the order given; ``advance`` hears how many were answered at a time.

        Questions are batched by length and padded on the left, where the attention mask hides the filler, so an
        answer does not depend on what shares its batch. The model's train or eval mode is left as it was.
        """
        answers: list[Answer | None] = [None] * len(questions)
        order = sorted(range(len(questions)), key=lambda i: -len(questions[i].ids))
        was_training = model.training
        model.eval()
        try:
            for first in range(0, len(order), self.batch_size):
                chosen = order[first : first + self.batch_size]
                for i, answer in zip(chosen, self._batch(model, [questions[i] for i in chosen]), strict=True):
                    answers[i] = answer
                advance(len(chosen))
        finally:
            model.train(was_training)
        return [answer for answer in answers if answer is not None]

    def _batch(self, model: Any, questions: list[Example]) -> list[Answer]:
        import torch

        settings = model.generation_config
        longest = max(len(question.ids) for question in questions)
        ids = torch.full((len(questions), longest), settings.pad_token_id)
        mask = torch.zeros_like(ids)
        for i, question in enumerate(questions):
            ids[i, longest - len(question.ids) :] = torch.from_numpy(question.ids)
            mask[i, longest - len(question.ids) :] = 1
        said = model.generate(
            input_ids=ids.to(model.device),
            attention_mask=mask.to(model.device),
            max_new_tokens=self.max_new_tokens,
            do_sample=False,
            num_beams=1,
        )
        return [_cut(row, settings.eos_token_id) for row in said[:, longest:].tolist()]


def _cut(ids: list[int], end_id: int) -> Answer:
    """Keep what stands before the first end token."""
    if end_id in ids:
        return Answer(tuple(ids[: ids.index(end_id)]), stopped=True)
    return Answer(tuple(ids), stopped=False)
