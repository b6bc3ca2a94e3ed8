"""Finding the answer in a document: an encoder says where it begins and where it ends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from fsqa.encode.base import Encoder
from fsqa.encode.windows import WindowEncoder, check_room
from fsqa.errors import InputError
from fsqa.generation.span import SpanSearch
from fsqa.loss.span_kl import SpanKL
from fsqa.objective.base import Objective
from fsqa.prompt.template import Template

if TYPE_CHECKING:
    from fsqa.objective.extractive_module import ExtractiveModule


@dataclass(frozen=True, kw_only=True)
class Extractive(Objective):
    """A model with two logits a token learns the first and the last token of the answer in a document.

    The head that gives them is new, and starts at random over a pretrained body.
    """

    stride: int
    """Tokens of the document from the beginning of one window to that of the next."""
    max_question_tokens: int
    """A longer question loses its beginning."""

    model_class: ClassVar[str] = "AutoModelForQuestionAnswering"
    tokenizer_kind = "word_pieces"
    new_head = True
    generations = (SpanSearch,)
    generation_option = "span"
    fits_chat = False
    prompt_option = "extractive"
    cuts_rows = False
    losses = (SpanKL,)
    loss_option = "span"

    def __post_init__(self) -> None:
        for name in ("stride", "max_question_tokens"):
            if getattr(self, name) < 1:
                raise InputError(f"objective.{name}: wanted 1 or more, got {getattr(self, name)}")

    def check_prompt(self, prompt: object) -> None:
        """Refuse a prompt in which the document or the answer is not to be found as it is."""
        super().check_prompt(prompt)
        if isinstance(prompt, Template):
            texts = [text for segment in prompt.segments for text in segment.values()]
            if "{context}" not in texts or texts[-1] != "{answer}":
                raise InputError(
                    "prompt: objective=extractive looks for the answer in its document, and needs a segment that is "
                    "'{context}' alone and an answer that is '{answer}' alone; set prompt=extractive, "
                    "with loss=span and generation=span or span_or_none"
                )

    def check_length(self, max_length: int) -> None:
        """Refuse rows in which question and stride do not fit."""
        check_room(max_length, self.stride, self.max_question_tokens)

    def encoder(self, tokenizer: Any, max_length: int) -> WindowEncoder:
        """Return rows of question and a window of the document."""
        return WindowEncoder(
            tokenizer=tokenizer,
            max_length=max_length,
            stride=self.stride,
            max_question_tokens=self.max_question_tokens,
        )

    def module_class(self, model: Any, encoder: Encoder) -> type[ExtractiveModule]:
        """Return the Lightning module of a model that points at both ends of an answer."""
        from fsqa.objective.extractive_module import ExtractiveModule

        return ExtractiveModule
