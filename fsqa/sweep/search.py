"""A search: trials are asked of Optuna, run by somebody else, and told."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fsqa.errors import InputError, did_you_mean
from fsqa.metrics.catalogue import METRICS
from fsqa.study.trial import PRUNED, PRUNERS, check_name, make, make_pruner, open_storage, quiet
from fsqa.sweep.space import Params, Space

if TYPE_CHECKING:
    import optuna

GRID = "grid"
SAMPLERS = {
    "tpe": "TPESampler",
    "random": "RandomSampler",
    "cmaes": "CmaEsSampler",
    "nsgaii": "NSGAIISampler",
    GRID: "RandomSampler",  # not drawn from: a grid is gone through in its own order
}
"""Classes of ``optuna.samplers`` by the names that a config gives them."""

DIRECTIONS = ("maximize", "minimize")
VALIDATION = "val/"


@dataclass(frozen=True, kw_only=True)
class SearchSettings:
    """The keys of ``hydra/sweeper=optuna``; raises InputError for values that cannot work."""

    metrics: dict[str, str]
    """Figures of the validation split, ``val/...``, each ``maximize`` or ``minimize``."""
    n_trials: int
    n_jobs: int
    sampler: str
    sampler_seed: int
    sampler_options: dict[str, Any]
    pruner: str
    pruner_options: dict[str, Any]
    storage: str | None
    max_failure_rate: float

    def __post_init__(self) -> None:
        if not self.metrics:
            raise InputError("hydra.sweeper.metrics: name what to search for, as in {val/f1: maximize}")
        for name, direction in self.metrics.items():
            _check_metric(name)
            check_name(f"hydra.sweeper.metrics.{name}", direction, dict.fromkeys(DIRECTIONS))
        for key in ("n_trials", "n_jobs"):
            if getattr(self, key) < 1:
                raise InputError(f"hydra.sweeper.{key}: wanted 1 or more, got {getattr(self, key)}")
        if self.sampler_seed < 0:
            raise InputError(f"hydra.sweeper.sampler_seed: wanted 0 or more, got {self.sampler_seed}")
        if not 0 <= self.max_failure_rate <= 1:
            raise InputError(f"hydra.sweeper.max_failure_rate: wanted a share in 0..1, got {self.max_failure_rate}")
        check_name("hydra.sweeper.sampler", self.sampler, SAMPLERS)
        check_name("hydra.sweeper.pruner", self.pruner, PRUNERS)
        if self.prunes and len(self.metrics) > 1:
            raise InputError(
                f"hydra.sweeper.pruner={self.pruner}: which of {len(self.metrics)} metrics would decide? With several "
                "metrics set hydra.sweeper.pruner=none"
            )

    @property
    def prunes(self) -> bool:
        """Whether runs may be stopped early."""
        return self.pruner != "none"


@dataclass(frozen=True)
class Proposal:
    """A trial that is to be run."""

    number: int
    params: Params
    key: int
    """What the database knows it by."""

    @classmethod
    def of(cls, trial: Any) -> Proposal:
        """Return one of Optuna's trials as a proposal."""
        return cls(trial.number, trial.params, trial._trial_id)


