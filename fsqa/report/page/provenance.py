"""Where the figures come from: data, code, machine, configs, and the runs that did not finish."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from fsqa.report.summary import Summary
from fsqa.study.runs import Run

MOST_COLUMNS = 8
"""Cells whose settings stand side by side; of more, every value is given with how many cells have it."""
MOST_VALUES = 12
MOST_RUNS = 200
"""Runs that are not done that are listed with their reason."""


@dataclass(frozen=True, slots=True)
class Setting:
    """A config key that differs between cells."""

    key: str
    values: tuple[str, ...]
    """One per cell, or with many cells one text that counts them."""


@dataclass(frozen=True, slots=True)
class Provenance:
    """All that is told of where figures come from."""

    facts: tuple[tuple[str, str], ...]
    columns: tuple[str, ...]
    """Headings of the values: labels of cells, or with many cells what the one column holds."""
    settings: tuple[Setting, ...]
    states: str
    """How many runs are in which state that is not done."""
    unfinished: tuple[Run, ...]
    left_out: int
    """Unfinished runs beyond those listed."""


def provenance(summary: Summary) -> Provenance:
    """Return what a reader needs to make the study again, and to trust it."""
    done = [run for cell in summary.cells for run in cell.runs]
    packages = (f"{name} {version}" for run in done for name, version in run.packages.items())
    told = summary.unfinished
    side_by_side = len(summary.cells) <= MOST_COLUMNS
    return Provenance(
        facts=(
            ("Data, SHA-256", _told(run.data_sha256 for run in done)),
            ("Code", _told(run.code_version for run in done)),
            ("Packages", _told(packages)),
            ("Machines", _told(run.host for run in done)),
            ("Started", _span([run.started for run in done if run.started])),
        ),
        columns=tuple(cell.label for cell in summary.cells) if side_by_side else ("Values, and how many cells",),
        settings=_settings(summary, side_by_side),
        states=", ".join(f"{count:,} {state}" for state, count in Counter(run.state for run in told).most_common()),
        unfinished=told[:MOST_RUNS],
        left_out=max(0, len(told) - MOST_RUNS),
    )


def _told(values: Iterable[str]) -> str:
    return ", ".join(sorted({value for value in values if value})) or "not written"


def _span(times: Sequence[str]) -> str:
    """Return the first and the last time, to the minute."""
    ends = dict.fromkeys(time[:16].replace("T", " ") for time in (min(times), max(times))) if times else ()
    return " to ".join(ends) or "not written"


def _settings(summary: Summary, side_by_side: bool) -> tuple[Setting, ...]:
    keys = dict.fromkeys(key for cell in summary.cells for key in cell.settings)
    found = []
    for key in keys:
        values = [cell.settings.get(key, "—") for cell in summary.cells]
        found.append(Setting(key, tuple(values) if side_by_side else (_counted(values),)))
    return tuple(found)


def _counted(values: Sequence[str]) -> str:
    counts = Counter(values).most_common()
    told = [f"{value} ({count})" for value, count in counts[:MOST_VALUES]]
    return ", ".join([*told, *([f"and {len(counts) - MOST_VALUES} more"] if len(counts) > MOST_VALUES else [])])
