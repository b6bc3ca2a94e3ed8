"""Plain language modelling of a decoder: documents packed into blocks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from fsqa.encode.base import Encoder
from fsqa.encode.blocks import BlockEncoder
from fsqa.encode.opening import OpeningEncoder
from fsqa.errors import InputError
from fsqa.generation.autoregressive import Autoregressive
from fsqa.generation.no_answers import NoAnswers
from fsqa.objective.base import Objective
from fsqa.prompt.text import Text

if TYPE_CHECKING:
    from fsqa.objective.causal_module import CausalModule


@dataclass(frozen=True, kw_only=True)
class LanguageModel(Objective):
    """A decoder learns every next token of documents, packed into blocks of ``max_length`` tokens.

    It answers nothing, unless the prompt says which part of a text is given: then it writes the rest.
    """

    model_class: ClassVar[str] = "AutoModelForCausalLM"
    tokenizer_kind = "bytes"
    generations = (NoAnswers, Autoregressive)
    generation_option = "none"
    cuts_rows = False

    isolated: bool
    """Whether documents that share a block neither see nor predict each other."""

    def check(self, loss: object, generation: object) -> None:
        """Refuse losses under which a block may have nothing to learn, beside ways of answering."""
        super().check(loss, generation)
        weights = getattr(loss, "weights", {"answer": 1, "end": 1})
        for role in ("answer", "end"):
            if not weights.get(role):
                raise InputError(
                    f"loss.weights.{role}: wanted a weight above 0 with objective=language_model, because a block may "
                    "hold nothing else to learn; set loss=all or loss=answer_end"
                )

    def check_prompt(self, prompt: object) -> None:
        """Refuse prompts with a question."""
        if not isinstance(prompt, Text):
            raise InputError(
                f"prompt: objective=language_model takes plain text, not a {type(prompt).__name__} with a question; "
                "set prompt=text, or objective=causal"
            )

    def encoder(self, tokenizer: Any, max_length: int) -> Encoder:
        """Return blocks of documents."""
        return BlockEncoder(tokenizer=tokenizer, max_length=max_length, isolated=self.isolated)

    def asking_encoder(self, tokenizer: Any, max_length: int) -> OpeningEncoder:
        """Return what turns the beginnings of texts (:meth:`fsqa.prompt.Text.opening`) into rows to write on from."""
        return OpeningEncoder(tokenizer=tokenizer, max_length=max_length)

    def module_class(self, model: Any, encoder: Encoder) -> type[CausalModule]:
        """Return the Lightning module of a decoder, with documents kept apart if they are isolated.

        Raises InputError for an architecture that cannot keep them apart.
        """
        from fsqa.objective.causal_module import CausalModule
        from fsqa.objective.packed_module import PackedModule, check_isolates

        if not self.isolated:
            return CausalModule
        check_isolates(model, encoder.max_length)
        return PackedModule
