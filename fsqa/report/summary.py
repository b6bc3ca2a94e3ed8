"""What a study found: one row per cell and baseline, what is best, and what a reader must be told."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from fsqa.metrics.catalogue import BASELINES, COSTS, METRICS
from fsqa.report.comparison import Scores, compare, read_scores
from fsqa.report.notes import study_notes
from fsqa.report.numbers import format_value
from fsqa.study.cells import Cell, find_cell, group_runs
from fsqa.study.runs import Numbers, Run
from fsqa.study.statistics import Difference, Estimate, mean_with_interval

Split = Literal["test", "validation"]
MAIN = "exact_match"
"""The metric that orders cells and is set against the baselines, wherever questions were answered."""
MAIN_OF_TEXT = "answer_nll"
"""The same where no question was: plain text is only predicted."""
MOST_SHOWN = 8
"""Cells drawn in one chart of curves, or answering side by side: more cannot be told apart."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table."""

    label: str
    estimates: Mapping[str, Estimate]
    """Per metric; a metric that no run measured is left out."""
    seeds: int
    mark: str = ""
    """What is said against the row: that it does not beat its baseline."""


@dataclass(frozen=True, slots=True)
class BaselineRow:
    """What a do-nothing baseline scores, for the cells it belongs to."""

    name: str
    row: Row
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Summary:
    """A study in figures."""

    title: str
    split: Split
    runs: tuple[Run, ...]
    cells: tuple[Cell, ...]
    """All cells, those without a done run too."""
    rows: tuple[Row, ...]
    """One per cell with a done run, in the order of the cells."""
    baselines: tuple[BaselineRow, ...]
    best: Mapping[str, frozenset[str]]
    """Per metric the labels of the best cells."""
    against: str | None
    """Label of the cell the others are compared with."""
    comparisons: Mapping[str, Difference]
    """Per label the paired difference in exact match to ``against``."""
    lead: Difference | None
    """Exact match of the best cell minus that of the next, paired."""
    notes: tuple[str, ...]

    @property
    def metrics(self) -> tuple[str, ...]:
        """Names of the metrics that at least one cell has, in catalogue order."""
        return tuple(name for name in METRICS if any(name in row.estimates for row in self.rows))

    @property
    def costs(self) -> tuple[str, ...]:
        """Names of the costs that at least one cell has, in catalogue order."""
        return tuple(name for name in COSTS if any(name in row.estimates for row in self.rows))

    @property
    def main(self) -> str:
        """Name of the metric that orders the cells."""
        return main_metric(self.rows)

    @property
    def ranked(self) -> tuple[Row, ...]:
        """Rows that have the main metric, the best first; rows that tie stay in their order."""
        main, sign = self.main, -1 if METRICS[self.main].better == "higher" else 1
        measured = [row for row in self.rows if main in row.estimates]
        return tuple(sorted(measured, key=lambda row: sign * row.estimates[main].mean))

    @property
    def leading(self) -> tuple[str, ...]:
        """Labels of the cells that are shown where not all can be, in the order of the cells."""
        best = {row.label for row in (self.ranked or self.rows)[:MOST_SHOWN]}
        return tuple(row.label for row in self.rows if row.label in best)

    @property
    def unfinished(self) -> tuple[Run, ...]:
        """Runs that are not done and are in no average."""
        return tuple(run for run in self.runs if run.state != "done")


def main_metric(rows: Iterable[Row]) -> str:
    """Return the metric that orders the cells: exact match, or the NLL where no cell has that but some have this."""
    measured = {name for row in rows for name in row.estimates}
    return MAIN_OF_TEXT if MAIN not in measured and MAIN_OF_TEXT in measured else MAIN


def summarise(title: str, runs: Sequence[Run], baseline: str | None = None) -> Summary:
    """Return what ``runs`` found; ``baseline`` names the cell the others are compared with, by default the first.

    Raises ``InputError`` when no cell is called ``baseline`` or a cell mixes data.
    """
    cells = group_runs(runs)
    done = [cell for cell in cells if cell.runs]
    split: Split = "test" if any(run.measures.test for run in runs) or not done else "validation"
    baselines = _baseline_rows(done) if split == "test" else ()
    rows = tuple(_cell_row(cell, split, baselines) for cell in done)
    named = find_cell(done, baseline) if baseline else (done[0] if len(done) > 1 else None)
    paired = len(done) > 1 and main_metric(rows) == MAIN  # text has no score in points
    scores = {cell.label: read_scores(cell) for cell in done} if paired else {}
    summary = Summary(
        title=title,
        split=split,
        runs=tuple(runs),
        cells=cells,
        rows=rows,
        baselines=baselines,
        best={name: _best(name, rows) for name in (*METRICS, *COSTS)},
        against=named.label if named and scores else None,
        comparisons=_comparisons(scores, named.label) if named and scores else {},
        lead=None,
        notes=study_notes(cells, split),
    )
    ranked = summary.ranked
    if len(ranked) < 2:
        return summary
    best, following = (scores.get(row.label) for row in ranked[:2])
    return replace(summary, lead=compare(best, following, MAIN))


