"""What a sweep is going to run, kept beside the runs so that others can see what is left."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from fsqa.errors import InputError
from fsqa.files import write_json

FOLDER = ".sweep"
"""Where a study's folder keeps what its sweeps write."""

FILE = "plan.json"

OUTCOMES = "outcomes.jsonl"
"""Where the latest sweep writes how its jobs ended, beside its plan."""


@dataclass(frozen=True, slots=True)
class Planned:
    """One run of a sweep."""

    run: str
    """Name of the run's folder below the study's."""
    overrides: tuple[str, ...]
    """What tells this run from the others, as it would be typed."""


def write_plan(study: Path, planned: Sequence[Planned]) -> None:
    """Write down the runs of a sweep, in their order; an earlier sweep's plan is replaced."""
    write_json(study / FOLDER / FILE, [asdict(each) for each in planned])


def read_plan(study: Path) -> tuple[Planned, ...]:
    """Return the runs of the study's latest sweep, in their order; none where there was no sweep."""
    path = study / FOLDER / FILE
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return tuple(Planned(run=str(each["run"]), overrides=tuple(map(str, each["overrides"]))) for each in content)
    except (FileNotFoundError, NotADirectoryError):
        return ()
    except (ValueError, TypeError, KeyError) as error:
        raise InputError(f"{path}: broken ({error}); delete it, the next sweep writes it anew") from None
