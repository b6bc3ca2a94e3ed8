"""What every way of answering offers: prompts in, answers out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Self

from fsqa.encode.base import Encoder
from fsqa.errors import InputError
from fsqa.types import Prompt

Advance = Callable[[int], None]


def silent(_: int) -> None:
    """Tell nobody how far the answers are."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model said to one question."""

    text: str
    ids: tuple[int, ...]
    """Generated tokens, without the end token."""
    stopped: bool
    """Whether the answer ended by itself, with the end token or a text that stands for one, within the limit."""
    truncated: int = 0
    """How many tokens of the question were cut to leave room for the answer."""
    extra: dict[str, Any] = field(default_factory=dict)
    """Further columns of ``predictions.jsonl`` that only this way of answering has; what JSON can hold."""


class Generation(ABC):
    """A way of answering questions with a trained model."""

    batch_size: int
    """Questions answered together."""

    @abstractmethod
    def __call__(
        self, model: Any, encoder: Encoder, prompts: Sequence[Prompt], advance: Advance = silent
    ) -> list[Answer]:
        """Answer every prompt, in the order given; ``advance`` hears how many were answered at a time.

        The model's train or eval mode is left as it was.
        """

    def answer_text(self, question: str, answer: Answer) -> str:
        """Return the text that is scored and shown as the answer to a question."""
        return answer.text

    def undecided(self) -> tuple[str, ...]:
        """Return the names of the settings that validation has to decide and has not yet."""
        return ()

    def decided(self, rows: Sequence[Mapping[str, Any]]) -> Self:
        """Return it with every setting that validation decides (null in the config) filled in.

        ``rows`` are the scored answers to the validation split, as in ``predictions.jsonl``.
        """
        return self

    def revised(self, row: Mapping[str, Any]) -> str:
        """Return the answer that these settings give, from what a row of ``predictions.jsonl`` holds."""
        return str(row["prediction"])

    def revised_ids(self, row: Mapping[str, Any]) -> Sequence[int] | None:
        """Return the tokens of that answer, or None where these settings leave what was generated as it is."""
        return None

    def variants(self) -> Mapping[str, Generation]:
        """Return the same way of answering under other settings of its post-processing, by readable names."""
        return {}


@contextmanager
def answering(model: Any) -> Iterator[None]:
    """Put a model into eval mode for a while."""
    was_training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(was_training)


def check_positive(generation: object, *names: str) -> None:
    """Raise InputError unless the named settings are 1 or more."""
    for name in names:
        if getattr(generation, name) < 1:
            raise InputError(f"generation.{name}: wanted 1 or more, got {getattr(generation, name)}")
