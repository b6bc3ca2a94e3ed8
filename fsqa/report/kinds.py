"""The figures of every cell by kind of question: what it is good at, and what it refuses."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich import box
from rich.table import Table
from rich.text import Text

from fsqa.metrics.catalogue import METRICS
from fsqa.metrics.metric import Metric
from fsqa.report.labels import short_label
from fsqa.report.numbers import format_estimate, format_value
from fsqa.report.shares import share_interval
from fsqa.report.summary import Summary
from fsqa.study.cells import Cell
from fsqa.study.runs import Run
from fsqa.study.statistics import Estimate
from fsqa.types import REFUSAL

TITLE = "By kind of question"
EXPLANATION = (
    "The test split by kind of question: means over seeds, with Wilson's 95 % interval over as many questions as one "
    "run answered."
)
EXPLANATION_OF_REFUSALS = "What is refused is right where a question is off topic, and wrong elsewhere."
OFF_TOPIC = "off topic"
REFUSED = "refused"
SHOWN = ("exact_match", "f1", REFUSED, "answer_nll")
"""Figures by kind, in their order; of these the measured ones are shown."""
MOST_PRINTED = 24
"""Lines that are printed on a terminal; the page has them all."""
_TITLES = {"exact_match": "EM %", "f1": "F1 %", REFUSED: "refused %", "answer_nll": "answer NLL"}


@dataclass(frozen=True, slots=True)
class KindRow:
    """One cell on one kind of question."""

    kind: str
    cell: str
    examples: int
    figures: tuple[Estimate | None, ...]
    """One per column."""


@dataclass(frozen=True, slots=True)
class Kinds:
    """The leading cells by kind of question; empty where no split has several kinds."""

    columns: tuple[str, ...]
    rows: tuple[KindRow, ...]
    """Kind by kind, so that cells stand below each other."""

    @property
    def explanation(self) -> str:
        """What a reader of the table must know."""
        return f"{EXPLANATION} {EXPLANATION_OF_REFUSALS}" if REFUSED in self.columns else EXPLANATION

    @property
    def header(self) -> tuple[str, ...]:
        """Headings of a table."""
        return ("kind", "cell", "questions", *(_title(name) for name in self.columns))

    def texts(self, row: KindRow) -> tuple[str, ...]:
        """Return all that a table shows of a row, in the order of its header."""
        figures = (format_estimate(_metric(name), each) for name, each in zip(self.columns, row.figures, strict=True))
        return (row.kind, row.cell, f"{row.examples:,}", *figures)


def kinds_of(summary: Summary) -> Kinds:
    """Return the figures by kind of the leading cells."""
    leading = set(summary.leading)
    cells = [cell for cell in summary.cells if cell.label in leading]
    names = dict.fromkeys(kind for cell in cells for run in cell.runs for kind in run.measures.kinds)
    # what is off topic stands last: it is no kind of question like the others
    ordered = sorted(names, key=lambda kind: kind == REFUSAL)
    found = [(kind, cell, dict(_figures(cell, kind))) for kind in ordered for cell in cells if _has(cell, kind)]
    columns = tuple(name for name in SHOWN if any(name in figures for _, _, figures in found))
    return Kinds(
        columns,
        tuple(
            KindRow(
                kind=OFF_TOPIC if kind == REFUSAL else kind,
                cell=cell.label,
                examples=int(max(run.measures.kinds[kind].get("examples", 0) for run in _runs(cell, kind))),
                figures=tuple(figures.get(name) for name in columns),
            )
            for kind, cell, figures in found
        ),
    )


def terminal_kinds(kinds: Kinds) -> Table:
    """Return a small table for a terminal: the means alone, each kind named once."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, title_justify="left", header_style="bold")
    table.title = Text(TITLE, style="bold")
    table.add_column("kind", overflow="fold", min_width=9)
    table.add_column("cell", overflow="fold", ratio=1, min_width=18)
    for name in ("n", *(_TITLES[name] for name in kinds.columns)):
        table.add_column(name, justify="right", no_wrap=True)
    named = ""
    for row in kinds.rows:
        figures = (
            format_value(_metric(name), None if each is None else each.mean)
            for name, each in zip(kinds.columns, row.figures, strict=True)
        )
        kind = "" if row.kind == named else row.kind
        table.add_row(Text(kind), Text(short_label(row.cell)), f"{row.examples:,}", *figures)
        named = row.kind
    return table


def _has(cell: Cell, kind: str) -> bool:
    return any(kind in run.measures.kinds for run in cell.runs)


def _runs(cell: Cell, kind: str) -> list[Run]:
    return [run for run in cell.runs if kind in run.measures.kinds]


def _figures(cell: Cell, kind: str) -> Iterator[tuple[str, Estimate]]:
    each = [run.measures.kinds[kind] for run in _runs(cell, kind)]
    for name in SHOWN:
        source = _source(kind) if name == REFUSED else name
        values = [numbers[source] for numbers in each if source in numbers]
        if values:
            yield name, _estimate(name, values, min(numbers.get("examples", 0.0) for numbers in each))


def _estimate(name: str, values: Sequence[float], examples: float) -> Estimate:
    """Return the mean over seeds, and of shares Wilson's interval over as many questions as one run answered."""
    mean = math.fsum(values) / len(values)
    low, high = share_interval(mean, examples) if _metric(name).percent else (None, None)
    return Estimate(mean, low, high, tuple(values), int(examples))


def _source(kind: str) -> str:
    """Return the figure that is the share of refusals among the questions of a kind."""
    return "refusal_recall" if kind == REFUSAL else "false_refusal_rate"


def _metric(name: str) -> Metric:
    return METRICS["false_refusal_rate" if name == REFUSED else name]


def _title(name: str) -> str:
    metric = _metric(name)
    title = "Refused" if name == REFUSED else metric.title
    return f"{title}{', %' if metric.percent else ''}"
