"""Prompts that mark where a question ends and where its answer does, with special tokens or in plain text."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from fsqa.errors import InputError
from fsqa.prompt.template import Template
from fsqa.types import Prompt, Record


@dataclass(frozen=True, kw_only=True)
class Tagged(Template):
    """Marks the parts with special tokens, of which one ends every answer.

    The tokenizer has to have them: the model needs a row for each before it is told how records are laid out.
    """

    tags: list[str]
    """Special tokens that stand in the segments."""
    end: str
    """The special token that ends an answer."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for tag in (*self.tags, self.end):
            if not tag.strip() or tag != tag.strip():
                raise InputError(
                    f"prompt.tags, prompt.end: wanted tokens without blanks around them, such as <END>, got {tag!r}"
                )
        written = "".join(text for segment in self.segments for text in segment.values())
        for tag in self.tags:
            if tag not in written:
                raise InputError(f"prompt.tags: '{tag}' stands in none of prompt.segments; take it out, or put it in")
        if self.end in written:
            raise InputError(
                f"prompt.segments: the end token '{self.end}' follows every answer by itself; take it out of them"
            )

    def bound(self, tokenizer: Any) -> Tagged:
        """Return itself, and make the end tag the tokenizer's end token."""
        special = set(tokenizer.all_special_ids)
        known = tokenizer.get_vocab()
        lacking = [tag for tag in (*self.tags, self.end) if known.get(tag) not in special]
        if lacking:
            wanted = ",".join(f"'{tag}'" for tag in (*self.tags, self.end))
            raise InputError(
                f"prompt: the tokenizer has no special token '{lacking[0]}'; set \"model.added_tokens=[{wanted}]\", or "
                "take prompt=tagged_text, which writes the tags as plain text"
            )
        if tokenizer.eos_token != self.end:
            tokenizer.eos_token = self.end
        return self


@dataclass(frozen=True, kw_only=True)
class TaggedText(Template):
    """Marks the parts in plain text; a text that is learned like the answer it follows ends every answer.

    The same text has to end what is generated: ``generation.stop``.
    """

    end: str
    """What follows every answer; the tokenizer's own end token follows it by itself."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.end.strip():
            raise InputError(f"prompt.end: wanted a text that ends answers, such as ' <END>', got {self.end!r}")

    def __call__(self, record: Record) -> Prompt:
        """Lay out one record, with the end behind its answer."""
        prompt = super().__call__(record)
        (answer,) = prompt.answer
        return replace(prompt, answer=(replace(answer, text=answer.text + self.end),))
