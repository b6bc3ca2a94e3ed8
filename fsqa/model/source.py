"""What every source of a model offers: a tokenizer, then the model for it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from fsqa.model.quantization import Quantization

TokenizerKind = Literal["bytes", "word_pieces"]


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What kind of model is wanted of a source."""

    model_class: str = "AutoModelForCausalLM"
    """The Auto class of transformers that knows the head."""
    new_head: bool = False
    """Whether pretrained weights may lack the head, which then starts at random."""
    quantization: Quantization | None = None
    """In which numbers the weights are to be held; None: in the source's own."""
    device: str = "cpu"
    """Where quantised weights are made, and stay."""

    def arguments(self) -> dict[str, Any]:
        """Return what ``from_pretrained`` has to be told of the numbers."""
        return self.quantization.arguments(self.device) if self.quantization else {}


DECODER = Wanted()


class ModelSource(ABC):
    """Where a language model and its tokenizer come from.

    The tokenizer comes first, because the data is tokenised before the weights are needed.
    """

    added_tokens: list[str]
    """Special tokens that are added to the vocabulary; the tokenizer has them, and the model a row for each."""

    @abstractmethod
    def tokenizer(self, texts: Callable[[], Iterator[str]], kind: TokenizerKind = "bytes") -> Any:
        """Return a Hugging Face tokenizer with an end token.

        ``texts`` is the training split, to learn one from; ``kind`` says what a learned one looks like.
        """

    @abstractmethod
    def model(self, tokenizer: Any, max_length: int, seed: int, wanted: Wanted = DECODER) -> Any:
        """Return a Hugging Face model that fits the tokenizer and ``max_length`` positions.

        ``seed`` decides a random start.
        """

    @property
    def weights_from(self) -> tuple[str, str | None] | None:
        """Hub id or folder of the weights it starts from, and the revision; None for a random start."""
        return None

    @abstractmethod
    def shrunk(self) -> ModelSource:
        """Return a tiny random model of the same architecture, for a rehearsal."""
