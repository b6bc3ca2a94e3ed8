"""Trials of a search, as the runs that belong to them know them: where to report, and who judges."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fsqa.errors import InputError, did_you_mean
from fsqa.files import write_json

if TYPE_CHECKING:
    import optuna

FILE = Path(".sweep") / "search.json"
"""Where a search tells its runs about itself, below the study's folder."""

PRUNERS = {
    "none": "NopPruner",
    "median": "MedianPruner",
    "percentile": "PercentilePruner",
    "successive_halving": "SuccessiveHalvingPruner",
    "hyperband": "HyperbandPruner",
    "threshold": "ThresholdPruner",
}
"""Classes of ``optuna.pruners`` by the names that a config gives them."""

PRUNED = "pruned"
"""Attribute of a trial that says why a run of it was stopped."""

LOCK_SECONDS = 60
"""How long to wait for SQLite while another process writes."""


@dataclass(frozen=True, kw_only=True)
class Reporting:
    """What a run has to know to report to the trial it belongs to."""

    storage: str
    """URL of the database."""
    study: str
    metric: str
    pruner: str
    pruner_options: Mapping[str, Any]
    seeds: tuple[int, ...]
    """Seeds of one trial's runs, in the order they are started."""

    def write(self, study: Path) -> None:
        """Write it down for the runs of a study's folder."""
        write_json(study / FILE, asdict(self))

    @classmethod
    def read(cls, study: Path) -> Reporting:
        """Return what the search in a study's folder wrote; raises InputError where none did."""
        try:
            content = json.loads((study / FILE).read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise InputError(
                f"sweep.trial: there is no search in {study}; leave it at null, hydra/sweeper=optuna sets it"
            ) from None
        return cls(**{**content, "seeds": tuple(content["seeds"])})


class TrialJudge:
    """Reports a run's validations to its trial, and says whether the run is to go on."""

    def __init__(self, reporting: Reporting, number: int, seed: int) -> None:
        import optuna

        quiet()
        self._reporting, self._number = reporting, number
        self._place = reporting.seeds.index(seed) if seed in reporting.seeds else 0
        study = optuna.load_study(
            study_name=reporting.study,
            storage=open_storage(reporting.storage),
            pruner=make_pruner(reporting.pruner, reporting.pruner_options),
        )
        self._trial = optuna.trial.Trial(study, study.trials[number]._trial_id)

    def __call__(self, value: float, step: int, steps: int) -> str:
        """Report the metric's value at a step; return why the run is to be stopped, or an empty string.

        A trial of several seeds is one series: the steps of a later seed's run count on from those of the former.
        """
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a resumed run reports once more what it reported before
            self._trial.report(value, self._place * steps + step)
        if not self._trial.should_prune():
            return ""
        asked = self._reporting
        reason = f"trial {self._number}: {asked.metric} {value:.4g} at step {step} falls behind ({asked.pruner})"
        self._trial.set_user_attr(PRUNED, reason)
        return reason


def make_pruner(name: str, options: Mapping[str, Any]) -> optuna.pruners.BasePruner:
    """Make one of Optuna's pruners by its name here; raises InputError for a wrong name or wrong options."""
    import optuna

    check_name("hydra.sweeper.pruner", name, PRUNERS)
    return make("hydra.sweeper.pruner_options", getattr(optuna.pruners, PRUNERS[name]), options)


def make(key: str, kind: Any, options: Mapping[str, Any]) -> Any:
    """Call a class of Optuna with options from a config key; what it refuses is an InputError."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that an option may change is no user's to act on
            return kind(**options)
    except (TypeError, ValueError) as error:
        raise InputError(f"{key}: optuna's {kind.__name__} refuses {dict(options)}: {error}") from None


def check_name(key: str, name: str, known: Mapping[str, Any]) -> None:
    """Raise InputError for a name that is none of the known ones."""
    if name not in known:
        raise InputError(f"{key}: wanted one of {', '.join(known)}, got '{name}'{did_you_mean(str(name), known)}")


def open_storage(url: str) -> optuna.storages.RDBStorage:
    """Open the database of a search, or make it; raises InputError where that cannot be done."""
    import optuna

    waiting = {"connect_args": {"timeout": LOCK_SECONDS}} if url.startswith("sqlite:") else {}
    try:
        return optuna.storages.RDBStorage(url, engine_kwargs=waiting)
    except Exception as error:  # sqlalchemy's, alembic's and the driver's own
        raise InputError(f"hydra.sweeper.storage: cannot open {url}: {str(error).splitlines()[0]}") from error


def quiet() -> None:
    """Keep Optuna's log out of the terminal; what matters is told by fsqa."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
