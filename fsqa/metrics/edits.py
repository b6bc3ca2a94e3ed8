"""How many edits turn what was said into what was wanted."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence


def edit_distance(said: Sequence[Hashable], wanted: Sequence[Hashable]) -> int:
    """Return the fewest insertions, deletions and substitutions (Levenshtein) between two sequences.

    A column of the table of distances is held as bits, one number for its steps up and one for its steps down, so that
    a symbol costs a few operations on whole columns (Myers 1999, in the form of Hyyrö 2003).
    """
    if not wanted:
        return len(said)
    every, last = (1 << len(wanted)) - 1, 1 << (len(wanted) - 1)
    places: dict[Hashable, int] = {}
    for i, symbol in enumerate(wanted):
        places[symbol] = places.get(symbol, 0) | 1 << i
    up, down, distance = every, 0, len(wanted)
    for symbol in said:
        equal = places.get(symbol, 0)
        level = (((equal & up) + up) ^ up) | equal | down
        more, fewer = down | (every & ~(level | up)), level & up
        distance += bool(more & last) - bool(fewer & last)
        more = more << 1 | 1
        up = (fewer << 1 | ~(level | more)) & every
        down = level & more & every
    return distance


def edit_rate(said: Sequence[Hashable], references: Iterable[Sequence[Hashable]]) -> tuple[float, int]:
    """Return edits ÷ length for the reference where this is smallest, and that length; an empty one has length 1."""
    lengths = [(edit_distance(said, wanted), max(1, len(wanted))) for wanted in references]
    return min((edits / length, length) for edits, length in lengths)
