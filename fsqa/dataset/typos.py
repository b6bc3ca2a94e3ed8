"""Typing errors: what fingers on a keyboard make of a text."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fsqa.dataset.chance import Chance

ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
"""The letters of an English keyboard; each row stands about half a key to the right of the one above."""


def _neighbours() -> dict[str, str]:
    place = {
        letter: (row, 2 * column + row) for row, letters in enumerate(ROWS) for column, letter in enumerate(letters)
    }
    near: dict[str, str] = dict.fromkeys(sorted(place), "")
    for (letter, (row, column)), (other, (other_row, other_column)) in product(place.items(), sorted(place.items())):
        beside, aslant = (0, 2), (1, 1)  # rows and half keys apart
        if (abs(row - other_row), abs(column - other_column)) in (beside, aslant):
            near[letter] += other
    return near


NEIGHBOURS: Mapping[str, str] = _neighbours()
"""The keys that touch each letter's key: two to six of them."""


def mistyped(text: str, rate: float, chance: Chance) -> str:
    """Return the text with each letter mistyped at ``rate``, independently of the others.

    Only the letters a to z are, and never the first of a word, which people seldom get wrong; names keep their capital
    so. A letter is replaced by one whose key touches its own, left out, written twice or, where a letter follows,
    swapped with that: each as likely as the others.
    """
    typed = []
    place = 0
    while place < len(text):
        letter, following = text[place], text[place + 1 : place + 2]
        place += 1
        inside = place > 1 and text[place - 2].isalpha()
        if not (inside and letter.lower() in NEIGHBOURS and chance.happens(rate)):
            typed.append(letter)
            continue
        match chance.below(4 if following.isalpha() else 3):
            case 0:
                near = chance.one_of(NEIGHBOURS[letter.lower()])
                typed.append(near.upper() if letter.isupper() else near)
            case 1:
                pass
            case 2:
                typed.append(letter * 2)
            case _:
                typed.append(following + letter)
                place += 1
    return "".join(typed)


def careless(text: str) -> str:
    """Return the text as it is typed in haste: in lower case, and without punctuation but for that inside a word."""
    words = (word.strip(".,;:!?\"“”'‘’()[]") for word in text.lower().split())
    return " ".join(filter(None, words))
