"""What a dataset holds: counts, lengths in words, what stands there twice, and what splits share.

Each split is read once. Of every question and answer eight bytes are kept, so a million of them fit anywhere.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fsqa.data.lengths import Lengths
from fsqa.data.prepare import PreparedRecords
from fsqa.metrics.answers import normalize
from fsqa.types import Record, Split

Digests = NDArray[np.uint64]

SPREAD = np.uint64(0x9E3779B97F4A7C15)
"""An odd number whose bits look random: multiplied by it, a digest does not cancel out with another."""

PAIRS: tuple[tuple[Split, Split], ...] = (("train", "validation"), ("train", "test"), ("validation", "test"))


@dataclass(frozen=True)
class Overlap:
    """How many records of a split say what another split says too."""

    questions: int
    """Whose question stands there, but for case and white space."""
    answered_alike: int
    """Whose question stands there with one of the same answers."""
    answers: int
    """With an answer that is the first of some record there, in the eyes of exact match."""


@dataclass(frozen=True)
class SplitFacts:
    """What one split holds."""

    records: int
    dropped: dict[str, int]
    kinds: dict[str, int]
    """How many records are of each kind, the most frequent first."""
    answers: Lengths
    """Answers of each question."""
    question_words: Lengths
    answer_words: Lengths
    """Of the answer that is trained on."""
    context_words: Lengths
    repeated: int
    """Records whose question, in the same context, stands in the split before."""
    contradicted: int
    """Questions among those whose answers differ from one time to another."""
    empty: dict[str, int]
    """Records without a question, an answer or a context, by what is lacking."""

    def summary(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {
            "records": self.records,
            "dropped": self.dropped,
            "kinds": self.kinds,
            "answers_per_question": self.answers.summary(),
            "words": {
                "question": self.question_words.summary(),
                "answer": self.answer_words.summary(),
                "context": self.context_words.summary(),
            },
            "repeated_questions": self.repeated,
            "contradicted_questions": self.contradicted,
            "empty": self.empty,
        }


@dataclass(frozen=True)
class Inspection:
    """What the three splits hold, and what they share."""

    splits: dict[Split, SplitFacts]
    overlap: dict[tuple[Split, Split], Overlap]
    """Of each pair, what of the second split stands in the first."""


def inspect_records(records: PreparedRecords) -> Inspection:
    """Read every split once and find out what it holds."""
    seen = {split: _Seen() for split in records.splits}
    facts = {}
    for split, split_records in records.splits.items():
        for record in split_records:
            seen[split].add(record)
        facts[split] = seen[split].facts(split_records.summary["dropped"])
    return Inspection(facts, {(left, right): _overlap(seen[left], seen[right]) for left, right in PAIRS})


@dataclass
class _Seen:
    """What is kept of a split while it is read."""

    kinds: Counter[str] = field(default_factory=Counter)
    empty: Counter[str] = field(default_factory=Counter)
    answer_counts: Counter[int] = field(default_factory=Counter)
    question_words: Counter[int] = field(default_factory=Counter)
    answer_words: Counter[int] = field(default_factory=Counter)
    context_words: Counter[int] = field(default_factory=Counter)
    asked: array[int] = field(default_factory=lambda: array("Q"))
    """The question of each record, or the text where there is none."""
    asked_here: array[int] = field(default_factory=lambda: array("Q"))
    """The same together with the context."""
    answered: array[int] = field(default_factory=lambda: array("Q"))
    """All answers of each record together, in any order."""
    answers: array[int] = field(default_factory=lambda: array("Q"))
    """Every answer of every record, one after the other."""
    taught: array[int] = field(default_factory=lambda: array("Q"))
    """The first answer of each record that has one."""
    owners: array[int] = field(default_factory=lambda: array("q"))
    """Which record each of ``answers`` belongs to."""

    def add(self, record: Record) -> None:
        self.kinds[record.kind] += 1
        self.answer_counts[len(record.answers)] += 1
        first = record.answers[0] if record.answers else ""
        for name, text in (("question", record.question), ("answer", first), ("context", record.context)):
            if not text:
                self.empty[name] += 1
        # Lengths are those of what is there: of SQuAD's unanswerable questions, say, the answer has none.
        if record.question:
            self.question_words[len(record.question.split())] += 1
        if first:
            self.answer_words[len(first.split())] += 1
        if record.context:
            self.context_words[len(record.context.split())] += 1
        normal = [_digest(normalize(answer)) for answer in record.answers]
        self.owners.extend([len(self.asked)] * len(normal))
        self.answers.extend(normal)
        self.taught.extend(normal[:1])
        self.answered.append(_digest(repr(sorted(normal))))
        self.asked.append(_digest(_folded(record.question or record.context)))
        here = f"{_folded(record.question)}\0{_folded(record.context)}"
        self.asked_here.append(_digest(here) if record.context else self.asked[-1])

    def facts(self, dropped: dict[str, int]) -> SplitFacts:
        here = _array(self.asked_here)
        ways = np.unique(np.stack([here, _array(self.answered)]), axis=1)[0]
        return SplitFacts(
            records=len(self.asked),
            dropped=dropped,
            kinds=dict(self.kinds.most_common()),
            answers=Lengths(self.answer_counts),
            question_words=Lengths(self.question_words),
            answer_words=Lengths(self.answer_words),
            context_words=Lengths(self.context_words),
            repeated=len(here) - len(np.unique(here)),
            contradicted=int((np.unique(ways, return_counts=True)[1] > 1).sum()),
            empty=dict(sorted(self.empty.items())),
        )

    def pairs(self) -> Digests:
        """Return a digest of each of ``answers`` together with its question."""
        return _array(self.asked)[np.array(self.owners, np.int64)] * SPREAD ^ _array(self.answers)

    def owning(self, chosen: NDArray[np.bool_]) -> int:
        """Count the records that one of the chosen ``answers`` belongs to."""
        return len(np.unique(np.array(self.owners, np.int64)[chosen]))


def _overlap(left: _Seen, right: _Seen) -> Overlap:
    return Overlap(
        questions=int(np.isin(_array(right.asked), _array(left.asked)).sum()),
        answered_alike=right.owning(np.isin(right.pairs(), left.pairs())),
        answers=right.owning(np.isin(_array(right.answers), _array(left.taught))),
    )


def _array(numbers: Iterable[int]) -> Digests:
    return np.array(numbers, np.uint64)


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())


def _digest(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")
