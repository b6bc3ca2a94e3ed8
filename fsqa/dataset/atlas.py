"""The atlas: questions about a made-up world, for trying out the whole of fsqa without a download.

It is closed-book question answering in small. Every fact of the world is asked in training, in several phrasings;
validation and test ask for the same facts in phrasings that training never used. So a model has to keep the facts in
its weights *and* understand the question. Nothing is stored: facts and names are worked out by index, so a million
questions take no more memory than a thousand.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from fsqa.dataset import atlas_words
from fsqa.dataset.atlas_names import Shuffle, draw
from fsqa.dataset.atlas_world import PHRASINGS, World
from fsqa.dataset.base import Dataset
from fsqa.errors import InputError
from fsqa.types import SPLITS, Record, Split

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterator

VERSION = 1
"""Goes into the fingerprint; raise it when the same parameters come to give other records."""

RELATIONS: tuple[tuple[str, str], ...] = tuple(
    (kind, relation) for kind, relations in PHRASINGS.items() for relation in relations
)
"""Every relation with the kind of subject it is asked about, in the order in which facts are numbered."""

HELD_OUT: dict[Split, int] = {"validation": 2, "test": 3}
"""How many phrasings of each relation are set aside; training has the others."""

TRAIN_PHRASINGS = min(len(forms) for group in PHRASINGS.values() for forms in group.values()) - sum(HELD_OUT.values())
"""The most phrasings in which training can ask one fact."""


@dataclass(frozen=True, kw_only=True)
class Atlas(Dataset):
    """Questions about a generated world of countries, cities, people and their works."""

    questions: int
    """Questions to train on. The world has ``questions / phrasings`` facts, rounded up."""
    phrasings: int
    """In how many phrasings training asks each fact."""
    validation_questions: int
    """At most so many: there are no more than two for each fact."""
    test_questions: int
    """At most so many: there are no more than three for each fact."""
    seed: int
    """Another seed is another world, with other phrasings held out. It is no seed of the training."""

    def __post_init__(self) -> None:
        if not 1 <= self.phrasings <= TRAIN_PHRASINGS:
            raise InputError(
                f"dataset.phrasings must be from 1 to {TRAIN_PHRASINGS}, but is {self.phrasings}: each relation has "
                f"{TRAIN_PHRASINGS} phrasings for training; set dataset.phrasings={TRAIN_PHRASINGS} or less"
            )
        least = self.phrasings * len(RELATIONS)
        if self.questions < least:
            raise InputError(
                f"dataset.questions must be at least {least}, but is {self.questions}: the atlas asks one fact or more "
                f"of each of its {len(RELATIONS)} relations in dataset.phrasings={self.phrasings} phrasings; "
                f"set dataset.questions={least} or more"
            )
        for key in ("validation_questions", "test_questions"):
            if (number := getattr(self, key)) < 1:
                raise InputError(f"dataset.{key} must be at least 1, but is {number}; set dataset.{key}=1 or more")
        if self.seed < 0:
            raise InputError(f"dataset.seed must be 0 or more, but is {self.seed}; set dataset.seed=0 or more")

    @property
    def facts(self) -> int:
        """How many facts the world has, all of them asked in training."""
        return -(-self.questions // self.phrasings)

    def count(self, split: Split) -> int:
        """Return how many questions the split has."""
        if split == "train":
            return self.questions
        wanted = self.validation_questions if split == "validation" else self.test_questions
        return min(wanted, self.facts * HELD_OUT[split])

    def phrasings_of(self, split: Split, relation: str) -> tuple[str, ...]:
        """Return the phrasings in which the split asks for the relation; no other split has one of them."""
        return self._phrasings[split][relation]

    def records(self, split: Split, dropped: Counter[str]) -> Iterator[Record]:
        """Yield the split's records in a fixed order; no row is ever left out.

        The order goes round all facts before any is asked again, one relation after the other: every stretch of it is
        balanced, and a split that holds fewer questions than there are facts asks a fair sample of them.
        """
        world = World(self.seed, -(-self.facts // len(RELATIONS)))
        rows = Shuffle.of(self.facts // len(RELATIONS), self.seed, split)
        for number in range(self.count(split)):
            asked, position = divmod(number, self.facts)
            row, relation_number = divmod(position, len(RELATIONS))
            kind, relation = RELATIONS[relation_number]
            subject = rows[row] if row < rows.size else row  # the last row may lack some relations: it stays last
            forms = self._phrasings[split][relation]
            form = forms[(draw(self.seed, "first phrasing", relation_number, subject) + asked) % len(forms)]
            yield Record(
                id=f"atlas-{split}-{number:06d}",
                question=form.format(world.name(kind, subject)),
                answers=world.answers(relation, subject),
                kind=relation,
            )

    def fingerprint(self) -> str:
        """Return a digest of the parameters and of everything that records are made from."""
        words = {name: value for name, value in vars(atlas_words).items() if name.isupper()}
        stated = {"version": VERSION, "parameters": asdict(self), "phrasings": self._phrasings, "words": words}
        return hashlib.sha256(json.dumps(stated, sort_keys=True).encode()).hexdigest()

    @cached_property
    def _phrasings(self) -> dict[Split, dict[str, tuple[str, ...]]]:
        """Deal each relation's phrasings to the splits, in an order drawn from the seed."""
        dealt: dict[Split, dict[str, tuple[str, ...]]] = {split: {} for split in SPLITS}
        for relation_number, (kind, relation) in enumerate(RELATIONS):
            forms = PHRASINGS[kind][relation]
            order = sorted(range(len(forms)), key=lambda form: draw(self.seed, "phrasing", relation_number, form))
            taken = 0
            for split, size in HELD_OUT.items():
                dealt[split][relation] = tuple(forms[form] for form in order[taken : taken + size])
                taken += size
            dealt["train"][relation] = tuple(forms[form] for form in order[taken:])
        return dealt
