"""What the processes of one sweep tell each other: that it is to stop, and how its jobs have ended."""

from __future__ import annotations

import fcntl
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from fsqa.study.plan import FOLDER, OUTCOMES
from fsqa.study.sweeping import Sweeper, sweepers
from fsqa.sweep.outcome import Outcome

PAUSE = 0.05
PATIENCE = 10.0
"""Seconds that a run has to write that it was interrupted, before it is left to its fate."""
QUIET = 3.0
"""Seconds in which a process that a launcher has started shows itself."""

_here: list[str] = []
"""Sweeps of which this process looks after a run right now."""


@dataclass(frozen=True, kw_only=True)
class Control:
    """One sweep, as all its processes see it: through files of the study, whatever launcher started them.

    A file of the study stands for the sweep: it is there from begin to end, what is written in it is the order to
    stop, and whoever looks after a run holds a shared lock on it. Locks die with their owners, so a killed process
    keeps nobody waiting.
    """

    study: Path
    sweeper: Sweeper

    @classmethod
    def of_this_process(cls, study: Path) -> Control:
        """Make the control of a sweep that this process runs."""
        return cls(study=study, sweeper=Sweeper.of_this_process())

    @property
    def identity(self) -> str:
        """What no other sweep is called."""
        return self.sweeper.identity

    @property
    def path(self) -> Path:
        """The file that stands for the sweep."""
        return self.sweeper.file(self.study)

    @property
    def outcomes_path(self) -> Path:
        """Where a line per ended job is kept."""
        return self.study / FOLDER / OUTCOMES

    @contextmanager
    def begun(self) -> Iterator[None]:
        """Let the sweep exist; unless another one is at this study, forget how earlier ones ended."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        for path, sweeper in sweepers(self.study).items():
            if sweeper.is_gone:
                path.unlink(missing_ok=True)
        if not sweepers(self.study):
            self.outcomes_path.unlink(missing_ok=True)
        self.path.touch()
        try:
            yield
        finally:
            self.path.unlink(missing_ok=True)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Show the sweep, for as long as it lasts, that this process looks after a run."""
        with self.path.open("r") as file:
            fcntl.flock(file, fcntl.LOCK_SH)
            _here.append(self.identity)
            try:
                yield
            finally:
                _here.remove(self.identity)

    def stop(self) -> None:
        """Give the order to stop, and wait a while for other processes to end the runs they look after."""
        self.path.write_text("stop\n", encoding="utf-8")
        until = time.monotonic() + PATIENCE
        while self.identity not in _here and self._is_held() and time.monotonic() < until:
            time.sleep(PAUSE)

    def wait_for_others(self) -> None:
        """Wait until no process has looked after a run for a while."""
        quiet_since = time.monotonic()
        while time.monotonic() < quiet_since + QUIET:
            if self._is_held():
                quiet_since = time.monotonic()
            time.sleep(PAUSE)

    def _is_held(self) -> bool:
        with self.path.open("r") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False

    def is_stopped(self) -> bool:
        """Whether no run is to go on: the order was given, or the sweep's own process is gone from this machine."""
        try:
            ordered = self.path.stat().st_size > 0
        except FileNotFoundError:
            return True
        return ordered or self.sweeper.is_gone

    def record(self, outcome: Outcome) -> None:
        """Add how a job ended."""
        line = json.dumps({"sweep": self.identity, **asdict(outcome)}, ensure_ascii=False) + "\n"
        with self.outcomes_path.open("a", encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.write(line)

    def outcomes(self) -> tuple[Outcome, ...]:
        """Return how the jobs of this sweep have ended so far."""
        try:
            lines = self.outcomes_path.read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return ()
        read = [json.loads(line) for line in lines]
        return tuple(
            Outcome(**{name: value for name, value in line.items() if name != "sweep"})
            for line in read
            if line["sweep"] == self.identity
        )

    def refusal(self, tolerated: int | None) -> str:
        """Return why no further job may begin, or an empty string; ``tolerated`` failures do not matter."""
        if self.is_stopped():
            return "the sweep was stopped"
        if tolerated is None:
            return ""
        failures = sum(outcome.has_failed for outcome in self.outcomes())
        return f"{failures} failed, and the sweep goes on after {tolerated} at most" if failures > tolerated else ""
