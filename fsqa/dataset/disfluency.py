"""Spoken questions: fillers, words said twice, false starts, and wrong words that are put right at once.

A correction has three parts: what was wrong, a cue that it was, and what it should have been. The wrong part comes from
another question, so that it could have been meant.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fsqa.dataset.chance import Chance

FILLERS = ("uh", "um", "er", "hmm", "well", "you know", "I mean", "let me see", "so")
"""What is said while thinking. One of them is a cue as well: it does not always put something right."""

CUES = (
    *("no wait", "no sorry", "I mean", "or rather", "make that", "scratch that", "sorry I meant", "no not that"),
    *("actually no", "wait no", "uh no", "oh hold on", "well no", "my mistake", "I meant to say", "forget that"),
)
"""What is said to take back the words before it."""

QUESTION_WORDS = ("what", "which", "who", "whom", "where", "when", "why", "how")
STARTERS = frozenset(
    [
        *QUESTION_WORDS,
        *("whose", "in", "on", "at", "to", "from", "for", "with", "by", "of", "about", "as", "if", "the", "a", "an"),
        *("can", "could", "do", "does", "did", "is", "are", "was", "were", "has", "have", "had", "may", "should"),
        *("will", "would", "name", "tell", "give", "please"),
    ]
)
"""Words whose capital is that of the sentence, not that of a name."""

_CAPITAL = r"(?!I\b)[A-Z][\w'’-]*"
_NUMBER = r"\d[\d,.]*\d|\d"
_NAME = re.compile(rf"(?<=\s)(?:{_CAPITAL}(?:\s+(?:(?:of|the|in|at|by)\s+)*{_CAPITAL})*|{_NUMBER})")
_ARTICLES = ("a", "an", "the")


@dataclass(frozen=True)
class Span:
    """A stretch of a question that can be put wrong."""

    start: int
    end: int

    def of(self, text: str) -> str:
        """Return the stretch itself."""
        return text[self.start : self.end]


def names(text: str) -> list[Span]:
    """Return the names and numbers of a text, but for one at its beginning.

    A name is a word with a capital, or several of them with small words such as *of the* between.
    """
    return [Span(*found.span()) for found in _NAME.finditer(text)]


def with_fillers(text: str, rate: float, chance: Chance) -> str:
    """Return the text with one of the fillers before each word, but for the first, at ``rate``."""
    first, *others = text.split() or [""]
    return " ".join([first, *(f"{chance.one_of(FILLERS)} {word}" if chance.happens(rate) else word for word in others)])


def with_repetitions(text: str, rate: float, chance: Chance) -> str:
    """Return the text with a stretch of one or two words said twice, beginning at each word at ``rate``.

    One and two are equally likely; an article takes the next word with it. The last word of the text, which has the
    mark behind it, is not said twice.
    """
    words = text.split()
    said: list[str] = []
    place = 0
    while place < len(words):
        size = 1
        if chance.happens(rate):
            size = 2 if chance.below(2) or words[place].lower() in _ARTICLES else 1
            if place + size >= len(words):
                break
            said.append(" ".join(words[place : place + size]))
        again = " ".join(words[place : place + size])
        said.append(uncapitalised(again) if said and not place else again)
        place += size
    return " ".join([*said, *words[place:]])


def hesitant(text: str, chance: Chance) -> str:
    """Say two words twice, or one with a filler between: *Who founded um founded Rome?*; a short text opens with um."""
    words = text.split()
    if len(words) < 3:
        return f"{chance.one_of(FILLERS)} {uncapitalised(text)}"
    place = chance.below(len(words) - 2)
    size = 1 + chance.below(2)
    between = [chance.one_of(FILLERS)] if size == 1 else []
    stretch = words[place : place + size]
    again = [uncapitalised(stretch[0]), *stretch[1:]] if place == 0 else stretch
    return " ".join([*words[:place], *stretch, *between, *again, *words[place + size :]])


def substituted(text: str, span: Span, wrong: str, chance: Chance) -> str:
    """Say a wrong thing and at once the right one: *Who founded Oslo no wait Rome in the end?*."""
    return f"{text[: span.start]}{wrong} {chance.one_of(CUES)} {text[span.start :]}"


def retraced(text: str, span: Span, wrong: str, chance: Chance) -> str:
    """Say a wrong thing, go back one to three words, and say it right: *Who founded Oslo no wait founded Rome?*."""
    before = text[: span.start].split()
    again = " ".join(before[-1 - chance.below(3) :])
    return f"{text[: span.start]}{wrong} {chance.one_of(CUES)} {again} {text[span.start :]}"


def afterthought(text: str, span: Span, wrong: str, chance: Chance) -> str:
    """Ask the whole question wrongly and add what was meant: *Where was Ann born no sorry Bea?*."""
    mark = text[-1] if text[-1] in "?.!" else ""
    asked = f"{text[: span.start]}{wrong}{text[span.end :]}".removesuffix(mark)
    return f"{asked} {chance.one_of(CUES)} {span.of(text)}{mark}"


def restarted(text: str, other: str, chance: Chance) -> str:
    """Begin another question, two words of it or more, and then ask this one: *What is no wait who founded Rome?*."""
    words = other.rstrip("?.!").split()
    begun = words[: 2 + chance.below(max(len(words) - 2, 1))]
    return f"{' '.join(begun)} {chance.one_of(CUES)} {uncapitalised(text)}"


def misasked(text: str, chance: Chance) -> str:
    """Begin with another question word: *When no wait where was Ann born?*; the text has to begin with one."""
    right = text.split()[0].lower()
    wrong = chance.one_of([word for word in QUESTION_WORDS if word != right])
    return f"{wrong.capitalize()} {chance.one_of(CUES)} {uncapitalised(text)}"


def uncapitalised(text: str) -> str:
    """Return a sentence as it stands after other words; a name at its beginning keeps its capital."""
    first = text.split(maxsplit=1)[0] if text else ""
    return text[0].lower() + text[1:] if first.lower().rstrip("?!.,") in STARTERS else text


SUBSTITUTIONS: Mapping[str, Callable[[str, Span, str, Chance], str]] = {
    "substitution": substituted,
    "retrace": retraced,
    "afterthought": afterthought,
}
"""Ways to say a wrong thing for a stretch of a question, and put it right."""


def corrected(text: str, other: str, chance: Chance) -> str:
    """Return a question as said by somebody who had the other question in mind first.

    Where both have a name, or both a number, half of the corrections are of that, each way of them equally likely; all
    others are restarts. Nothing changes if the questions are the same.
    """
    if text == other:
        return text
    others = [span.of(other) for span in names(other)]
    pairs = [
        (span, wrong)
        for span in names(text)
        for wrong in others
        if wrong[0].isdigit() == span.of(text)[0].isdigit() and wrong != span.of(text)
    ]
    if not pairs or chance.below(2):
        return restarted(text, other, chance)
    span, wrong = chance.one_of(pairs)
    return chance.one_of(tuple(SUBSTITUTIONS.values()))(text, span, wrong, chance)
