"""A model that is not asked anything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fsqa.encode.base import Encoder
from fsqa.errors import InputError
from fsqa.generation.base import Advance, Answer, Generation, silent
from fsqa.types import Prompt


@dataclass(frozen=True, kw_only=True)
class NoAnswers(Generation):
    """For models of plain text: they are scored by how well they predict it, and answer nothing."""

    def __call__(
        self, model: Any, encoder: Encoder, prompts: Sequence[Prompt], advance: Advance = silent
    ) -> list[Answer]:
        """Raise InputError: there is no question in plain text."""
        raise InputError(
            "generation=none: a model of plain text has learned no form of question and answers none; "
            "train one with a prompt such as prompt=closed_book to ask it"
        )
