"""Next-token prediction of a decoder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from fsqa.encode.base import Encoder
from fsqa.encode.sequence import SequenceEncoder
from fsqa.generation.autoregressive import Autoregressive
from fsqa.objective.base import Objective

if TYPE_CHECKING:
    from fsqa.objective.causal_module import CausalModule


@dataclass(frozen=True, kw_only=True)
class Causal(Objective):
    """A decoder learns the next token; the loss strategy decides which targets count."""

    model_class: ClassVar[str] = "AutoModelForCausalLM"
    tokenizer_kind = "bytes"
    generations = (Autoregressive,)
    generation_option = "greedy"

    def encoder(self, tokenizer: Any, max_length: int) -> Encoder:
        """Return rows of question, answer and end token."""
        return SequenceEncoder(tokenizer=tokenizer, max_length=max_length)

    def module_class(self, model: Any, encoder: Encoder) -> type[CausalModule]:
        """Return the Lightning module of a decoder."""
        from fsqa.objective.causal_module import CausalModule

        return CausalModule
