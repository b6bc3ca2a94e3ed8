"""What a study found: one row per cell and baseline, what is best, and what a reader must be told."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from fsqa.errors import InputError, did_you_mean
from fsqa.metrics.catalogue import BASELINES, COSTS, METRICS
from fsqa.report.comparison import NO_COMPARISONS, compare_all
from fsqa.report.estimates import estimate_cells, over_seeds
from fsqa.report.headlines import headlines, judged_by, main_metric
from fsqa.report.marks import CONTROLS, mark
from fsqa.report.memorisation import memorisation_notes
from fsqa.report.notes import study_notes
from fsqa.report.protocols import protocol_notes
from fsqa.study.cells import Cell, find_cell, group_runs
from fsqa.study.outside import is_outside, outside_cells
from fsqa.study.runs import Numbers, Run
from fsqa.study.scores import CellScores, read_scores
from fsqa.study.statistics import Difference, Estimate, mean_with_interval

Split = Literal["test", "validation"]
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
    outside: bool = False
    """Whether it is a file of answers, and not what was trained here."""


@dataclass(frozen=True, slots=True)
class BaselineRow:
    """What a do-nothing baseline scores, for the cells it belongs to."""

    name: str
    row: Row
    cells: tuple[str, ...]

    @property
    def is_control(self) -> bool:
        """Whether it is there to be looked at, and nothing that a cell has to beat."""
        return self.name in CONTROLS


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
    main: str
    """Name of the metric that orders the cells and that they are compared by."""
    baselines: tuple[BaselineRow, ...]
    best: Mapping[str, frozenset[str]]
    """Per metric the labels of the best cells."""
    against: str | None
    """Label of the cell the others are compared with."""
    comparisons: Mapping[str, Difference]
    """Per label the paired difference in the main metric to ``against``, p-values corrected for all of them."""
    lead: Difference | None
    """Main metric of the best cell minus that of the next, paired; its p-value is corrected for ``lead_family``."""
    lead_family: int
    """Comparisons of the best cell with the others: which of them is the next was not known before."""
    notes: tuple[str, ...]

    @property
    def metrics(self) -> tuple[str, ...]:
        """Names of the metrics that at least one cell has, in catalogue order."""
        return tuple(name for name in METRICS if any(name in row.estimates for row in self.rows))

    @property
    def headlines(self) -> tuple[str, ...]:
        """Names of the metrics that speak for the study, the main one first."""
        return headlines(self.metrics, self.main)

    @property
    def trained(self) -> tuple[Row, ...]:
        """Rows of what was trained here: all but those from outside."""
        return tuple(row for row in self.rows if not row.outside)

    @property
    def costs(self) -> tuple[str, ...]:
        """Names of the costs that at least one cell has, in catalogue order."""
        return tuple(name for name in COSTS if any(name in row.estimates for row in self.rows))

    @property
    def ranked(self) -> tuple[Row, ...]:
        """Rows that have the main metric, the best first; rows that tie stay in their order."""
        return _ranked(self.rows, self.main)

    @property
    def leading(self) -> tuple[str, ...]:
        """Labels of the cells that are shown where not all can be, in the order of the cells."""
        best = {row.label for row in (self.ranked or self.rows)[:MOST_SHOWN]}
        return tuple(row.label for row in self.rows if row.label in best)

    @property
    def unfinished(self) -> tuple[Run, ...]:
        """Runs that are not done and are in no average."""
        return tuple(run for run in self.runs if run.state != "done")


def summarise(title: str, runs: Sequence[Run], baseline: str | None = None, metric: str | None = None) -> Summary:
    """Return what ``runs`` found.

    ``baseline`` names the cell the others are compared with, by default the first; ``metric`` is what they are compared
    by, by default what ``headlines.main_metric`` says. Answers from outside stand after the cells. Raises
    ``InputError`` when no cell is called ``baseline``, when a cell mixes data, and when no cell has ``metric`` or none
    is better by it.
    """
    cells = (
        *group_runs([run for run in runs if not run.outside]),
        *outside_cells([run for run in runs if run.outside]),
    )
    done = [cell for cell in cells if cell.runs]
    split: Split = "test" if any(run.measures.test for run in runs) or not done else "validation"
    baselines = _baseline_rows(done) if split == "test" else ()
    scores = {cell.label: read_scores(cell) if split == "test" else None for cell in done}
    figures = {cell.label: _figures(cell, split) for cell in done}
    known = estimate_cells(done, figures, scores)
    rows = [Row(cell.label, known.of[cell.label], len(cell.runs), outside=is_outside(cell)) for cell in done]
    measured = {name for row in rows for name in row.estimates}
    main = _checked(metric, measured) if metric else main_metric(measured)
    rows = [replace(row, mark=_mark(judged_by(measured, main), row, baselines)) for row in rows]
    named = find_cell(done, baseline) if baseline else (done[0] if len(done) > 1 else None)
    seedless = frozenset(row.label for row in rows if row.outside)
    compared = compare_all(scores, named.label, main, seedless) if named else NO_COMPARISONS
    lead, family = _lead(_ranked(rows, main), scores, main, seedless)
    return Summary(
        title=title,
        split=split,
        runs=tuple(runs),
        cells=cells,
        rows=tuple(rows),
        main=main,
        baselines=baselines,
        best={name: _best(name, rows) for name in (*METRICS, *COSTS)},
        against=named.label if named else None,
        comparisons=compared.differences,
        lead=lead,
        lead_family=family,
        notes=(
            *memorisation_notes(done),
            *study_notes(cells, split),
            *protocol_notes(done),
            *known.notes,
            *compared.notes,
        ),
    )


def _lead(
    ranked: Sequence[Row], scores: Mapping[str, CellScores | None], main: str, seedless: frozenset[str]
) -> tuple[Difference | None, int]:
    """Compare the best cell with all others, as which is the next is known only now, and return the next."""
    if len(ranked) < 2:
        return None, 0
    best, following = ranked[0].label, ranked[1].label
    others = compare_all(scores, best, main, seedless).differences
    return (others[following].reversed if following in others else None), len(others)


def _figures(cell: Cell, split: Split) -> list[Numbers]:
    return [run.measures.test if split == "test" else run.measures.validation for run in cell.runs]


def _checked(metric: str, measured: Collection[str]) -> str:
    """Return ``metric`` if cells can be ordered by it."""
    known = [name for name, each in METRICS.items() if each.better is not None and name in measured]
    if metric not in known:
        near = did_you_mean(metric, known)
        raise InputError(f"no metric '{metric}' to compare cells by; there are: {', '.join(known) or 'none'}{near}")
    return metric


def _ranked(rows: Sequence[Row], main: str) -> tuple[Row, ...]:
    sign = -1 if METRICS[main].better == "higher" else 1
    measured = [row for row in rows if main in row.estimates]
    return tuple(sorted(measured, key=lambda row: sign * row.estimates[main].mean))


def _mark(metrics: Sequence[str], row: Row, baselines: Sequence[BaselineRow]) -> str:
    own = {each.name: each.row.estimates for each in baselines if row.label in each.cells}
    return mark(metrics, row.estimates, own)


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
                for metric, each in over_seeds(
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
    title = BASELINES.get(name, name) + (" (control)" if name in CONTROLS else "")
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
