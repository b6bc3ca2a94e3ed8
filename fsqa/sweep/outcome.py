"""How one job of a sweep ended."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

DONE = ("done", "already done")
"""States of runs that have a result."""

FAILED = ("failed", "killed")
"""States of runs that went wrong by themselves."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a run of a sweep ended, in values that any process can hand to any other."""

    run: str
    """The run's folder."""
    state: str
    """``done``, ``already done``, ``failed``, ``killed``, ``interrupted``, ``pruned``, ``elsewhere`` (another process
    holds the run) or ``not started``."""
    reason: str = ""
    """One line that says why the run is not done."""
    seconds: float = 0.0
    values: Mapping[str, float] = field(default_factory=dict)
    """Figures of validation and test, as ``val/f1`` and ``test/f1``; empty unless the run is done."""
    name: str = ""
    """The overrides that tell this run from the others of the sweep, where they are known."""
    is_mistake: bool = False
    """Whether a failure is the user's to mend, and no bug."""

    @property
    def is_done(self) -> bool:
        """Whether the run has a result."""
        return self.state in DONE

    @property
    def has_failed(self) -> bool:
        """Whether the run went wrong by itself."""
        return self.state in FAILED


def figures(run: Path) -> dict[str, float]:
    """Return what a finished run measured on validation and test, as ``val/f1`` and ``test/f1``."""
    metrics = json.loads((run / "metrics.json").read_text(encoding="utf-8"))
    return {
        f"{split}/{name}": float(value)
        for split in ("val", "test")
        for name, value in metrics[split].items()
        if isinstance(value, int | float)
    }
