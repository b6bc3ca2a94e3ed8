"""Whether cells are as often right as they are sure: their answers by confidence, those of all seeds together."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from fsqa.metrics.calibration import Bin, reliability
from fsqa.report.summary import Summary
from fsqa.study.cells import Cell
from fsqa.study.run_files import read_lines
from fsqa.study.runs import Run

BINS = 10
"""Intervals of confidence where the run does not say how many."""


@dataclass(frozen=True, slots=True)
class CellReliability:
    """The answers of one cell by confidence."""

    label: str
    bins: tuple[Bin, ...]
    """Those that hold an answer, from low to high confidence."""

    @property
    def count(self) -> int:
        """Answers in all."""
        return sum(each.count for each in self.bins)

    @property
    def error(self) -> float:
        """Expected calibration error of these bins: distance of confidence and accuracy, weighed by the answers."""
        return math.fsum(each.count * abs(each.confidence - each.accuracy) for each in self.bins) / self.count


def reliabilities(summary: Summary) -> tuple[CellReliability, ...]:
    """Return the reliability of the leading cells that know how sure they were; their answers are read for it."""
    if "confidence" not in summary.metrics:
        return ()
    measured = {row.label for row in summary.rows if "confidence" in row.estimates}.intersection(summary.leading)
    return tuple(_reliabilities([cell for cell in summary.cells if cell.label in measured]))


def _reliabilities(cells: Sequence[Cell]) -> Iterator[CellReliability]:
    for cell in cells:
        rows = [dict(row) for run in cell.runs for row in read_lines(run.folder / "predictions.jsonl")]
        bins = reliability(rows, _bins(cell.runs[0]))
        if bins:
            yield CellReliability(cell.label, bins)


def _bins(run: Run) -> int:
    """Return how many intervals the run itself compared."""
    scorer = (run.config.get("metrics") or {}).get("calibration") or {}
    return int(scorer.get("bins", BINS))
