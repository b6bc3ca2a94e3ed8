"""Colours that stay apart for colour-blind eyes, on paper and on a dark screen."""

LIGHT = ("#0b6fb8", "#d1570b", "#0a8f6c", "#b5528f", "#a97a00", "#5a5fc7", "#4c9fd6", "#7a6a5d")
"""Okabe and Ito's colours, darkened where they are too pale on white."""
DARK = ("#5cb3f0", "#f08a4b", "#3cc79e", "#e58cc0", "#e3b341", "#9a9ef5", "#9ad4f7", "#bcab9b")
"""The same hues for a dark ground."""
DASHES = ("", "7 4", "2 3")
"""A second cue, used when the colours come round again."""


def colour(index: int) -> int:
    """Return the place in the palette of the cell at ``index``."""
    return index % len(LIGHT)


def dash(index: int) -> str:
    """Return the dash pattern of the cell at ``index``; empty for a full line."""
    return DASHES[index // len(LIGHT) % len(DASHES)]
