"""Windows of a document: the question, and as much of the document as fits, again and again until its end."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fsqa.encode.base import Encoder, example
from fsqa.errors import InputError
from fsqa.types import Example, Prompt, Role

SPECIALS = 3
"""Tokens of a row that are neither question nor document: the first, and one after each."""

Place = tuple[int, int]
"""Where a token stands in its document: its first character and the one after its last, without outer white space."""


@dataclass(frozen=True, slots=True)
class Window:
    """One row that a model is asked with, and where its tokens stand in the document."""

    ids: list[int]
    begin: int
    """Which token of the document is the window's first."""
    inside: range
    """Where the window's tokens stand in the row."""
    places: Sequence[Place]
    """Where each token of the whole document stands in its text."""
    truncated: int
    """How many tokens of the question were cut."""
    record: int
    """Which of the prompts the row belongs to."""

    def roles(self, answer: range = range(0)) -> list[int]:
        """Return the role of every token; ``answer`` are tokens of the document, marked if the window has them all."""
        roles = [int(Role.PROMPT)] * len(self.ids)
        shift = self.inside.start - self.begin
        roles[self.inside.start : self.inside.stop] = [int(Role.CONTEXT)] * len(self.inside)
        if answer and answer.start + shift >= self.inside.start and answer.stop + shift <= self.inside.stop:
            roles[answer.start + shift : answer.stop + shift] = [int(Role.ANSWER)] * len(answer)
        return roles

    def place(self, first: int, last: int) -> slice:
        """Return which characters of the document the tokens from ``first`` to ``last`` in the row are."""
        shift = self.inside.start - self.begin
        return slice(self.places[first - shift][0], self.places[last - shift][1])


class WindowEncoder(Encoder):
    """Rows ``[CLS] question [SEP] window of the document [SEP]``.

    A window begins ``stride`` tokens after the one before it, until one reaches the end of the document. The answer's
    tokens have their role in every window that holds the whole answer; a window without an answer says "not here".
    The answer's place in the text is exact to the token: a token that holds a letter of the answer belongs to it.
    """

    def __init__(self, *, tokenizer: Any, max_length: int, stride: int, max_question_tokens: int) -> None:
        super().__init__(tokenizer=tokenizer, max_length=max_length)
        if not getattr(tokenizer, "is_fast", False):
            raise InputError("model: objective=extractive needs a fast tokenizer, which tells where each token stands")
        check_room(max_length, stride, max_question_tokens)
        self.stride, self.max_question_tokens = stride, max_question_tokens

    @property
    def fingerprint(self) -> list[object]:
        """Everything beside the tokenizer that decides the rows."""
        return [*super().fingerprint, self.stride, self.max_question_tokens]

    def examples(self, prompts: Sequence[Prompt], names: Sequence[str]) -> list[Example]:
        """Encode every window of every prompt's document, the answer marked where a window holds it."""
        windows = self.windows(prompts, names)
        answers = {window.record: window.places for window in windows}
        spans = {i: _answer_tokens(prompts[i], places, names[i]) for i, places in answers.items()}
        return [
            example(window.ids, window.roles(spans[window.record]), window.truncated, window.record)
            for window in windows
        ]

    def windows(self, prompts: Sequence[Prompt], names: Sequence[str] | None = None) -> list[Window]:
        """Encode what a model is asked with: every window of every prompt's document, in order.

        Each document is tokenised once, however many prompts share it. Raises InputError, with the prompt's name, for
        a prompt without a document.
        """
        documents = [document(prompt, names[i] if names else "") for i, prompt in enumerate(prompts)]
        questions = self.tokenize(
            [[s.text for s in prompt.given if s.role is Role.PROMPT] for prompt in prompts],
        )
        tokenised = self._documents(dict.fromkeys(documents))
        windows = []
        for record, (pieces, text) in enumerate(zip(questions, documents, strict=True)):
            question = [token for piece in pieces for token in piece]
            cut = max(0, len(question) - self.max_question_tokens)
            head = [self.start_id, *question[cut:], self.end_id]
            ids, places = tokenised[text]
            room = self.max_length - len(head) - 1
            for begin in _beginnings(len(ids), room, self.stride):
                row = [*head, *ids[begin : begin + room], self.end_id]
                windows.append(Window(row, begin, range(len(head), len(row) - 1), places, cut, record))
        return windows

    def _documents(self, texts: Mapping[str, None]) -> dict[str, tuple[list[int], list[Place]]]:
        if not texts:
            return {}
        encoded = self.tokenizer(
            list(texts), add_special_tokens=False, return_attention_mask=False, return_offsets_mapping=True
        )
        return {
            text: (ids, [_trimmed(text, *place) for place in places])
            for text, ids, places in zip(texts, encoded["input_ids"], encoded["offset_mapping"], strict=True)
        }


