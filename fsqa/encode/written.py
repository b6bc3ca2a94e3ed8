"""What a model is given, as text: for clients that know nothing of prompts and roles."""

from __future__ import annotations

from fsqa.encode.base import Encoder
from fsqa.encode.masked import MaskedEncoder
from fsqa.prompt.base import BoundLayout
from fsqa.types import Prompt, Record


def written(encoder: Encoder, prompt: Prompt) -> str:
    """Write everything a model is given as one text, special tokens included.

    A client tokenises it as a whole and adds no special token of its own.
    """
    given = "".join(segment.text for segment in prompt.given)
    start = _token(encoder, encoder.start_id) if prompt.start else ""
    if isinstance(encoder, MaskedEncoder):
        separator = _token(encoder, encoder.separator_id)
        return start + given + separator + _token(encoder, encoder.mask_id) * encoder.masks + separator
    return start + given


def written_template(encoder: Encoder, layout: BoundLayout, with_context: bool) -> str:
    """Write the prompt of any question, with ``{question}`` and, where there is one, ``{context}`` in their places."""
    context = "{context}" if with_context else ""
    return written(encoder, layout(Record(id="", question="{question}", answers=("",), context=context)))


def _token(encoder: Encoder, token: int) -> str:
    return str(encoder.tokenizer.decode([token]))
