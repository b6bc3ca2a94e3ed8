"""The figures of a study, for notebooks and for the report: ``study.read("outputs/loss_ablation")``."""

from pathlib import Path

from fsqa.errors import InputError
from fsqa.report.curves import Curve, read_curves
from fsqa.report.summary import Summary, summarise
from fsqa.study.runs import read_study


def read(*folders: str | Path, baseline: str | None = None, metric: str | None = None) -> Summary:
    """Return what the runs in one or more study folders found; several studies are read as one.

    ``baseline`` names the cell the others are compared with, by its label or by a value that it alone has; by default
    it is the first cell. ``metric`` is what cells are ordered and compared by, ``f1`` or ``answer_nll``; by default
    exact match, where nothing has that the first ranker's mean rank, and else the answer NLL. Raises ``InputError``
    when a folder is missing or holds no run, when a cell mixes data, when no cell is called ``baseline``, and when no
    cell has ``metric``.
    """
    if not folders:
        raise InputError("no study to report: give its folder, such as outputs/<study>")
    different = tuple(dict.fromkeys(Path(folder) for folder in folders))
    runs = [run for folder in different for run in read_study(folder)]
    return summarise(" + ".join(folder.resolve().name for folder in different), runs, baseline, metric)


def curves(summary: Summary) -> tuple[Curve, ...]:
    """Return the learning curves of the leading cells; the histories of other cells are not read."""
    leading = set(summary.leading)
    return read_curves([cell for cell in summary.cells if cell.label in leading])
