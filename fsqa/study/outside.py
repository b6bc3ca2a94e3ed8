"""Cells from outside: files of answers that were scored, of models that nobody here trained."""

from collections import Counter
from collections.abc import Sequence

from fsqa.study.cells import Cell
from fsqa.study.runs import Run

OUTSIDE = "outside"
"""What stands behind the name of such a cell."""


def outside_cells(runs: Sequence[Run]) -> tuple[Cell, ...]:
    """Return one cell per file of answers, named by its model, in the order of the names.

    They have no settings, so that they differ from the cells of a study in nothing that could explain a result. Two
    files of one name are told apart by their hash.
    """
    groups: dict[str, list[Run]] = {}
    for run in runs:
        groups.setdefault(run.cell_hash, []).append(run)
    times = Counter(_name(group[0]) for group in groups.values())
    cells = [_cell(group, alone=times[_name(group[0])] == 1) for group in groups.values()]
    return tuple(sorted(cells, key=lambda cell: cell.label))


def is_outside(cell: Cell) -> bool:
    """Whether a cell is a file of answers, and no training."""
    return any(run.outside for run in (*cell.runs, *cell.unfinished))


def _cell(group: Sequence[Run], *, alone: bool) -> Cell:
    name = _name(group[0])
    shown = name if alone else f"{name} #{group[0].cell_hash}"
    # a file that was scored twice has the same answers: the latest scoring counts
    done = sorted((run for run in group if run.state == "done"), key=lambda run: (run.started, run.name))
    return Cell(
        label=f"{shown} ({OUTSIDE})",
        parts={"model": shown},
        settings={},
        runs=tuple(done[-1:]),
        unfinished=tuple(run for run in group if run.state != "done"),
        notes=(),
    )


def _name(run: Run) -> str:
    return run.choices.get("model", run.name)
