"""Prompts: how a record is laid out as text."""

from fsqa.prompt.chat import Chat
from fsqa.prompt.tagged import Tagged, TaggedText
from fsqa.prompt.template import Template
from fsqa.prompt.text import Text

__all__ = ["Chat", "Tagged", "TaggedText", "Template", "Text"]
