"""Answers side by side: what every cell made of the same question."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fsqa.report.kinds import OFF_TOPIC
from fsqa.study.cells import Cell
from fsqa.study.runs import Prediction, read_predictions
from fsqa.types import REFUSAL

LIMIT = 200
"""Questions on the page; of more, some that are evenly spaced over the split stand for it."""
LONGEST = 2000
"""Characters of a text that are shown, some 400 tokens: an answer that runs on tells nothing more after these."""
LONG = 240
"""Characters from which on a text is given a wide column."""
MOST_CHARACTERS = 1_000_000
"""Of long texts fewer questions are shown, so that the page stays light."""
FEWEST = 20
ON_TOPIC = "on topic"
MOST_KINDS = 12
"""Of more kinds of questions not each is offered."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What one model said."""

    text: str
    right: bool | None
    """Whether it matches a reference exactly; ``None`` where it was not set against one."""
    ended: bool
    """Whether generation stopped by itself; true where that was not written."""
    refused: bool
    """Whether it is the fixed reply to what is off topic."""

    @property
    def empty(self) -> bool:
        """Whether nothing was said."""
        return not self.text.strip()


@dataclass(frozen=True, slots=True)
class Sample:
    """One question with its references and answers."""

    place: int
    """Its place in the split."""
    question: str
    references: tuple[str, ...]
    kinds: tuple[str, ...]
    """Its own kind, empty where it has none; where some questions are off topic, first whether it is on topic."""
    untouched: Answer | None
    answers: tuple[Answer | None, ...]
    """One per cell; ``None`` where a cell did not get the question."""

    @property
    def asked(self) -> int:
        """Number of cells that were asked."""
        return sum(answer is not None for answer in self.answers)

    @property
    def misses(self) -> int:
        """Number of cells that answer wrongly."""
        return sum(answer is not None and answer.right is False for answer in self.answers)

    @property
    def wrong(self) -> bool:
        """Whether a cell answers wrongly."""
        return self.misses > 0

    @property
    def changed(self) -> bool:
        """Whether training made a right answer of a wrong one, or the other way round."""
        before = self.untouched
        return before is not None and any(
            answer is not None and answer.right != before.right for answer in self.answers
        )

    @property
    def disputed(self) -> bool:
        """Whether some cells answer rightly and some do not."""
        return len({answer.right for answer in self.answers if answer is not None}) > 1

    @property
    def refused(self) -> bool:
        """Whether a cell gives the fixed reply, says nothing, or never comes to an end."""
        return any(
            answer is not None and (answer.refused or answer.empty or not answer.ended) for answer in self.answers
        )

    @property
    def leaked(self) -> bool:
        """Whether it is off topic, and a cell answers it all the same."""
        return OFF_TOPIC in self.kinds and any(answer is not None and not answer.refused for answer in self.answers)

    @property
    def falsely_refused(self) -> bool:
        """Whether it is on topic, and a cell gives the fixed reply."""
        return OFF_TOPIC not in self.kinds and any(answer is not None and answer.refused for answer in self.answers)

    @property
    def is_long(self) -> bool:
        """Whether a text of it needs a wide column."""
        said = (self.untouched, *self.answers)
        return max((len(answer.text) for answer in said if answer is not None), default=0) > LONG

    @property
    def flags(self) -> tuple[str, ...]:
        """Names of what is true of it, for the filters of the page."""
        return tuple(name for name in FLAGS if getattr(self, name))


FLAGS = {
    "wrong": "any wrong",
    "disputed": "cells disagree",
    "changed": "changed by training",
    "refused": "refused",
    "leaked": "off topic, answered",
    "falsely_refused": "on topic, refused",
}
"""What a question can be picked by, and what the page calls it."""


