"""Refusals: questions that a system should not try to answer, mixed in among those that it should."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from itertools import compress
from math import floor
from typing import TYPE_CHECKING

from fsqa.dataset.base import Dataset
from fsqa.dataset.chance import rank
from fsqa.dataset.holdout import Draw
from fsqa.dataset.nested import Part
from fsqa.errors import InputError, did_you_mean
from fsqa.types import SPLITS, Record, Split

if TYPE_CHECKING:
    from collections.abc import Iterator

KIND = "refusal"


@dataclass(frozen=True)
class Survey:
    """What has to be known of both datasets before one can be mixed into the other."""

    asked: dict[Split, int]
    """How many questions on the topic each split has."""
    shared: frozenset[int]
    """The keys of off-topic questions that stand among those on the topic too, in whatever split."""


@dataclass(frozen=True, kw_only=True)
class WithRefusals(Dataset):
    """Questions on a topic with off-topic questions among them, all of which have one fixed reply.

    No off-topic question comes twice in a split, and none is taken that stands in any split of the questions. Which
    ones are taken is drawn theme by theme, and they are spread evenly: one at a seeded place in every stretch.
    """

    questions: Dataset
    """What can be answered; its records stay as they are."""
    off_topic: Dataset
    """Where off-topic questions come from; only what they ask is used, neither their answers nor their contexts."""
    reply: str
    """What is said to every one of them."""
    share: float | dict[str, float]
    """The share of a whole split that is mixed in: one for all splits, or one each for those that have any."""
    seed: int
    """Decides which off-topic questions are taken, and their places. It is no seed of the training."""

    def __post_init__(self) -> None:
        if not self.reply.strip():
            raise InputError("dataset.reply is empty; write what is to be said to an off-topic question")
        if isinstance(self.share, dict):
            for split in self.share:
                if split not in SPLITS:
                    near = did_you_mean(split, SPLITS)
                    raise InputError(f"dataset.share has no key '{split}'; wanted {', '.join(SPLITS)}{near}")
        for split in SPLITS:
            if not 0 <= (share := self._share(split)) < 1:
                raise InputError(f"{self._key(split)} is {share}; wanted a share of the split, from 0 to below 1")

    def records(self, split: Split, dropped: Counter[str]) -> Iterator[Record]:
        """Yield the questions in their order with the refusals among them; count what is left out of either.

        Raises InputError where there are fewer off-topic questions than the share takes.
        """
        refusals = self._refusals(split, dropped)
        ids = {refusal.id for refusal in refusals}
        places = self._places(split, len(refusals))
        left = iter(refusals)
        row = 0
        for record in self._questions.records(split, dropped):
            if record.id in ids:
                raise InputError(f"dataset.questions: the id '{record.id}' is that of a refusal too; change the id")
            while row in places:
                yield next(left)
                row += 1
            yield record
            row += 1
        yield from left

    def fingerprint(self) -> str:
        """Return a hash of the options and of both datasets."""
        shares = {split: self._share(split) for split in SPLITS}
        stated = [self.reply, shares, self.seed, self._questions.fingerprint(), self._off_topic.fingerprint()]
        return hashlib.sha256(json.dumps(["WithRefusals", stated], sort_keys=True).encode()).hexdigest()

    @property
    def _questions(self) -> Part:
        return Part("questions", self.questions)

    @property
    def _off_topic(self) -> Part:
        return Part("off_topic", self.off_topic)

    @cached_property
    def _survey(self) -> Survey:
        """Read both datasets once; of the questions no more than their number is kept."""
        off_topic = {_key(record) for split in SPLITS for record in self._off_topic.records(split, Counter())}
        asked: dict[Split, int] = dict.fromkeys(SPLITS, 0)
        shared = set()
        for split in SPLITS:
            for record in self._questions.records(split, Counter()):
                asked[split] += 1
                if (key := _key(record)) in off_topic:
                    shared.add(key)
        return Survey(asked, frozenset(shared))

    def _refusals(self, split: Split, dropped: Counter[str]) -> list[Record]:
        """Return the refusals of a split, in the order of the off-topic questions."""
        asked, share = self._survey.asked[split], self._share(split)
        if not asked or not share:
            return []
        draw, found, left_out = Draw(seed=self.seed, purpose="refusals"), list[Record](), Counter[str]()
        taken = set[int]()
        for record in self._off_topic.records(split, left_out):
            if (key := _key(record)) in self._survey.shared:
                left_out["asked on the topic too"] += 1
            elif key in taken:
                left_out["repeats an earlier one"] += 1
            else:
                taken.add(key)
                draw.add(record.kind, record.question)
                found.append(Record(f"{KIND}:{record.id}", record.question, (self.reply,), kind=KIND))
        wanted = max(1, round(asked * share / (1 - share)))
        if wanted > len(found):
            raise InputError(
                f"{self._key(split)} of {share} takes {wanted:,} off-topic questions beside {asked:,} others, but "
                f"there are {len(found):,} for {split}; {self._remedy(split, asked, len(found))}"
            )
        left_out["more than dataset.share takes"] += len(found) - wanted
        dropped.update({f"off topic, {reason}": count for reason, count in left_out.items() if count})
        return list(compress(found, draw.sample(wanted)))

    def _remedy(self, split: Split, asked: int, found: int) -> str:
        """Say what share could be had, if any."""
        if most := floor(1000 * found / (asked + found)) / 1000:
            return f"set {self._key(split)}={most} or less, or give more of them in dataset.off_topic"
        others = ",".join(f"{other}:{self._share(other)}" for other in SPLITS if other != split)
        return f"give some in dataset.off_topic, or mix none into {split}: dataset.share={{{others}}}"

    def _places(self, split: Split, count: int) -> set[int]:
        """Return the rows of the mixed split that are refusals, one in each of ``count`` equal stretches."""
        rows = self._survey.asked[split] + count
        ends = [rows * stretch // count for stretch in range(count + 1)] if count else []
        drawn = (rank(self.seed, f"place in {split}", str(stretch)) for stretch in range(count))
        return {start + draw % (end - start) for start, end, draw in zip(ends, ends[1:], drawn, strict=False)}

    def _share(self, split: Split) -> float:
        return self.share.get(split, 0) if isinstance(self.share, dict) else self.share

    def _key(self, split: Split) -> str:
        return f"dataset.share.{split}" if isinstance(self.share, dict) else "dataset.share"


def _key(record: Record) -> int:
    """Tell a question but for case and white space, in 64 bits."""
    return rank(0, "the same question", " ".join(record.question.casefold().split()))
