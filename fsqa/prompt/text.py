"""A record as plain text: no question, no answer, every word is there to be learned."""

from __future__ import annotations

import string
from dataclasses import dataclass
from typing import Any

from fsqa.errors import InputError, did_you_mean
from fsqa.prompt.base import Layout
from fsqa.types import Prompt, Record, Role, Segment

FIELDS = ("question", "context", "answer")


@dataclass(frozen=True, kw_only=True)
class Text(Layout):
    """Lays a record out as one text, every token of which the model should say; the end token closes it by itself."""

    start: bool
    """Whether the tokenizer's start token opens every text, so that its first word has a prediction too."""
    text: str
    """May hold ``{context}``, which is the text of a document, ``{question}`` and ``{answer}``."""

    def __post_init__(self) -> None:
        try:
            parsed = [
                (field, spec, how) for _, field, spec, how in string.Formatter().parse(self.text) if field is not None
            ]
        except ValueError as error:
            raise InputError(f"prompt.text: {error} in {self.text!r}; write {{{{ and }}}} for plain braces") from None
        if not parsed:
            raise InputError(
                f"prompt.text: wanted {_fields()} in it, got {self.text!r}, which is the same for every record"
            )
        for field, spec, conversion in parsed:
            if spec or conversion:
                raise InputError(
                    f"prompt.text: wanted plain fields such as {{context}}, without ':' or '!', got {self.text!r}"
                )
            if field not in FIELDS:
                raise InputError(
                    f"prompt.text: no field '{{{field}}}' here{did_you_mean(field, FIELDS)}; it may hold {_fields()}"
                )

    def bound(self, tokenizer: Any) -> Text:
        """Return itself: it takes nothing from a tokenizer."""
        return self

    def __call__(self, record: Record) -> Prompt:
        """Lay out one record; the answer is the record's first, and empty where it has none."""
        answer = record.answers[0] if record.answers else ""
        text = self.text.format(question=record.question, context=record.context, answer=answer)
        return Prompt(given=(), answer=(Segment(Role.ANSWER, text),), start=self.start)


def _fields() -> str:
    return ", ".join(f"{{{name}}}" for name in FIELDS)
