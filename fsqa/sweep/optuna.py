"""The sweeper that searches: ``hydra/sweeper=optuna``."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf

from fsqa.config.check import check_node
from fsqa.errors import InputError
from fsqa.study.plan import FILE as PLAN
from fsqa.study.plan import FOLDER
from fsqa.study.trial import Reporting
from fsqa.sweep.base import PlannedJob, Sweep
from fsqa.sweep.found import told, write_trials
from fsqa.sweep.outcome import Outcome
from fsqa.sweep.search import Search, SearchSettings
from fsqa.sweep.space import Space, read_space
from fsqa.sweep.trials import Trials

SETTINGS = "fsqa.sweep.search.SearchSettings"
METRICS = {"val/f1": "maximize"}
LOCK = Path(FOLDER) / "search.lock"
DATABASE = "optuna.db"


class OptunaSweeper(Sweeper):
    """Asks Optuna for trials, runs them by Hydra's launcher, and tells Optuna how they ended.

    Where no key is searched, the runs are those of one trial: one per seed. The keys are those of
    ``conf/hydra/sweeper/optuna.yaml``.
    """

    def __init__(self, *, params: Mapping[str, str] | None, metrics: Mapping[str, str] | None, **settings: Any) -> None:
        self._params = dict(params or {})
        keys = {"metrics": metrics or METRICS, **settings}
        self._keys: dict[str, Any] = {name: _plain(value) for name, value in keys.items()}

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Prepare for the sweep that the task function asks for: it holds what is to become of the result."""
        self._parser = OverridesParser.create(config_loader=hydra_context.config_loader)
        self._study = str(config.study)
        self._sweep = Sweep(config=config, hydra_context=hydra_context, result=task_function.sweep)  # type: ignore[attr-defined]

    def sweep(self, arguments: list[str]) -> None:
        """Run the search that the overrides describe, to its last trial."""
        with self._sweep.begun():
            if find_spec("optuna") is None:
                raise InputError("hydra/sweeper=optuna needs the package optuna: pip install 'fsqa[sweep]'")
            words = [*(f"{key}={value}" for key, value in self._params.items()), *arguments]
            space = read_space(self._parser.parse_overrides(words))
            check_node("hydra.sweeper", {"_target_": SETTINGS, **self._keys}, allow=[])
            settings = SearchSettings(**self._keys)
            if not space.dimensions:
                self._sweep.launch(self._sweep.plan(space.runs({})))
                return
            with _alone(self._sweep.study):
                self._search(space, settings)

    def _search(self, space: Space, settings: SearchSettings) -> None:
        folder, metrics = self._sweep.study, settings.metrics
        url = settings.storage or f"sqlite:///{folder / DATABASE}"
        search = Search(self._study, url, space, settings)
        Reporting(
            storage=url,
            study=self._study,
            metric=next(iter(metrics)),
            pruner=settings.pruner,
            pruner_options=settings.pruner_options,
            seeds=space.seeds,
        ).write(folder)
        trials = Trials(search, space, settings, self._launch, lambda line: print(line, flush=True))
        trials.run(after=lambda: write_trials(folder, search, space, metrics))
        write_trials(folder, search, space, metrics)
        for line in told(self._study, search, space, metrics):
            print(line, flush=True)

    def _launch(self, jobs: Sequence[Sequence[str]]) -> Sequence[Outcome]:
        """Run jobs, given as their overrides; one whose config cannot work is a failed one among the others."""
        planned: dict[int, PlannedJob] = {}
        outcomes: dict[int, Outcome] = {}
        for place, overrides in enumerate(jobs):
            try:
                (planned[place],) = self._sweep.plan([overrides])
            except InputError as error:
                name = " ".join(overrides)
                refused = Outcome(run="", state="failed", reason=str(error), name=name, is_mistake=True)
                outcomes[place] = refused
                self._sweep.result.outcomes.append(refused)
        outcomes |= zip(planned, self._sweep.launch(list(planned.values())), strict=True)
        return [outcomes[place] for place in range(len(jobs))]


def _plain(value: Any) -> Any:
    return OmegaConf.to_container(value) if OmegaConf.is_config(value) else value


@contextmanager
def _alone(study: Path) -> Iterator[None]:
    """Hold a study for one search; the lock dies with its owner."""
    path = study / LOCK
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = path.open("w")
    except OSError as error:
        raise InputError(
            f"outputs: cannot write to {study}: {error.strerror}; set outputs= to a folder you own"
        ) from None
    with handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise InputError(f"{study}: another process is searching in this study; wait for it to end") from None
        with _left_as_it_was(study):
            yield


@contextmanager
def _left_as_it_was(study: Path) -> Iterator[None]:
    """Take away the lock, and folders that hold nothing else, where the search could not begin."""
    try:
        yield
    except InputError:
        if not (study / FOLDER / PLAN).exists():
            (study / LOCK).unlink()
            with suppress(OSError):
                (study / FOLDER).rmdir()
                study.rmdir()
        raise
