"""Answers side by side: what every cell made of the same question."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fsqa.study.cells import Cell
from fsqa.study.runs import Prediction, read_predictions

LIMIT = 200
"""Questions on the page; of more, some that are evenly spaced over the split stand for it."""
LONGEST = 600
"""Characters of a text that are shown: an answer that runs on tells nothing more after these."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What one model said."""

    text: str
    right: bool
    """Whether it matches a reference exactly."""
    f1: float
    ended: bool
    """Whether generation stopped by itself; true where that was not written."""

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
    kind: str
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
        return sum(answer is not None and not answer.right for answer in self.answers)

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
        """Whether a cell says nothing, or never comes to an end."""
        return any(answer is not None and (answer.empty or not answer.ended) for answer in self.answers)

    @property
    def flags(self) -> tuple[str, ...]:
        """Names of what is true of it, for the filters of the page."""
        return tuple(name for name in ("wrong", "disputed", "changed", "refused") if getattr(self, name))


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


def read_samples(cells: Sequence[Cell], limit: int = LIMIT) -> Samples:
    """Return at most ``limit`` questions, evenly spaced over the split, each cell speaking through its lowest seed."""
    speaking = [(cell, cell.runs[0]) for cell in cells if cell.runs]
    tables = [{each.id: each for each in read_predictions(run)} for _, run in speaking]
    kept = [(cell, run, table) for (cell, run), table in zip(speaking, tables, strict=True) if table]
    untouched = [{each.id: each for each in read_predictions(run, "untouched")} for _, run, _ in kept]
    asked: dict[str, Prediction] = {}
    for _, _, table in kept:
        asked |= {name: each for name, each in table.items() if name not in asked}
    names = list(asked)
    chosen = [index * len(names) // limit for index in range(limit)] if len(names) > limit else range(len(names))
    rows = [_sample(place, asked[names[place]], [table for _, _, table in kept], untouched) for place in chosen]
    return Samples(
        rows=tuple(sorted(rows, key=lambda row: -row.misses)),
        labels=tuple(cell.label for cell, _, _ in kept),
        seeds=tuple(run.seed for _, run, _ in kept),
        total=len(names),
    )


def _sample(
    place: int,
    asked: Prediction,
    tables: Sequence[Mapping[str, Prediction]],
    untouched: Sequence[Mapping[str, Prediction]],
) -> Sample:
    before = next((table[asked.id] for table in untouched if asked.id in table), None)
    return Sample(
        place=place,
        question=_cut(asked.question),
        references=tuple(_cut(reference) for reference in asked.references),
        kind=asked.kind,
        untouched=_answer(before),
        answers=tuple(_answer(table.get(asked.id)) for table in tables),
    )


def _answer(said: Prediction | None) -> Answer | None:
    if said is None:
        return None
    return Answer(_cut(said.prediction), said.exact_match >= 1, said.f1, said.stopped is not False)


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
