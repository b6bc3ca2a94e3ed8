"""Per-example scores of the runs of a cell: what intervals and paired comparisons are made of."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter

import numpy as np
from numpy.typing import NDArray

from fsqa.metrics.catalogue import METRICS
from fsqa.study.cells import Cell
from fsqa.study.run_files import read_lines
from fsqa.study.runs import Run
from fsqa.study.spread import ScoreTable, linearised
from fsqa.study.statistics import Difference, Estimate, estimates, paired_difference

COLUMNS = {name: (metric.column, metric.weight or None) for name, metric in METRICS.items() if metric.column}
"""Of a metric: the column of ``predictions.jsonl`` it is a mean of, and the column that weighs the examples."""


@dataclass(frozen=True, slots=True)
class Answered:
    """Scores of one run on its test split."""

    ids: tuple[str, ...]
    contents: NDArray[np.int64]
    """A hash of question and references per example: what tells another test split with the same ids."""
    columns: Mapping[str, NDArray[np.generic]]
    """Per column of the file its values; shares that are all 0 or 1 take a byte each."""


@dataclass(frozen=True, slots=True)
class CellScores:
    """Scores of the runs of a cell that wrote predictions."""

    seeds: tuple[int, ...]
    ids: tuple[str, ...]
    """Examples that all of these runs answered, in the order of the first."""
    contents: NDArray[np.int64]
    data_sha256: str
    columns: Mapping[str, tuple[NDArray[np.generic], ...]]
    """Per column its values, one array a seed."""
    left_out: int
    """Examples that not all of these runs answered."""

    @property
    def metrics(self) -> tuple[str, ...]:
        """Names of the metrics that these scores give."""
        return tuple(name for name, (column, weight) in COLUMNS.items() if self._measured(column, weight))

    def _measured(self, column: str, weight: str | None) -> bool:
        """Whether there is such a mean in every seed; over examples that weigh nothing there is none."""
        if column not in self.columns or (weight and weight not in self.columns):
            return False
        return weight is None or all(values.any() for values in self.columns[weight])

    def table(
        self, metric: str, seeds: Sequence[int] | None = None, places: NDArray[np.int64] | None = None
    ) -> ScoreTable:
        """Return the scores of shape (seeds, examples) whose mean per seed is ``metric``: all, or those named."""
        column, weight = COLUMNS[metric]
        rows = range(len(self.seeds)) if seeds is None else [self.seeds.index(seed) for seed in seeds]
        values = self._picked(column, rows, places)
        return values if weight is None else linearised(values, self._picked(weight, rows, places))

    def _picked(self, column: str, rows: Sequence[int], places: NDArray[np.int64] | None) -> ScoreTable:
        values = np.stack([self.columns[column][row] for row in rows])
        return (values if places is None else values[:, places]).astype(np.float64)


def run_estimates(rows: Sequence[Mapping[str, object]]) -> dict[str, Estimate]:
    """Return every figure that ``rows``, the scored answers of one run, give, with its interval over the examples.

    One run has one seed, so the spread over seeds is not in it. Fewer than two rows have none.
    """
    columns = _columns(rows) if len(rows) > 1 else {}
    found = {metric: _table(columns, metric) for metric in COLUMNS}
    tables = {metric: table for metric, table in found.items() if table is not None}
    return dict(zip(tables, estimates(list(tables.values())), strict=True))


def paired(
    candidate: Sequence[Mapping[str, object]], baseline: Sequence[Mapping[str, object]], metric: str
) -> Difference | None:
    """Return ``metric`` of ``candidate`` minus that of ``baseline``, two scored lists of answers to the same examples.

    One run stands behind each, so the spread over seeds is not in it. ``None`` where either lacks the metric, or for
    fewer than two examples.
    """
    tables = [_table(_columns(rows), metric) for rows in (candidate, baseline)]
    if len(candidate) < 2 or tables[0] is None or tables[1] is None:
        return None
    return paired_difference(tables[0], tables[1])


def _table(columns: Mapping[str, NDArray[np.generic]], metric: str) -> ScoreTable | None:
    """Return the scores of shape (1, examples) whose mean is ``metric``."""
    column, weight = COLUMNS[metric]
    if column not in columns or (weight and (weight not in columns or not columns[weight].any())):
        return None
    values = columns[column].astype(np.float64)[None]
    return linearised(values, columns[weight].astype(np.float64)[None]) if weight else values


def read_scores(cell: Cell) -> CellScores | None:
    """Return the scores of the done runs of ``cell``; ``None`` when none wrote any. Every file is read once."""
    each = [(run.seed, answered) for run in cell.runs if (answered := read_answered(run)) is not None]
    if not each:
        return None
    first = each[0][1]
    if all(answered.ids == first.ids for _, answered in each):
        places: list[NDArray[np.int64] | None] = [None] * len(each)
        ids, contents = first.ids, first.contents
    else:
        tables = [{name: place for place, name in enumerate(answered.ids)} for _, answered in each]
        ids = tuple(name for name in tables[0] if all(name in table for table in tables))
        places = [np.array([table[name] for name in ids], dtype=np.int64) for table in tables]
        contents = first.contents[places[0]]
    shared = [name for name in first.columns if all(name in answered.columns for _, answered in each)]
    return CellScores(
        seeds=tuple(seed for seed, _ in each),
        ids=ids,
        contents=contents,
        data_sha256=cell.runs[0].data_sha256,
        columns={
            name: tuple(
                answered.columns[name] if own is None else answered.columns[name][own]
                for (_, answered), own in zip(each, places, strict=True)
            )
            for name in shared
        },
        left_out=len({name for _, answered in each for name in answered.ids}) - len(ids),
    )


def read_answered(run: Run) -> Answered | None:
    """Return the scores of a run's test split; ``None`` when it wrote none."""
    rows = read_lines(run.folder / "predictions.jsonl")
    columns = _columns(rows)
    if not columns:
        return None
    return Answered(
        ids=tuple(str(row.get("id", number)) for number, row in enumerate(rows)),
        contents=np.fromiter(map(_content, rows), dtype=np.int64, count=len(rows)),
        columns=columns,
    )


def _content(row: Mapping[str, object]) -> int:
    references = row.get("references")
    return hash((row.get("question", row.get("text")), *(references if isinstance(references, list) else ())))


def _columns(rows: Sequence[Mapping[str, object]]) -> dict[str, NDArray[np.generic]]:
    """Return the columns that every row has as a number."""
    return dict(_measured(rows)) if rows else {}


def _measured(rows: Sequence[Mapping[str, object]]) -> Iterator[tuple[str, NDArray[np.generic]]]:
    for name in dict.fromkeys(column for needed in COLUMNS.values() for column in needed if column):
        try:
            values = [*map(itemgetter(name), rows)]
        except KeyError:
            continue
        if not {*map(type, values)} <= {bool, int, float}:
            continue
        column = np.array(values, dtype=np.float64)
        if np.isfinite(column).all():
            yield name, column.astype(np.uint8) if ((column == 0) | (column == 1)).all() else column
