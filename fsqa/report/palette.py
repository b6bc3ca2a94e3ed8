"""Colours that stay apart for colour-blind eyes, on paper and on a dark screen."""

from collections.abc import Sequence

from fsqa.study.cells import Cell

LIGHT = ("#0b6fb8", "#d1570b", "#0a8f6c", "#b5528f", "#a97a00", "#5a5fc7", "#4c9fd6", "#7a6a5d")
"""Okabe and Ito's colours, darkened where they are too pale on white."""
DARK = ("#5cb3f0", "#f08a4b", "#3cc79e", "#e58cc0", "#e3b341", "#9a9ef5", "#9ad4f7", "#bcab9b")
"""The same hues for a dark ground."""


def cell_colours(cells: Sequence[Cell]) -> dict[str, int]:
    """Return the place in the palette of each cell: its own, or with many cells that of its first differing value."""
    if len(cells) <= len(LIGHT):
        return {cell.label: place for place, cell in enumerate(cells)}
    first = {cell.label: next(iter(cell.parts.values()), "") for cell in cells}
    values = list(dict.fromkeys(first.values()))
    return {label: values.index(value) % len(LIGHT) for label, value in first.items()}


def curve_colours(labels: Sequence[str], cells: Sequence[Cell]) -> dict[str, int]:
    """Return the colour of each curve: that of its cell, or one after the other where cells share a colour."""
    own = cell_colours(cells)
    if len({own[label] for label in labels}) == len(labels):
        return {label: own[label] for label in labels}
    return {label: place % len(LIGHT) for place, label in enumerate(labels)}
