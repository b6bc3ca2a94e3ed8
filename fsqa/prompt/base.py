"""What every prompt offers: a way to lay records out as text for one tokenizer."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

from fsqa.types import Prompt, Record

BoundLayout = Callable[[Record], Prompt]
"""A layout that knows its tokenizer: a record in, its text out."""


class Layout(ABC):
    """How a record is laid out as text; made with the config, before there is a tokenizer."""

    @abstractmethod
    def bound(self, tokenizer: Any) -> BoundLayout:
        """Return the layout with all that it takes from the tokenizer.

        A layout that closes answers with a token of its own makes it the tokenizer's end token, so that training,
        generation and the saved model agree on it. Raises InputError for a tokenizer that cannot write such a prompt.
        """
