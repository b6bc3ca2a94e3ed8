"""A short guide to communication between people, asked about in many phrasings: data that a reader can follow.

It is closed-book question answering on one subject, with the questions that such a system has to refuse. Beside this
module lie the guide (``communication.md``), the questions about it with their answers, and near misses: questions that
use the guide's words and are about something else.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from fsqa.dataset.base import Dataset
from fsqa.dataset.chance import rank
from fsqa.dataset.content import content_hash
from fsqa.dataset.holdout import Draw
from fsqa.dataset.jsonl import read_lines
from fsqa.dataset.off_topic import OffTopic
from fsqa.dataset.refusals import KIND
from fsqa.errors import InputError
from fsqa.types import Record, Split

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

QUESTIONS = Path(__file__).with_name("communication_questions.txt")
NEAR_MISSES = Path(__file__).with_name("communication_near_misses.txt")

HELD_OUT: dict[Split, int] = {"validation": 1, "test": 2}
"""How many phrasings of each question are set aside; training has the others."""

FEWEST = sum(HELD_OUT.values()) + 1
"""A question needs so many phrasings at least."""

NEAR_MISS_HOLDOUT = {"validation": 0.1, "test": 0.2}
"""The share of the near misses of each theme that is set aside."""


@dataclass(frozen=True)
class Pair:
    """One question in all its phrasings, and the answer."""

    section: str
    """The section of the guide that it is answered from."""
    phrasings: dict[int, str]
    """The question in each phrasing, by the line it stands at."""
    answer: str


@dataclass(frozen=True, kw_only=True)
class Communication(Dataset):
    """Questions about the guide, each in several phrasings, and near misses that are to be refused.

    Validation and test ask every question in phrasings that training never used. Some questions training never asks
    at all: of these the kind is ``held_out``, of the others ``paraphrase``. In training the kind is the section.
    """

    phrasings: int
    """In how many phrasings training asks each question."""
    held_out: float
    """The share of questions, section by section, that training never asks."""
    near_misses: int
    """How many near misses are trained on; validation and test have others, whatever this is."""
    reply: str
    """What is said to a near miss."""
    seed: int
    """Decides what is held out and who gets which phrasing. It is no seed of the training."""

    def __post_init__(self) -> None:
        if not 0 <= self.held_out < 1:
            raise InputError(f"dataset.held_out is {self.held_out}; wanted a share of the questions, from 0 to below 1")
        if not self.reply.strip():
            raise InputError("dataset.reply is empty; write what is to be said to a question that is a near miss")
        for key, least, most in (("phrasings", 1, self._most_phrasings), ("near_misses", 0, self._most_near_misses)):
            if not least <= (number := getattr(self, key)) <= most:
                raise InputError(f"dataset.{key} is {number}; wanted {least} to {most}, which is all that there are")

    def records(self, split: Split, dropped: Counter[str]) -> Iterator[Record]:
        """Yield every question once before any is asked again, then the near misses; none is left out."""
        asked = HELD_OUT.get(split, self.phrasings)
        for turn in range(asked):
            for pair, unknown in zip(self._pairs, self._unknown, strict=True):
                if unknown and split == "train":
                    continue
                line = self._dealt(pair, split)[turn]
                kind = pair.section if split == "train" else "held_out" if unknown else "paraphrase"
                yield Record(f"{QUESTIONS.stem}:{line}", pair.phrasings[line], (pair.answer,), kind=kind)
        near_misses = self._refused.records(split, dropped)
        for record in islice(near_misses, self.near_misses) if split == "train" else near_misses:
            yield Record(f"{KIND}:{record.id}", record.question, (self.reply,), kind=KIND)

    def fingerprint(self) -> str:
        """Return a hash of the options and of the questions."""
        options = [self.phrasings, self.held_out, self.near_misses, self.reply, self.seed]
        stated = ["Communication", options, content_hash(QUESTIONS), self._refused.fingerprint()]
        return hashlib.sha256(json.dumps(stated).encode()).hexdigest()

    @cached_property
    def _pairs(self) -> list[Pair]:
        return read_pairs(QUESTIONS)

    @cached_property
    def _unknown(self) -> list[bool]:
        """Say of each pair whether training never asks it."""
        draw = Draw(seed=self.seed, purpose="questions never asked in training")
        for pair in self._pairs:
            draw.add(pair.section, pair.answer)
        return draw.sample(round(self.held_out * len(self._pairs))).tolist()

    @cached_property
    def _refused(self) -> OffTopic:
        return OffTopic(path=str(NEAR_MISSES), whole_themes={}, holdout=NEAR_MISS_HOLDOUT, seed=self.seed)

    @property
    def _most_phrasings(self) -> int:
        return min(len(pair.phrasings) for pair in self._pairs) - sum(HELD_OUT.values())

    @property
    def _most_near_misses(self) -> int:
        return sum(1 for _ in self._refused.records("train", Counter()))

    def _dealt(self, pair: Pair, split: Split) -> Sequence[int]:
        """Return the lines of the phrasings in which the split asks a question; no other split has one of them."""
        order = sorted(pair.phrasings, key=lambda line: rank(self.seed, "phrasing", pair.phrasings[line]))
        test, validation = HELD_OUT["test"], HELD_OUT["validation"]
        ends = {"test": (0, test), "validation": (test, test + validation), "train": (test + validation, len(order))}
        return order[slice(*ends[split])]


def read_pairs(file: Path) -> list[Pair]:
    """Return the questions of a file, in which ``# title`` opens a section and an empty line parts one from the next.

    A question is its phrasings, one a line, and below them the answer in a line that begins with ``= ``. Raises
    InputError for a line out of its place, for too few phrasings and for one that stands in the file twice.
    """
    pairs: list[Pair] = []
    places: dict[str, int] = {}
    section, phrasings = "", dict[int, str]()
    for number, line in [*read_lines(file), (0, "")]:
        text, place = line.strip(), f"{file}:{number}"
        if text.startswith("= "):
            if len(phrasings) < FEWEST:
                came = f"wanted {FEWEST} or more phrasings above the answer, came {len(phrasings)}"
                raise InputError(f"{place}: {came}; write one a line")
            pairs.append(Pair(section, phrasings, text.removeprefix("= ")))
            phrasings = {}
        elif phrasings and (not text or text.startswith("# ")):
            above = f"{file}:{max(phrasings)}"
            raise InputError(f"{above}: wanted the answer below the last phrasing, came none; write it as '= answer'")
        elif text.startswith("# "):
            section = text.removeprefix("# ")
        elif text and not section:
            raise InputError(f"{place}: wanted a heading such as '# Listening' above the first question")
        elif text:
            first = places.setdefault(" ".join(text.casefold().split()), number)
            if first != number:
                raise InputError(f"{place}: the phrasing stands at line {first} already; remove one of them")
            phrasings[number] = text
    if not pairs:
        raise InputError(f"{file} has no questions; write '# section', and below it phrasings and '= answer'")
    return pairs
