"""Whether cells know their training questions much better than others: what they learned by heart."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from rich import box
from rich.table import Table
from rich.text import Text

from fsqa.metrics.catalogue import METRICS
from fsqa.report.labels import metric_name, short_label
from fsqa.report.numbers import format_points, format_value
from fsqa.report.shares import difference_of_shares
from fsqa.study.cells import Cell
from fsqa.study.runs import Numbers
from fsqa.study.statistics import LEVEL

TITLE = "Memorisation"
MARGIN = 0.1
"""How much better training questions must be answered than those of validation to be called memorised."""
COMPARED = ("exact_match", "sentence_bleu")
EXPLANATION = (
    "Scores on training questions that were answered too, beside those on validation and test. A cell is called "
    f"memorised where the {100 * LEVEL:.0f} % interval of training minus validation lies above {100 * MARGIN:.0f} "
    "points (two proportions, Newcombe's hybrid of Wilson's intervals, as many questions as one run answered)."
)
HEADER = ("cell", "metric", "training, %", "validation, %", "test, %", "training − validation, points")
MOST_NAMED = 3
"""Cells that the note names."""


@dataclass(frozen=True, slots=True)
class Memory:
    """What one cell knows of each split by one metric, the means over its seeds, fractions in 0..1."""

    label: str
    metric: str
    train: float
    validation: float
    test: float | None
    low: float
    """Lower end of the interval of training minus validation."""
    high: float

    @property
    def gap(self) -> float:
        """Training minus validation."""
        return self.train - self.validation

    @property
    def memorised(self) -> bool:
        """Whether training questions are surely known much better than others."""
        return self.low > MARGIN

    @property
    def warning(self) -> str:
        """What is said of a cell that memorised; empty of others."""
        if not self.memorised:
            return ""
        known, other = (format_value(METRICS[self.metric], value) for value in (self.train, self.validation))
        if self.metric == "exact_match":
            return f"memorised: knows {known} % of its training questions and {other} % of validation"
        return f"memorised: {metric_name(METRICS[self.metric])} {known} on training and {other} on validation"

    @property
    def texts(self) -> tuple[str, ...]:
        """All that a table shows, in the order of its header."""
        metric = METRICS[self.metric]
        interval = f"{format_points(self.gap)} [{format_points(self.low)}, {format_points(self.high)}]"
        figures = (format_value(metric, value) for value in (self.train, self.validation, self.test))
        return (self.label, metric.title, *figures, interval)


def memories(cells: Sequence[Cell]) -> tuple[Memory, ...]:
    """Return what the cells know whose runs answered training questions too, by metrics that are not 0 throughout."""
    found = (_of_cell(cell, metric) for cell in cells for metric in COMPARED)
    return tuple(each for each in found if each is not None)


def memory(
    label: str, metric: str, train: Sequence[Numbers], validation: Sequence[Numbers], test: Sequence[Numbers]
) -> Memory | None:
    """Return what is known of each split by ``metric``, given the figures of every seed.

    ``None`` where training or validation was not measured, or where the metric is 0 throughout.
    """
    if not all(metric in numbers for numbers in (*train, *validation)) or not (train and validation):
        return None
    on_test = [numbers for numbers in test if metric in numbers]
    if not any(numbers[metric] for numbers in (*train, *validation, *on_test)):
        return None
    known, other = _mean(train, metric), _mean(validation, metric)
    # the questions of a split are the same for every seed, so that seeds are no further questions
    counts = [min(numbers.get("examples", 0.0) for numbers in split) for split in (train, validation)]
    low, high = difference_of_shares(known, counts[0], other, counts[1])
    return Memory(label, metric, known, other, _mean(on_test, metric) if on_test else None, low, high)


def memorisation_notes(cells: Sequence[Cell]) -> tuple[str, ...]:
    """Return one sentence that names the cells which memorised."""
    found: dict[str, str] = {}
    for each in memories(cells):
        if each.memorised:
            found.setdefault(each.label, each.warning.removeprefix("memorised: "))
    if not found:
        return ()
    named = [f"{short_label(label)} {said}" for label, said in list(found.items())[:MOST_NAMED]]
    more = [f"{len(found) - MOST_NAMED} more cells likewise"] if len(found) > MOST_NAMED else []
    return (f"Memorised: {'; '.join([*named, *more])}.",)


def terminal_memories(rows: Sequence[Memory]) -> Table:
    """Return a small table for a terminal; what was memorised stands out."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, title_justify="left", header_style="bold")
    table.title = Text(f"{TITLE}: training questions beside the others", style="bold")
    table.add_column("cell", overflow="fold", ratio=1, min_width=18)
    for name in ("metric", "train %", "val %", "test %", "train − val"):
        table.add_column(name, justify="left" if name == "metric" else "right", no_wrap=True)
    for row in rows:
        label, *texts = row.texts
        table.add_row(Text(short_label(label)), *texts, style="yellow" if row.memorised else "")
    return table


def _of_cell(cell: Cell, metric: str) -> Memory | None:
    both = [run.measures for run in cell.runs if metric in run.measures.train and metric in run.measures.validation]
    train, validation, test = (
        [each.train for each in both],
        [each.validation for each in both],
        [each.test for each in both],
    )
    return memory(cell.label, metric, train, validation, test)


def _mean(each: Sequence[Numbers], metric: str) -> float:
    return math.fsum(numbers[metric] for numbers in each) / len(each)
