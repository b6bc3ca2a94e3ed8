"""What all sweepers have in common: jobs are checked before any begins, run each in a process of its own, and told."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from hydra.core.plugins import Plugins
from hydra.types import HydraContext
from omegaconf import DictConfig

from fsqa.errors import InputError
from fsqa.study.ending import one_line
from fsqa.study.folder import RunFolder
from fsqa.study.plan import Planned, write_plan
from fsqa.sweep.composing import Composer
from fsqa.sweep.control import Control
from fsqa.sweep.isolation import found
from fsqa.sweep.job import Job
from fsqa.sweep.outcome import Outcome, figures
from fsqa.sweep.stop import stoppable
from fsqa.sweep.telling import tell
from fsqa.train import is_finished

LAUNCHES = 2
"""How often one job is given to a launcher, which may lose it by no fault of the job."""

TRIAL = "sweep.trial="

LOST = "its worker was killed"


@dataclass
class SweepResult:
    """What a sweeper leaves for the command that started it."""

    outcomes: list[Outcome] = field(default_factory=list)
    refused: InputError | None = None
    """Why nothing was, or nothing further could be, begun."""


@dataclass(frozen=True)
class PlannedJob:
    """A job whose config is known to be fine."""

    overrides: tuple[str, ...]
    own: tuple[str, ...]
    """The overrides that tell it from the others."""
    folder: RunFolder

    @property
    def path(self) -> Path:
        """The run's folder."""
        return self.folder.path

    def outcome(self, state: str, reason: str = "", *, is_mistake: bool = False) -> Outcome:
        """Return how it ended, as far as that is known without having run it here."""
        values = figures(self.path) if state in ("done", "already done") else {}
        return Outcome(run=str(self.path), state=state, reason=reason, values=values, is_mistake=is_mistake)


class Sweep:
    """Plans runs, hands them to Hydra's launcher and finds out how each ended. A sweeper makes one in its ``setup``.

    It is used so, with as many batches as there are::

        with sweep.begun():
            outcomes = sweep.launch(sweep.plan(lists_of_overrides))
    """

    def __init__(self, *, config: DictConfig, hydra_context: HydraContext, result: SweepResult) -> None:
        self.study = Path(config.outputs) / config.study
        """Where the sweep keeps its own files; runs of a sweep over ``study`` itself go to folders beside it."""
        self.result = result
        self._control = Control.of_this_process(self.study)
        self._launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=Job(control=self._control), config=config
        )
        self._composer = Composer(hydra_context.config_loader, config)
        self._planned: list[PlannedJob] = []
        self._launched = 0
        self._trouble = ""
        self._running: ExitStack | None = None

    def plan(self, jobs: Sequence[Sequence[str]]) -> tuple[PlannedJob, ...]:
        """Compose and check every job, given as its overrides; nothing is written before the first launch.

        Raises InputError, before any of them has begun, for the first job that cannot work.
        """
        names = _own([tuple(overrides) for overrides in jobs])
        planned = [
            PlannedJob(tuple(overrides), name, self._composer.folder(overrides, name))
            for overrides, name in zip(jobs, names, strict=True)
        ]
        self._planned += planned
        return tuple(planned)

    @contextmanager
    def begun(self) -> Iterator[None]:
        """Hold the sweep together. A stop ends all its processes; an InputError is kept in the result."""
        with ExitStack() as running, stoppable(before=self._stop):
            self._running = running
            try:
                yield
            except InputError as error:  # Hydra would print it as a bug
                self.result.refused = error

    def launch(self, jobs: Sequence[PlannedJob]) -> tuple[Outcome, ...]:
        """Run the jobs that have no result yet, and return how each ended, in their order."""
        self._begin()
        ended: dict[Path, Outcome] = {}
        for job in jobs:
            if (outcome := _ended_before(job)) is not None:
                ended[job.path] = outcome
                self._control.record(outcome)
        for _ in range(LAUNCHES):
            # what stands twice among the jobs is one run
            if left := list({job.path: job for job in jobs if job.path not in ended}.values()):
                ended |= self._launch(left)
        for job in jobs:
            if job.path not in ended:
                ended[job.path] = self._lost(job)
                self._control.record(ended[job.path])
        outcomes = tuple(replace(ended[job.path], name=" ".join(job.own)) for job in jobs)
        self.result.outcomes += outcomes
        return outcomes

    def _begin(self) -> None:
        """Let the sweep's processes find each other, and write down all that is going to run as far as is known."""
        if self._running is not None:
            self._running.enter_context(self._control.begun())
            self._running = None
        names = _own([job.overrides for job in self._planned])
        write_plan(
            self.study,
            [Planned(run=job.path.name, overrides=name) for job, name in zip(self._planned, names, strict=True)],
        )

    def _stop(self) -> None:
        if self._running is None:
            self._control.stop()

    def _launch(self, jobs: Sequence[PlannedJob]) -> dict[Path, Outcome]:
        """Hand jobs to the launcher; return how those ended that it did not lose."""
        first, self._launched = self._launched, self._launched + len(jobs)
        try:
            returned = self._launcher.launch([job.overrides for job in jobs], initial_job_idx=first)
            return {job.path: one.return_value for job, one in zip(jobs, returned, strict=True)}
        except Exception as error:  # noqa: BLE001  # every launcher has errors of its own for a worker that is gone
            self._trouble = one_line(error)
            self._control.wait_for_others()
            told = {Path(outcome.run): outcome for outcome in self._control.outcomes()}
            ended = {job.path: told[job.path] for job in jobs if job.path in told}
            what = "a worker was lost" if ended or any(job.folder.status for job in jobs) else "the launcher failed"
            print(f"fsqa: {what} ({self._trouble})", file=sys.stderr)
            return ended

    def _lost(self, job: PlannedJob) -> Outcome:
        """Return how a job ended that no launch brought to its end."""
        if not job.folder.status:
            return job.outcome("failed", f"the launcher could not start it: {self._trouble}")
        state, reason = found(job.folder, LOST)
        return job.outcome(state, reason)


def _ended_before(job: PlannedJob) -> Outcome | None:
    """Return the outcome of a job that need not, or cannot, be run; None where it is to be run."""
    try:
        if not is_finished(job.folder):
            return None
    except InputError as error:
        return job.outcome("failed", str(error), is_mistake=True)
    tell(job.path, "already done")
    return job.outcome("already done")


def _own(jobs: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Return each job's overrides without those that all jobs have, and without what a search tells its runs."""
    common = set(jobs[0]).intersection(*jobs) if len(jobs) > 1 else set()
    return [
        tuple(word for word in overrides if word not in common and not word.startswith(TRIAL)) for overrides in jobs
    ]
