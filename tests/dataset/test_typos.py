"""Typing errors: of four kinds, as often as asked for, and never where they would hide the word."""

import pytest

from fsqa.dataset.chance import Chance
from fsqa.dataset.typos import NEIGHBOURS, careless, mistyped


class Scripted:
    """Chance that does as it is told: yes or no, and then which."""

    def __init__(self, happens, below):
        self._happens, self._below = iter(happens), iter(below)

    def happens(self, probability):
        return next(self._happens, False)

    def below(self, size):
        return next(self._below)

    def one_of(self, choices):
        return choices[0]


def test_neighbours_touch_on_the_keyboard():
    assert NEIGHBOURS["g"] == "bfhtvy"
    assert NEIGHBOURS["q"] == "aw"
    assert NEIGHBOURS["m"] == "jkn"
    assert len(NEIGHBOURS) == 26
    assert all(letter in NEIGHBOURS[other] for letter, others in NEIGHBOURS.items() for other in others)


@pytest.mark.parametrize(
    ("kind", "typed"),
    [(0, "fbunded"), (1, "funded"), (2, "foounded"), (3, "fuonded")],
    ids=["neighbour", "left-out", "doubled", "swapped"],
)
def test_the_four_kinds(kind, typed):
    expected = typed.replace("fbunded", f"f{NEIGHBOURS['o'][0]}unded")
    assert mistyped("founded", 1, Scripted([True], [kind])) == expected


def test_a_capital_stays_one():
    assert mistyped("NATO", 1, Scripted([True], [0])) == f"N{NEIGHBOURS['a'][0].upper()}TO"


def test_the_last_letter_is_not_swapped():
    for text in range(200):
        assert mistyped("an x", 1, Chance(0, "last", str(text))) in {"a x", "ann x", "ab x", "ah x", "aj x", "am x"}


def test_first_letters_digits_and_marks_stay():
    for text in range(50):
        chance = Chance(0, "typos", str(text))
        typed = mistyped("In 1984, was Éva's x² born?", 1, chance).split()
        assert [word[0] for word in typed] == list("I1wÉxb")
        assert typed[1] == "1984,"
        assert typed[4] == "x²"


def test_the_rate_is_that_of_letters():
    text = "abcdefghij " * 2000  # nine letters of each word can be mistyped
    typed = mistyped(text, 0.04, Chance(3, "typos", text))
    wrong = sum(word != "abcdefghij" for word in typed.split())
    assert wrong == pytest.approx(2000 * (1 - 0.96**9), rel=0.1)
    assert mistyped(text, 0, Chance(3, "typos", text)) == text


def test_careless():
    assert careless("Who wrote “The Tide”, in St. Ives (1984)?") == "who wrote the tide in st ives 1984"
    assert careless("What is Ann's e-mail?") == "what is ann's e-mail"
    assert careless("?!") == ""