def _cell_row(cell: Cell, split: Split, baselines: Sequence[BaselineRow]) -> Row:
    figures = [run.measures.test if split == "test" else run.measures.validation for run in cell.runs]
    estimates = _estimates(figures, METRICS) | _estimates([run.measures.cost for run in cell.runs], COSTS)
    own = [each for each in baselines if cell.label in each.cells]
    row = Row(cell.label, estimates, len(cell.runs))
    main = main_metric([row])
    return replace(row, mark=_mark(main, estimates.get(main), own))


def _estimates(each: Sequence[Numbers], names: Iterable[str]) -> dict[str, Estimate]:
    columns = {name: [numbers[name] for numbers in each if name in numbers] for name in names}
    return {name: mean_with_interval(values) for name, values in columns.items() if values}


def _mark(main: str, estimate: Estimate | None, baselines: Sequence[BaselineRow]) -> str:
    """Say when a cell is no better than the strongest thing that needs no training."""
    metric = METRICS[main]
    sign, word = (1, "above") if metric.better == "higher" else (-1, "below")
    rivals = [(sign * each.row.estimates[main].mean, each.name) for each in baselines if main in each.row.estimates]
    if estimate is None or not rivals:
        return ""
    value, name = max(rivals)
    figure = f"{BASELINES.get(name, name).lower()} ({format_value(metric, sign * value)})"
    if sign * estimate.mean <= value:
        return f"not {word} {figure}"
    nearest = estimate.low if sign > 0 else estimate.high
    if nearest is not None and sign * nearest <= value:
        return f"not clearly {word} {figure}"
    return ""


def _baseline_rows(cells: Sequence[Cell]) -> tuple[BaselineRow, ...]:
    """Give each baseline one row for all cells in which it scored the same."""
    names = dict.fromkeys(
        (*BASELINES, *(name for cell in cells for run in cell.runs for name in run.measures.baselines))
    )
    rows = []
    for name in names:
        groups: dict[tuple[object, ...], list[Cell]] = {}
        found: dict[tuple[object, ...], dict[str, Estimate]] = {}
        for cell in cells:
            estimates = {
                metric: _constant(each)
                for metric, each in _estimates(
                    [run.measures.baselines.get(name, {}) for run in cell.runs], METRICS
                ).items()
            }
            if estimates:
                key = tuple((metric, each.values) for metric, each in estimates.items())
                groups.setdefault(key, []).append(cell)
                found.setdefault(key, estimates)
        for values, group in groups.items():
            label = _baseline_label(name, group, everywhere=len(groups) == 1)
            row = Row(label, found[values], len(group[0].runs))
            rows.append(BaselineRow(name, row, tuple(cell.label for cell in group)))
    return tuple(rows)


def _constant(estimate: Estimate) -> Estimate:
    """Take a baseline that does not follow the seed as the one measurement it is."""
    return mean_with_interval(estimate.values[:1]) if len(set(estimate.values)) == 1 else estimate


def _baseline_label(name: str, cells: Sequence[Cell], *, everywhere: bool) -> str:
    title = BASELINES.get(name, name)
    if everywhere:
        return title
    shared = [
        f"{key}={value}" for key, value in cells[0].parts.items() if all(cell.parts.get(key) == value for cell in cells)
    ]
    return f"{title} ({', '.join(shared) or f'{len(cells)} cells'})"


def _best(name: str, rows: Sequence[Row]) -> frozenset[str]:
    better = (METRICS | COSTS)[name].better
    means = {row.label: row.estimates[name].mean for row in rows if name in row.estimates}
    # where all are alike, or there is one alone, nothing is best
    if better is None or len(set(means.values())) < 2:
        return frozenset()
    extreme = max(means.values()) if better == "higher" else min(means.values())
    return frozenset(label for label, mean in means.items() if mean == extreme)


def _comparisons(scores: Mapping[str, Scores | None], against: str) -> dict[str, Difference]:
    each = {label: compare(own, scores[against], MAIN) for label, own in scores.items() if label != against}
    return {label: difference for label, difference in each.items() if difference is not None}
