"""Chance: the same for the same text, and as likely as asked for."""

from collections import Counter

import pytest

from fsqa.dataset.chance import Chance, rank


def numbers(seed, purpose, text):
    chance = Chance(seed, purpose, text)
    return [chance.below(1000) for _ in range(5)]


def test_it_is_pinned():
    assert rank(0, "a", "text") == 1876630169940970929
    assert numbers(0, "a", "text") == [945, 463, 196, 311, 238]


def test_seed_purpose_and_text_decide():
    same = numbers(0, "a", "text")
    assert numbers(0, "a", "text") == same
    assert same not in (numbers(1, "a", "text"), numbers(0, "b", "text"), numbers(0, "a", "other"))


@pytest.mark.parametrize("probability", [0.0, 0.2, 1.0])
def test_things_happen_as_often_as_is_likely(probability):
    happened = sum(Chance(0, "often", str(text)).happens(probability) for text in range(10_000))
    assert happened == pytest.approx(10_000 * probability, abs=120)  # 3 standard deviations


def test_choices_are_equally_likely():
    drawn = Counter(Chance(0, "choice", str(text)).one_of("abcd") for text in range(8_000))
    assert set(drawn) == set("abcd")
    assert max(drawn.values()) - min(drawn.values()) < 240
