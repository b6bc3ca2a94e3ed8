"""A prompt written as a list of segments, each with a role."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from string import Formatter
from typing import Any

from fsqa.errors import InputError, did_you_mean
from fsqa.prompt.base import Layout
from fsqa.prompt.fields import check_answer_field, check_fields
from fsqa.types import Prompt, Record, Role, Segment

Parts = list[tuple[str, str | None]]
"""A text as pieces that stand as they are, each with the field that follows it, if any does."""

ROLES = {role.name.lower(): role for role in (Role.PROMPT, Role.CONTEXT, Role.ANSWER)}


@dataclass(frozen=True, kw_only=True)
class Template(Layout):
    """Lays a record out as segments of text: some given, then the answer.

    The end token is not written here: it closes every answer by itself.
    """

    start: bool
    """Whether the tokenizer's start token opens the row, so that the first word has a prediction too."""
    segments: list[dict[str, str]]
    """One ``{role: text}`` each; the text may hold ``{question}``, ``{context}`` and ``{answer}``."""

    def __post_init__(self) -> None:
        if not self.segments:
            raise InputError("prompt.segments: wanted at least a prompt and an answer segment, got none")
        for position, segment in enumerate(self.segments):
            _check_segment(segment, f"prompt.segments[{position}]")
        roles = [next(iter(segment)) for segment in self.segments]
        if roles.count("answer") != 1 or roles[-1] != "answer":
            raise InputError(
                f"prompt.segments: wanted one answer segment, at the end, got roles {roles}; "
                "what follows the answer would never be generated"
            )
        if not self.start and not any(segment.get("prompt") for segment in self.segments):
            raise InputError("prompt: nothing stands before the answer; add a prompt segment or set prompt.start=true")

    def bound(self, tokenizer: Any) -> Template:
        """Return itself: it takes nothing from a tokenizer."""
        return self

    def __call__(self, record: Record) -> Prompt:
        """Lay out one record; the answer is the record's first. Segments that come out empty are left out."""
        *given, (_, answer) = self._parsed
        values = {"question": record.question, "context": record.context, "answer": first_answer(record)}
        filled = [(role, _filled(parts, values)) for role, parts in given]
        return Prompt(
            given=tuple([Segment(role, text) for role, text in filled if text]),
            answer=(Segment(Role.ANSWER, _filled(answer, values)),),
            start=self.start,
            answer_start=record.answer_starts[0] if record.answer_starts else None,
        )

    @cached_property
    def _parsed(self) -> list[tuple[Role, Parts]]:
        """The role and the parts of each segment, read once: a format is parsed anew each time it is used."""
        return [
            (ROLES[role], [(literal, name) for literal, name, _, _ in Formatter().parse(text)])
            for segment in self.segments
            for role, text in segment.items()
        ]


def _filled(parts: Parts, values: Mapping[str, str]) -> str:
    """Put the values into the fields of a text."""
    return "".join([literal + values[name] if name else literal for literal, name in parts])


def _check_segment(segment: dict[str, str], where: str) -> None:
    if not isinstance(segment, dict) or len(segment) != 1:
        raise InputError(f"{where}: wanted one 'role: text' pair, got {segment!r}")
    ((role, text),) = segment.items()
    if role not in ROLES:
        raise InputError(
            f"{where}: no role named '{role}'{did_you_mean(role, ROLES)}; the roles are {', '.join(ROLES)}"
        )
    if not isinstance(text, str):
        raise InputError(f"{where}.{role}: wanted text, got {type(text).__name__} {text!r}")
    if role == "answer":
        check_answer_field(text, f"{where}.{role}")
    else:
        check_fields(text, f"{where}.{role}", ("question", "context"))


def first_answer(record: Record) -> str:
    """Return the answer that is trained on; a question without any is an InputError, since nothing can follow it."""
    if not record.answers and not record.question:
        raise InputError(
            f"{record.id}: wanted a question and an answer, came a document; take experiment=language_model, which "
            "learns plain text, or another dataset"
        )
    if not record.answers:
        raise InputError(
            f"{record.id}: wanted an answer to {record.question!r:.80}, came none; questions without answers are to be "
            "mixed in as refusals: dataset=atlas_with_refusals shows how, or take another dataset"
        )
    return record.answers[0]
