"""What the loss of each cell was made of, what was lost on the way, and how its answers look from outside."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fsqa.metrics.catalogue import METRICS
from fsqa.report import memorisation
from fsqa.report.labels import shown_rows
from fsqa.report.memorisation import Memory, memories
from fsqa.report.numbers import MISSING, format_points, format_value
from fsqa.report.page.tables import MOST_LINES, Figure
from fsqa.report.palette import cell_colours
from fsqa.report.summary import Row, Summary
from fsqa.study.cells import Cell

ROLES = ("prompt", "context", "answer", "end")
_SYMPTOMS = {"stop_rate": (0.5, -1), "answer_length": (0.0, 0), "repetition_rate": (0.25, 1), "echo_rate": (0.25, 1)}
"""Metrics that tell how answers look; from where on, and in which direction, that is worth a warning."""


@dataclass(frozen=True, slots=True)
class Share:
    """The part of the loss that the tokens of one role had."""

    role: str
    per_cent: float


@dataclass(frozen=True, slots=True)
class Symptom:
    """One figure of a cell, and whether it is worth a warning."""

    figure: Figure
    warned: bool


@dataclass(frozen=True, slots=True)
class CellHealth:
    """One line of the table."""

    label: str
    colour: int
    shares: tuple[Share, ...]
    symptoms: tuple[Symptom, ...]
    truncated: str
    """Examples per split, as text; empty where none was."""
    dropped: str
    """Records per split and reason, likewise."""


@dataclass(frozen=True, slots=True)
class Health:
    """All cells, and the titles of their symptoms."""

    titles: tuple[str, ...]
    hints: tuple[str, ...]
    roles: tuple[str, ...]
    """Roles that had a share in the loss of some cell."""
    cells: tuple[CellHealth, ...]

    @property
    def is_truncated(self) -> bool:
        """Whether an example of some cell was truncated."""
        return any(cell.truncated for cell in self.cells)

    @property
    def is_dropped(self) -> bool:
        """Whether a record of some cell was dropped."""
        return any(cell.dropped for cell in self.cells)


def health(summary: Summary) -> Health:
    """Return the health of the cells with a done run; symptoms that no cell measured are left out."""
    known = {memory.label: memory for memory in reversed(memories(summary.cells))}
    by_label = {cell.label: cell for cell in summary.cells}
    names = [name for name in _SYMPTOMS if name in summary.metrics]
    colours = cell_colours(summary.cells)
    rows = shown_rows(summary, MOST_LINES)
    cells = tuple(
        _cell(
            by_label[row.label],
            [*(_symptom(row, name) for name in names), *([_memory(known.get(row.label))] if known else [])],
            colours[row.label],
        )
        for row in rows
    )
    present = {share.role for cell in cells for share in cell.shares}
    return Health(
        titles=(
            *(f"{METRICS[name].title}{', %' if METRICS[name].percent else ''}" for name in names),
            *(["Training − validation, points"] if known else []),
        ),
        hints=(*(METRICS[name].protocol for name in names), *([memorisation.EXPLANATION] if known else [])),
        roles=tuple(role for role in ROLES if role in present),
        cells=cells,
    )


def _cell(cell: Cell, symptoms: Sequence[Symptom], colour: int) -> CellHealth:
    measures = [run.measures for run in cell.runs]
    each = [own.role_share for own in measures if own.role_share]
    shares = [Share(role, round(100 * _mean([own.get(role, 0.0) for own in each]), 3)) for role in ROLES]
    truncated = {split: count for own in measures for split, count in own.truncated.items()}
    dropped = {
        f"{split}, {reason}": count
        for own in measures
        for split, reasons in own.dropped.items()
        for reason, count in reasons.items()
    }
    return CellHealth(
        label=cell.label,
        colour=colour,
        shares=tuple(share for share in shares if share.per_cent > 0),
        symptoms=tuple(symptoms),
        truncated=_counts(truncated),
        dropped=_counts(dropped),
    )


def _symptom(row: Row, name: str) -> Symptom:
    estimate = row.estimates.get(name)
    mean = None if estimate is None else estimate.mean
    limit, direction = _SYMPTOMS[name]
    warned = mean is not None and direction * (mean - limit) > 0
    return Symptom(Figure(format_value(METRICS[name], mean), mean), warned)


def _memory(known: Memory | None) -> Symptom:
    if known is None:
        return Symptom(Figure(MISSING), warned=False)
    return Symptom(Figure(format_points(known.gap), known.gap, detail=known.warning), known.memorised)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def _counts(counts: Mapping[str, float]) -> str:
    return "; ".join(f"{name}: {int(count):,}" for name, count in counts.items() if count)
