"""Rewrites: questions about the atlas as somebody says them who stumbles, to be turned into the questions meant.

It is Disfl-QA in small, made on the spot: a question is disfluent, and its answer is the same question without the
slip. Nothing has to be known about the world for it, but one has to find out which words were taken back.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from fsqa.dataset import atlas_words, disfluency
from fsqa.dataset.atlas import HELD_OUT, RELATIONS, TRAIN_PHRASINGS, Atlas
from fsqa.dataset.atlas_names import Shuffle
from fsqa.dataset.atlas_world import World
from fsqa.dataset.base import Dataset
from fsqa.dataset.chance import Chance
from fsqa.dataset.disfluency import QUESTION_WORDS, SUBSTITUTIONS, Span, hesitant, misasked, restarted, with_fillers
from fsqa.errors import InputError
from fsqa.types import SPLITS, Record, Split

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterator

VERSION = 1
"""Goes into the fingerprint; raise it when the same parameters come to give other records."""

RESTART, QUESTION_WORD, HESITATION = "restart", "question_word", "hesitation"


@dataclass(frozen=True)
class Clean:
    """A question as it was meant: a way to ask, with ``{}`` for the subject, and the subject."""

    form: str
    kind: str
    subject: int


@dataclass(frozen=True, kw_only=True)
class AtlasRewrites(Dataset):
    """Disfluent questions about the atlas, with the question that was meant as their answer.

    No clean question stands in two splits. Validation and test have, in turn, phrasings that training has not, about
    subjects that it has, and the reverse.
    """

    questions: int
    """Questions to train on."""
    validation_questions: int
    test_questions: int
    subjects: int
    """How many countries, and as many cities, persons, novels and paintings, are asked about in training."""
    unseen_subjects: int
    """How many more of each are asked about in validation alone, and as many in test alone."""
    fillers: float
    """How often a filler such as "um" stands before each word, but for the first."""
    seed: int
    """Another seed is another world, other phrasings held out and other slips. It is no seed of the training."""

    def __post_init__(self) -> None:
        least = {"questions": 1, "validation_questions": 1, "test_questions": 1, "subjects": 2, "unseen_subjects": 1}
        for key, low in least.items():
            if (number := getattr(self, key)) < low:
                raise InputError(
                    f"dataset.{key} must be at least {low}, but is {number}; set dataset.{key}={low} or more"
                )
        if self.seed < 0:
            raise InputError(f"dataset.seed must be 0 or more, but is {self.seed}; set dataset.seed=0 or more")
        if not 0 <= self.fillers < 1:
            raise InputError(f"dataset.fillers must be a share from 0 to below 1, but is {self.fillers}")
        for split in SPLITS:
            key = "questions" if split == "train" else f"{split}_questions"
            if self.count(split) > (most := len(RELATIONS) * self._turns(split)):
                raise InputError(
                    f"dataset.{key} must be at most {most:,}, but is {self.count(split):,}: there are no more "
                    f"different questions about dataset.subjects={self.subjects} and dataset.unseen_subjects="
                    f"{self.unseen_subjects}; set one of them higher"
                )

    def count(self, split: Split) -> int:
        """Return how many questions the split has."""
        return {"train": self.questions, "validation": self.validation_questions, "test": self.test_questions}[split]

    def records(self, split: Split, dropped: Counter[str]) -> Iterator[Record]:
        """Yield the split's records, going round the relations; no row is ever left out."""
        world = World(self.seed, self.subjects + 2 * self.unseen_subjects)
        for number in range(self.count(split)):
            clean = self._clean(split, number)
            meant = clean.form.format(world.name(clean.kind, clean.subject))
            chance = Chance(self.seed, "slip", meant)
            form = with_fillers(clean.form, self.fillers, chance)
            slip, said = self._said(split, replace(clean, form=form), world, chance)
            yield Record(id=f"atlas-rewrites-{split}-{number:06d}", question=said, answers=(meant,), kind=slip)

    def fingerprint(self) -> str:
        """Return a digest of the parameters and of everything that records are made from."""
        words = {name: value for name, value in vars(atlas_words).items() if name.isupper()}
        slips = [disfluency.FILLERS, disfluency.CUES, disfluency.QUESTION_WORDS]
        stated = [VERSION, asdict(self), words, slips, self._atlas.fingerprint()]
        return hashlib.sha256(json.dumps(["AtlasRewrites", stated], sort_keys=True).encode()).hexdigest()

    @cached_property
    def _atlas(self) -> Atlas:
        """The smallest atlas of the same seed, which deals the phrasings to the splits."""
        questions = len(RELATIONS) * TRAIN_PHRASINGS
        return Atlas(
            questions=questions, phrasings=TRAIN_PHRASINGS, validation_questions=1, test_questions=1, seed=self.seed
        )

    def _turns(self, split: Split) -> int:
        """Return how often the split can ask about each relation without asking twice."""
        if split == "train":
            return self.subjects * TRAIN_PHRASINGS
        return 2 * min(self.subjects * HELD_OUT[split], self.unseen_subjects * TRAIN_PHRASINGS)

    def _clean(self, split: Split, number: int) -> Clean:
        """Return the split's question of that number."""
        turn, place = divmod(number, len(RELATIONS))
        kind, relation = RELATIONS[place]
        subjects, offered = range(self.subjects), split
        if split != "train":
            turn, unseen = divmod(turn, 2)
            if unseen:
                subjects, offered = self._unseen(split), "train"
        forms = self._atlas.phrasings_of(offered, relation)
        shuffle = Shuffle.of(len(subjects) * len(forms), self.seed, f"{split} {offered} {relation}")
        subject, form = divmod(shuffle[turn], len(forms))
        return Clean(forms[form], kind, subjects[subject])

    def _unseen(self, split: Split) -> range:
        start = self.subjects + (self.unseen_subjects if split == "test" else 0)
        return range(start, start + self.unseen_subjects)

    def _said(self, split: Split, clean: Clean, world: World, chance: Chance) -> tuple[str, str]:
        """Return one of the slips that the question allows, all equally likely, and the question with it."""
        name, start = world.name(clean.kind, clean.subject), clean.form.index("{}")
        meant, span = clean.form.format(name), Span(start, start + len(name))
        slips = [RESTART, HESITATION, "substitution", "retrace"]
        if meant.split()[0].lower() in QUESTION_WORDS:
            slips.append(QUESTION_WORD)
        if len(clean.form) - start > 3:  # words follow the subject, so that it can be put right behind them
            slips.append("afterthought")
        slip = chance.one_of(slips)
        if slip == HESITATION:
            return slip, hesitant(meant, chance)
        if slip == QUESTION_WORD:
            return slip, misasked(meant, chance)
        if slip == RESTART:
            return slip, restarted(meant, self._another(split, clean, world, chance), chance)
        wrong = world.name(clean.kind, self._other_subject(split, clean.subject, chance))
        return slip, SUBSTITUTIONS[slip](meant, span, wrong, chance)

    def _another(self, split: Split, clean: Clean, world: World, chance: Chance) -> str:
        """Return another question, in a phrasing of the split's own."""
        kind, relation = chance.one_of(RELATIONS)
        form = chance.one_of(self._atlas.phrasings_of(split, relation))
        return form.format(world.name(kind, self._other_subject(split, clean.subject, chance)))

    def _other_subject(self, split: Split, subject: int, chance: Chance) -> int:
        """Draw one of the subjects that the split asks about, but for the given one."""
        unseen = self._unseen(split) if split != "train" else range(0)
        place = subject if subject < self.subjects else self.subjects + subject - unseen.start
        other = chance.below(self.subjects + len(unseen) - 1)
        other += other >= place
        return other if other < self.subjects else unseen[other - self.subjects]
