"""What every source of a model offers: a tokenizer, then the model for it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import Any


class ModelSource(ABC):
    """Where a causal language model and its tokenizer come from.

    The tokenizer comes first, because the data is tokenised before the weights are needed.
    """

    @abstractmethod
    def tokenizer(self, texts: Callable[[], Iterator[str]]) -> Any:
        """Return a Hugging Face tokenizer with an end token; ``texts`` is the training split, to learn one from."""

    @abstractmethod
    def model(self, tokenizer: Any, max_length: int, seed: int) -> Any:
        """Return a Hugging Face causal language model that fits the tokenizer and ``max_length`` positions.

        ``seed`` decides a random start.
        """

    @abstractmethod
    def shrunk(self) -> ModelSource:
        """Return a tiny random model of the same architecture, for a rehearsal."""
