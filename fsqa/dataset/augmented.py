"""Noisy questions: the questions of another dataset with typing errors and the slips of speech."""

from __future__ import annotations

import hashlib
import heapq
import json
from collections import Counter
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from fsqa.dataset.base import Dataset
from fsqa.dataset.chance import Chance, rank
from fsqa.dataset.disfluency import corrected, with_fillers, with_repetitions
from fsqa.dataset.nested import Part
from fsqa.dataset.typos import careless, mistyped
from fsqa.errors import InputError, did_you_mean
from fsqa.types import SPLITS, Record, Split

if TYPE_CHECKING:
    from collections.abc import Iterator

VERSION = 1
"""Goes into the fingerprint; raise it when the same options come to give other questions."""

POOL = 1000
"""How many training questions wrong words are taken from."""

DRAWN = 50
"""How many of them are looked at for one question."""

RATES = ("repetitions", "fillers", "corrections", "typos", "careless")


@dataclass(frozen=True, kw_only=True)
class Augmented(Dataset):
    """The questions of a dataset, noisy ones instead of them or beside them; answers and all else stay as they are.

    What becomes of a question hangs on its text, the seed and the training questions alone, not on the order. A copy
    may come out as the question was: so every split has as many rows as one expects.
    """

    questions: Dataset
    """The dataset whose questions become noisy."""
    splits: dict[str, Literal["clean", "noisy", "both"]]
    """Which questions each split has; the ones as they are if nothing is said of it."""
    copies: int
    """How many noisy questions are made of one."""
    repetitions: float
    """How often each word of a copy, but for the last, begins a stretch of one or two that is said twice."""
    fillers: float
    """How often a filler such as "um" stands before each word of a copy, but for the first."""
    corrections: float
    """The share of copies with words of another training question in them that are taken back at once."""
    typos: float
    """How often each letter of a copy, but for the first of each word, is mistyped."""
    careless: float
    """The share of copies in lower case and without punctuation."""
    seed: int
    """Another seed is other noise. It is no seed of the training."""

    def __post_init__(self) -> None:
        wanted = ("clean", "noisy", "both")
        for split, choice in self.splits.items():
            if split not in SPLITS:
                near = did_you_mean(split, SPLITS)
                raise InputError(f"dataset.splits has no key '{split}'; wanted {', '.join(SPLITS)}{near}")
            if choice not in wanted:
                near = did_you_mean(choice, wanted)
                raise InputError(f"dataset.splits.{split} is '{choice}'; wanted {', '.join(wanted)}{near}")
        if self.copies < 1:
            raise InputError(f"dataset.copies is {self.copies}; wanted 1 or more")
        for name in RATES:
            if not 0 <= (rate := getattr(self, name)) <= 1:
                raise InputError(f"dataset.{name} is {rate}; wanted a share from 0 to 1")
        if not any(getattr(self, name) for name in RATES):
            raise InputError(f"dataset: {', '.join(RATES)} are all 0, so there is no noise; set one of them above 0")

    def records(self, split: Split, dropped: Counter[str]) -> Iterator[Record]:
        """Yield each record of the split, its noisy copies (``<id>~1`` and on) right behind it, or these alone."""
        choice = self.splits.get(split, "clean")
        for record in self._questions.records(split, dropped):
            if choice != "noisy":
                yield record
            if choice != "clean":
                for copy in range(1, self.copies + 1):
                    yield replace(record, id=f"{record.id}~{copy}", question=self.noisy(record.question, copy))

    def fingerprint(self) -> str:
        """Return a hash of the options and of the dataset below."""
        rates = {name: getattr(self, name) for name in RATES}
        stated = [VERSION, self.splits, self.copies, rates, self.seed, self._questions.fingerprint()]
        return hashlib.sha256(json.dumps(["Augmented", stated], sort_keys=True).encode()).hexdigest()

    def noisy(self, question: str, copy: int) -> str:
        """Return one of the noisy forms of a question; they are numbered from 1."""
        chance = Chance(self.seed, f"noise {copy}", question)
        said = with_fillers(with_repetitions(question, self.repetitions, chance), self.fillers, chance)
        if chance.happens(self.corrections):
            said = corrected(said, self._similar(question, chance), chance)
        typed = mistyped(said, self.typos, chance)
        return careless(typed) or typed if chance.happens(self.careless) else typed

    def _similar(self, question: str, chance: Chance) -> str:
        """Return, of some training questions, the one with most words of this one: what could have been meant."""
        words = _words(question)
        drawn = (chance.one_of(self._pool) for _ in range(DRAWN))
        others = [(other, known) for other, known in drawn if other != question]
        return max(others, key=lambda other: len(words & other[1]), default=(question, words))[0]

    @property
    def _questions(self) -> Part:
        return Part("questions", self.questions)

    @cached_property
    def _pool(self) -> list[tuple[str, frozenset[str]]]:
        """A sample of the training questions, with their words: the smallest ranks, so that order does not matter."""
        asked = (record.question for record in self._questions.records("train", Counter()))
        sample = heapq.nsmallest(POOL, asked, key=lambda question: (rank(self.seed, "pool", question), question))
        return [(question, _words(question)) for question in sample]


def _words(question: str) -> frozenset[str]:
    return frozenset(question.lower().split())
