"""A study while it runs: what every run is at, and how long the rest will take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

State = Literal["done", "running", "failed", "killed", "interrupted", "pruned", "left"]
STATES: tuple[State, ...] = ("done", "running", "failed", "killed", "interrupted", "pruned", "left")
"""Every state, in the order in which they are told. A killed run says that it is running, a left one nothing yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunState:
    """One run of a study, as it is right now."""

    name: str
    """Name of its folder."""
    label: str
    """What tells it from the other runs of its sweep, as it was typed; its name where no sweep has planned it."""
    kind: str
    """The same for runs that differ by their seed alone."""
    state: State
    reason: str = ""
    """Why it is not done, in one line."""
    host: str = ""
    step: int | None = None
    """Optimizer steps so far."""
    total_steps: int | None = None
    """Optimizer steps that its training takes; unknown until it begins."""
    seconds: float | None = None
    """What a done run took; how long ago a running one was started."""
    trained_seconds: float = 0.0
    """Seconds of training up to ``step``, those before an interruption included."""
    unseen: float | None = None
    """Seconds since a run on another machine wrote anything, when that is long ago."""
    is_waiting: bool = False
    """Whether the latest sweep has yet to begin it, or to try it again."""
    figures: Mapping[str, float] = field(default_factory=dict)
    """What a done run measured on test, and a running one at its last validation."""

    @property
    def is_at_work(self) -> bool:
        """Whether a process trains or scores it now, as far as can be told."""
        return self.state == "running" and self.unseen is None

    @property
    def share(self) -> float:
        """How much of its training is done, from 0 to 1."""
        if self.state in ("done", "pruned"):
            return 1.0
        if self.state != "running" or not self.step or not self.total_steps:
            return 0.0
        return min(1.0, self.step / self.total_steps)

    @property
    def whole_training(self) -> float | None:
        """Seconds that its training will have taken at the pace so far."""
        return self.trained_seconds / self.share if self.state == "running" and self.share else None


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyState:
    """A study as it is right now."""

    name: str
    runs: tuple[RunState, ...]
    """Planned runs in the order of their sweep, then all others by name."""
    elapsed: float
    """Seconds since its latest sweep began."""
    is_swept: bool
    """Whether a sweep is at it, as far as can be told: if no run is, then the next is about to begin."""

    def of(self, *states: State) -> tuple[RunState, ...]:
        """Return the runs in these states."""
        return tuple(run for run in self.runs if run.state in states)

    @property
    def at_once(self) -> int:
        """How many runs are at work now, as far as can be told."""
        return sum(run.is_at_work for run in self.runs)

    @property
    def share(self) -> float:
        """How much of the study is done, from 0 to 1."""
        return sum(run.share for run in self.runs) / len(self.runs)

    @property
    def is_over(self) -> bool:
        """Whether nothing runs, and nothing is about to."""
        return not self.of("running") and not self.is_swept

    @property
    def remaining(self) -> float | None:
        """Estimate the seconds until the latest sweep is through; None while nothing is known about durations.

        A run takes as long as the done ones that differ from it by their seed alone, else as all done ones; before
        any is done, as long as the training of those at work will at their pace. As many go on side by side as do now.
        """
        taken: dict[str, list[float]] = {}
        for run in self.of("done"):
            taken.setdefault(run.kind, []).append(run.seconds or 0.0)
        usual = [seconds for own in taken.values() for seconds in own]
        paces = [run.whole_training for run in self.of("running") if run.whole_training]
        rests = []
        for run in self.runs:
            if run.is_waiting or run.is_at_work:
                known = taken.get(run.kind) or usual or ([run.whole_training] if run.whole_training else paces)
                if not known:
                    return None
                rests.append((1 - run.share) * sum(known) / len(known))
        return max(sum(rests) / max(1, self.at_once), *rests) if rests else 0.0