def check_room(max_length: int, stride: int, max_question_tokens: int) -> None:
    """Raise InputError when a row may be too short for its question and ``stride`` tokens of the document.

    A window shorter than the stride would leave a gap before the next.
    """
    least = SPECIALS + max_question_tokens + stride
    if max_length < least:
        raise InputError(
            f"max_length={max_length} has no room for objective.max_question_tokens={max_question_tokens}, "
            f"{SPECIALS} special tokens and objective.stride={stride} tokens of the document; raise max_length to "
            f"{least} or more, or lower the other two"
        )


def model_inputs(model: Any, ids: Any, roles: Any) -> dict[str, Any]:
    """Return what a model is fed with padded rows: ids, mask, and BERT's token types where the model has two.

    ``ids`` and ``roles`` are tensors of shape [batch, time]; the document and all that follows it is of type 1.
    """
    inputs = {"input_ids": ids, "attention_mask": (roles != Role.PAD).long()}
    if getattr(model.config, "type_vocab_size", 0) >= 2:
        in_document = (roles == Role.CONTEXT) | (roles == Role.ANSWER)
        inputs["token_type_ids"] = ((in_document.cumsum(dim=1) > 0) & (roles != Role.PAD)).long()
    return inputs


def document(prompt: Prompt, name: str = "") -> str:
    """Return the text that the answer is to be found in; none at all is an InputError."""
    texts = [segment.text for segment in prompt.given if segment.role is Role.CONTEXT]
    if len(texts) != 1:
        where = f"{name}: " if name else ""
        raise InputError(
            f"{where}wanted one document to find the answer in, got {len(texts) or 'none'}; give the question its "
            "context"
        )
    return texts[0]


def _answer_tokens(prompt: Prompt, places: Sequence[Place], name: str) -> range:
    """Return the tokens of the document that hold a letter of the answer; none when the question has no answer."""
    (answer,) = prompt.answer
    wanted, text, start = answer.text, document(prompt, name), prompt.answer_start
    if not wanted:
        return range(0)
    if start is None:
        raise InputError(
            f"{name}: nothing says where the answer stands in its document; objective=extractive needs a dataset that "
            "does, such as dataset=squad"
        )
    if not text.startswith(wanted, start):
        raise InputError(
            f"{name}: wanted the answer {wanted!r:.60} at character {start} of the document, found "
            f"{text[start : start + len(wanted)]!r:.60}; set prompt=extractive, which adds nothing to either"
        )
    begin, end = _trimmed(text, start, start + len(wanted))
    first = bisect_right(places, begin, key=lambda place: place[1])
    behind = bisect_left(places, end, key=lambda place: place[0])
    if first >= behind:
        raise InputError(f"{name}: the answer {wanted!r:.60} has no token in this tokenizer")
    return range(first, behind)


def _beginnings(length: int, room: int, stride: int) -> range:
    """Return where the windows begin: the first that reaches the end is the last."""
    behind = max(0, length - room)
    return range(0, behind + stride if behind else 1, stride)


def _trimmed(text: str, start: int, end: int) -> Place:
    """Take white space off a token's ends: byte-level tokens begin with the blank before their word."""
    piece = text[start:end]
    begin = end - len(piece.lstrip())
    return begin, max(begin, start + len(piece.rstrip()))