class Search:
    """Asks and tells the trials of one study in a database, which outlives the process.

    A killed search is taken up where it was: trials it left running are proposed again, trials that failed in an
    earlier search are tried once more, and ``n_trials`` counts all that there are.
    """

    def __init__(self, name: str, url: str, space: Space, settings: SearchSettings) -> None:
        import optuna

        quiet()
        self._space, self._settings = space, settings
        self._grid = list(space.grid()) if settings.sampler == GRID else None
        make_sampler(settings, 0)  # options that it refuses are told before anything is written
        pruner = make_pruner(settings.pruner, settings.pruner_options)
        self.storage = open_storage(url)
        self.study = optuna.create_study(
            study_name=name,
            storage=self.storage,
            directions=list(settings.metrics.values()) if _is_new(self.storage, name) else None,
            pruner=pruner,
            load_if_exists=True,
        )
        self._check_same()
        states = optuna.trial.TrialState
        self._pending: list[Proposal] = []
        for trial in self.trials(states.RUNNING):
            if set(trial.params) != set(space.dimensions):  # killed while its values were drawn
                self.study.tell(trial.number, state=states.FAIL)
            elif reason := trial.user_attrs.get(PRUNED):  # killed after its run was stopped
                self.tell_pruned(Proposal.of(trial), reason)
            else:
                self._pending.append(Proposal.of(trial))
        self._failed_before = {trial.number for trial in self.trials(states.FAIL)}
        self._again = self._failures_to_repeat()

    @property
    def failures(self) -> int:
        """Trials that failed in this search."""
        import optuna

        return len(self.trials(optuna.trial.TrialState.FAIL)) - len(self._failed_before)

    def ask(self) -> list[Proposal]:
        """Return the next trials, up to ``n_jobs``; empty when ``n_trials`` have been run.

        All trials count, but for those that failed in an earlier search and are tried again.
        """
        wanted = self._settings.n_jobs
        proposals, self._pending = self._pending[:wanted], self._pending[wanted:]
        trials = self.trials()
        counted = sum(trial.state.name != "WAITING" for trial in trials) - len(self._failed_before)
        tried: list[Params] = [trial.params for trial in trials]
        for _ in range(min(wanted - len(proposals), self._settings.n_trials - counted)):
            if (proposal := self._draw(tried)) is None:
                break
            proposals.append(proposal)
            tried.append(proposal.params)
        return proposals

    def tell_values(self, trial: Proposal, values: Sequence[float]) -> None:
        """Tell the values of the metrics, in their order; one that is no number makes the trial a failure."""
        if all(math.isfinite(value) for value in values):
            self.study.tell(trial.number, list(values))
        else:
            self.tell_failed(trial, "a metric is no number")

    def tell_failed(self, trial: Proposal, reason: str) -> None:
        """Tell that a trial failed, and why."""
        import optuna

        self.note(trial, "reason", reason)
        self.study.tell(trial.number, state=optuna.trial.TrialState.FAIL)

    def tell_pruned(self, trial: Proposal, reason: str) -> None:
        """Tell that a run of the trial was stopped early."""
        import optuna

        self.note(trial, "reason", reason)
        self.study.tell(trial.number, state=optuna.trial.TrialState.PRUNED)

    def tell_pruned_as(self, trial: Proposal, twin: optuna.trial.FrozenTrial) -> None:
        """Tell that a trial went the way of another one with the same values."""
        for step, value in twin.intermediate_values.items():
            self.storage.set_trial_intermediate_value(trial.key, step, value)
        self.tell_pruned(trial, f"the same values as trial {twin.number}")

    def note(self, trial: Proposal, name: str, value: Any) -> None:
        """Keep something about a trial that has not ended."""
        self.storage.set_trial_user_attr(trial.key, name, value)

    def pruned_twin(self, proposal: Proposal) -> optuna.trial.FrozenTrial | None:
        """Return an earlier trial with the same values that was stopped early, if there is one."""
        import optuna

        pruned = self.trials(optuna.trial.TrialState.PRUNED)
        return next((trial for trial in pruned if trial.params == proposal.params), None)

    def trials(self, state: optuna.trial.TrialState | None = None) -> list[optuna.trial.FrozenTrial]:
        """Return the trials by their number, all or those in one state."""
        return self.study.get_trials(deepcopy=False, states=None if state is None else (state,))

    @property
    def best(self) -> list[optuna.trial.FrozenTrial]:
        """The best trial, or with several metrics those that no other beats in all; empty while none is complete."""
        import optuna

        if not self.trials(optuna.trial.TrialState.COMPLETE):
            return []
        return [self.study.best_trial] if len(self._settings.metrics) == 1 else self.study.best_trials

    def _draw(self, tried: Sequence[Params]) -> Proposal | None:
        """Ask for one more trial, ``tried`` being the values of all so far; None when a grid has no more."""
        if self._again:
            self.study.enqueue_trial(self._again.pop(0))
        elif self._grid is not None:
            left = next((params for params in self._grid if params not in tried), None)
            if left is None:
                return None
            self.study.enqueue_trial(left)
        self.study.sampler = make_sampler(self._settings, len(tried))
        return Proposal.of(self.study.ask(self._space.distributions))

    def _failures_to_repeat(self) -> list[Params]:
        trials = self.trials()
        tried = [trial.params for trial in trials if trial.number not in self._failed_before]
        again: list[Params] = []
        for number in sorted(self._failed_before):
            params = trials[number].params
            if set(params) == set(self._space.dimensions) and params not in [*tried, *again]:
                again.append(params)
        return again

    def _check_same(self) -> None:
        """Refuse trials that were judged otherwise, or drawn from elsewhere."""
        now = {"metrics": dict(self._settings.metrics), **self._space.description()}
        held = self.study.user_attrs.get("search")
        if held is None:
            self.study.set_user_attr("search", now)
            return
        for name, value in now.items():
            if held.get(name) != value:
                raise InputError(
                    f"hydra.sweeper: the search of study '{self.study.study_name}' was begun with other {name} "
                    f"({_difference(held.get(name), value)}), and its trials cannot be compared with new ones; go on "
                    "as it was begun, or set study= to search anew"
                )


def make_sampler(settings: SearchSettings, number: int) -> optuna.samplers.BaseSampler:
    """Make the sampler that draws trial ``number``.

    Every trial has random numbers of its own, so that a search that was stopped goes on as if it had not been.
    """
    import optuna

    kind = getattr(optuna.samplers, SAMPLERS[settings.sampler])
    options = dict(settings.sampler_options)
    if settings.sampler == "tpe" and settings.n_jobs > 1:
        options = {"constant_liar": True} | options  # trials that run at once are kept apart
    if settings.sampler == "cmaes":
        options = {"warn_independent_sampling": False} | options
    seed = int(np.random.SeedSequence([settings.sampler_seed, number]).generate_state(1)[0])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return make("hydra.sweeper.sampler_options", kind, {"seed": seed} | options)


def _check_metric(name: str) -> None:
    if name.startswith("test/"):
        raise InputError(
            f"hydra.sweeper.metrics: '{name}' would choose by the test split, which then tells nothing about new "
            f"questions; choose by validation: {VALIDATION}{name.removeprefix('test/')}"
        )
    known = [f"{VALIDATION}{metric}" for metric in METRICS]
    if name not in known:
        near = did_you_mean(name if name.startswith(VALIDATION) else f"{VALIDATION}{name}", known)
        raise InputError(f"hydra.sweeper.metrics: wanted a figure of the validation split, got '{name}'{near}")


def _is_new(storage: optuna.storages.RDBStorage, name: str) -> bool:
    return name not in [study.study_name for study in storage.get_all_studies()]


def _difference(held: Any, now: Any) -> str:
    if isinstance(held, Mapping) and isinstance(now, Mapping):
        keys = sorted(key for key in {*held, *now} if held.get(key) != now.get(key))
        return f"it differs in {', '.join(keys)}"
    return f"{held}, now {now}"
