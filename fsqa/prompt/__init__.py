"""Prompts: how a record is laid out as text."""

from fsqa.prompt.template import Template

__all__ = ["Template"]