@dataclass(frozen=True, slots=True)
class Samples:
    """A sample of the questions of the test split."""

    rows: tuple[Sample, ...]
    """Those that most cells answer wrongly first."""
    labels: tuple[str, ...]
    """Cells in the order of ``Sample.answers``."""
    seeds: tuple[int, ...]
    """The seed that speaks for each cell."""
    total: int
    """Questions there are in all."""

    @property
    def kinds(self) -> tuple[str, ...]:
        """Kinds that the questions can be picked by; none where there is one, and of very many at most the topic."""
        found = sorted({kind for row in self.rows for kind in row.kinds if kind})
        if len(found) > MOST_KINDS and self.has_refusals:
            return OFF_TOPIC, ON_TOPIC
        return tuple(found) if 1 < len(found) <= MOST_KINDS else ()

    @property
    def has_refusals(self) -> bool:
        """Whether some of the questions are off topic."""
        return any(OFF_TOPIC in row.kinds for row in self.rows)

    @property
    def flags(self) -> Mapping[str, str]:
        """What the questions can be picked by; what no question can be is left out."""
        judged = any(answer is not None and answer.right is not None for row in self.rows for answer in row.answers)
        of_judged, of_refusals = ("wrong", "disputed", "changed"), ("leaked", "falsely_refused")
        return {
            name: title
            for name, title in FLAGS.items()
            if (judged or name not in of_judged) and (self.has_refusals or name not in of_refusals)
        }


def read_samples(cells: Sequence[Cell], limit: int = LIMIT) -> Samples:
    """Return at most ``limit`` questions, evenly spaced over the split, each cell speaking through its lowest seed."""
    speaking = [(cell, cell.runs[0]) for cell in cells if cell.runs]
    answered = [{each.id: each for each in read_predictions(run)} for _, run in speaking]
    kept = [(cell, run, table) for (cell, run), table in zip(speaking, answered, strict=True) if table]
    untouched = [{each.id: each for each in read_predictions(run, "untouched")} for _, run, _ in kept]
    asked: dict[str, Prediction] = {}
    for _, _, table in kept:
        asked |= {name: each for name, each in table.items() if name not in asked}
    names, limit = list(asked), _affordable([*(table for _, _, table in kept), *untouched[:1]], limit)
    has_refusals = any(each.kind == REFUSAL for each in asked.values())
    chosen = [index * len(names) // limit for index in range(limit)] if len(names) > limit else range(len(names))
    tables = [table for _, _, table in kept]
    rows = [_sample(place, asked[names[place]], tables, untouched, has_refusals) for place in chosen]
    return Samples(
        rows=tuple(sorted(rows, key=lambda row: -row.misses)),
        labels=tuple(cell.label for cell, _, _ in kept),
        seeds=tuple(run.seed for _, run, _ in kept),
        total=len(names),
    )


def _affordable(tables: Sequence[Mapping[str, Prediction]], limit: int) -> int:
    """Return how many questions there is room for: all that are wanted, but where the answers are long."""
    each = [sum(min(len(one.prediction), LONGEST) for one in table.values()) / len(table) for table in tables if table]
    return min(limit, max(FEWEST, int(MOST_CHARACTERS / max(sum(each), 1))))


def _sample(
    place: int,
    asked: Prediction,
    tables: Sequence[Mapping[str, Prediction]],
    untouched: Sequence[Mapping[str, Prediction]],
    has_refusals: bool,
) -> Sample:
    topic = OFF_TOPIC if asked.kind == REFUSAL else ON_TOPIC
    own = asked.kind if asked.kind != REFUSAL else ""
    before = next((table[asked.id] for table in untouched if asked.id in table), None)
    return Sample(
        place=place,
        question=_cut(asked.question),
        references=tuple(_cut(reference) for reference in asked.references),
        kinds=(topic, own) if has_refusals else (own,),
        untouched=_answer(before),
        answers=tuple(_answer(table.get(asked.id)) for table in tables),
    )


def _answer(said: Prediction | None) -> Answer | None:
    if said is None:
        return None
    right = None if said.exact_match is None else said.exact_match >= 1
    return Answer(_cut(said.prediction), right, said.stopped is not False, said.refused is True)


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
