"""A record as plain text: no question, no answer, every word is there to be learned."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from fsqa.errors import InputError
from fsqa.prompt.base import Layout
from fsqa.prompt.fields import check_fields
from fsqa.types import Prompt, Record, Role, Segment

FIELDS = ("question", "context", "answer")
GIVEN_FIELDS = ("question", "context")
"""What may be given of a text that the model is to finish."""
PROBE = "The"
"""Stands for how the rest of a text begins, which a model has yet to write."""


@dataclass(frozen=True, kw_only=True)
class Text(Layout):
    """Lays a record out as one text, every token of which the model should say; the end token closes it by itself."""

    start: bool
    """Whether the tokenizer's start token opens every text, so that its first word has a prediction too."""
    text: str
    """May hold ``{context}``, which is the text of a document, ``{question}`` and ``{answer}``."""
    beginning: str | None = None  # as in runs from before there was one
    """The part of ``text`` that a model is given when it is to write the rest; None where it is never asked to."""

    def __post_init__(self) -> None:
        _check_held(self.text, "prompt.text", FIELDS)
        if self.beginning is None:
            return
        _check_held(self.beginning, "prompt.beginning", GIVEN_FIELDS)
        if not self.text.startswith(self.beginning) or not self.text.removeprefix(self.beginning).strip():
            raise InputError(
                f"prompt.beginning: wanted what prompt.text={self.text!r} begins with, and not the whole of it, got "
                f"{self.beginning!r}"
            )

    def bound(self, tokenizer: Any) -> BoundText:
        """Return the layout with the tokenizer, which decides where a beginning ends."""
        return BoundText(self, tokenizer)

    def __call__(self, record: Record) -> Prompt:
        """Lay out one record; the answer is the record's first, and empty where it has none."""
        answer = record.answers[0] if record.answers else ""
        text = self.text.format(question=record.question, context=record.context, answer=answer)
        return Prompt(given=(), answer=(Segment(Role.ANSWER, text),), start=self.start)


@dataclass(frozen=True)
class BoundText:
    """Texts for one tokenizer."""

    layout: Text
    tokenizer: Any = field(repr=False)

    def __call__(self, record: Record) -> Prompt:
        """Lay out one record as the whole text, to learn it."""
        return self.layout(record)

    def opening(self, record: Record) -> Prompt:
        """Return what a model is given to write the rest of a record's text.

        White space at its end is left to the model where the tokenizer puts it before the next word, as most do: so the
        given tokens are those that the whole text begins with, as it was learned. Where beginning and rest stand
        without white space between them, a token of the whole text may reach over both. Raises InputError without
        ``beginning``, and for a record of which nothing is given.
        """
        layout = self.layout
        if layout.beginning is None:
            raise InputError(
                "prompt.beginning: null leaves nothing to ask with; set the part of prompt.text that is given, as in "
                "\"prompt.beginning='{question} '\""
            )
        given = layout.beginning.format(question=record.question, context=record.context)
        if not given.strip() and not layout.start:
            raise InputError(
                f"row '{record.id}': prompt.beginning={layout.beginning!r} comes out empty; set prompt.start=true, or "
                "leave the row out"
            )
        return Prompt(given=(Segment(Role.PROMPT, self._as_learned(given)),), answer=(), start=layout.start)

    def _as_learned(self, given: str) -> str:
        """Return the text without the white space at its end, unless its tokens are only with it those of a text."""
        stripped = given.rstrip()
        whole, *parts = self.tokenizer([given + PROBE, stripped, given], add_special_tokens=False)["input_ids"]
        kept = [whole[: len(part)] == part for part in parts]
        return given if kept == [False, True] else stripped


def _check_held(text: str, where: str, allowed: tuple[str, ...]) -> None:
    """Raise InputError for a text without a field, or with one that it may not hold."""
    if not check_fields(text, where, allowed):
        names = ", ".join(f"{{{name}}}" for name in allowed)
        raise InputError(f"{where}: wanted {names} in it, got {text!r}, which is the same for every record")
