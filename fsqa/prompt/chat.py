"""A prompt in the words of a chat model: the tokenizer's own chat template."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from fsqa.errors import InputError
from fsqa.model.tokenizer import is_learned
from fsqa.prompt.base import BoundLayout, Layout
from fsqa.prompt.fields import check_answer_field, check_fields
from fsqa.prompt.template import first_answer
from fsqa.types import Prompt, Record, Role, Segment

Messages = list[dict[str, str]]

LEARNED_TEMPLATE = (
    "{% for message in messages %}{{ bos_token + message.role + '\n' + message.content + eos_token + '\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ bos_token + 'assistant\n' }}{% endif %}"
)
"""ChatML with the special tokens of a tokenizer that was learned from the data, which has no template of its own."""

PROBE = "PROBE"
"""Stands for an answer where only what the template writes after it is wanted."""


@dataclass(frozen=True, kw_only=True)
class Chat(Layout):
    """Lays a record out as a question of the user, which the assistant is about to answer."""

    system: str | None
    """What the assistant is told beforehand; null leaves it to the template."""
    user: str
    """What the user says; may hold ``{question}`` and ``{context}``."""
    answer: str
    """What the assistant says; holds ``{answer}``."""
    variables: dict[str, bool | int | float | str]
    """Further variables of the template."""

    def __post_init__(self) -> None:
        check_fields(self.user, "prompt.user", ("question", "context"))
        check_answer_field(self.answer, "prompt.answer")
        if not self.user.strip():
            raise InputError("prompt.user: wanted some text, such as '{question}', got none")

    def bound(self, tokenizer: Any) -> BoundLayout:
        """Return the chat in the tokenizer's template, and make what closes an answer there its end token."""
        if tokenizer.chat_template is None and is_learned(tokenizer):
            tokenizer.chat_template = LEARNED_TEMPLATE
        if tokenizer.chat_template is None:
            raise InputError(
                "prompt=chat: the tokenizer has no chat template; take a model that was tuned to chat, such as "
                "model=qwen2_5_0_5b_instruct, or prompt=question_answer"
            )
        closing = self._closing_token(tokenizer)
        if closing is not None and closing != tokenizer.eos_token:
            tokenizer.eos_token = closing
        return BoundChat(self, tokenizer)

    def messages(self, record: Record) -> Messages:
        """Return what is said before the answer."""
        asked = self.user.format(question=record.question, context=record.context)
        told = [] if self.system is None else [{"role": "system", "content": self.system}]
        return [*told, {"role": "user", "content": asked}]

    def rendered(self, tokenizer: Any, messages: Messages, *, answering: bool) -> str:
        """Return a conversation as text; when ``answering``, it ends where the assistant's words begin."""
        from jinja2.exceptions import TemplateError

        try:
            text: str = tokenizer.apply_chat_template(
                messages, tokenize=False, add_generation_prompt=answering, **self.variables
            )
        except (TemplateError, TypeError) as error:
            raise InputError(
                f"prompt: the tokenizer's chat template refuses this conversation: {' '.join(str(error).split())}; "
                "change prompt.system (null for none), prompt.user or prompt.variables"
            ) from None
        return text

    def _closing_token(self, tokenizer: Any) -> str | None:
        """Return the token that the template writes after the assistant's words; None when it writes none."""
        said = [{"role": "user", "content": PROBE}, {"role": "assistant", "content": PROBE}]
        after = self.rendered(tokenizer, said, answering=False).rpartition(PROBE)[2].lstrip()
        if not after:
            return None
        first = tokenizer(after, add_special_tokens=False)["input_ids"][0]
        if first not in tokenizer.added_tokens_decoder and first not in tokenizer.all_special_ids:
            raise InputError(
                f"prompt=chat: the chat template closes an answer with {after.split()[0]!r}, which is no special token "
                "of the tokenizer; add it with model.added_tokens, or take prompt=question_answer"
            )
        return str(tokenizer.convert_ids_to_tokens(first))


@dataclass(frozen=True)
class BoundChat:
    """A chat in the words of one tokenizer."""

    chat: Chat
    tokenizer: Any = field(repr=False)

    def __call__(self, record: Record) -> Prompt:
        """Lay out one record; the template opens the row itself, so there is no start token."""
        given = self.chat.rendered(self.tokenizer, self.chat.messages(record), answering=True)
        answer = Segment(Role.ANSWER, self.chat.answer.format(answer=first_answer(record)))
        return Prompt(given=(Segment(Role.PROMPT, given),), answer=(answer,), start=False)
