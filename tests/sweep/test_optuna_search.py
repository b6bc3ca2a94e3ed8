"""Searches over a made-up objective: no training, only asking, telling and going on."""

import re
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import optuna
import pytest

from fsqa.config.compose import parse
from fsqa.errors import InputError
from fsqa.study.trial import Reporting, TrialJudge, open_storage
from fsqa.sweep.outcome import Outcome
from fsqa.sweep.search import Search, SearchSettings
from fsqa.sweep.space import read_space
from fsqa.sweep.trials import Trials

SETTINGS = SearchSettings(
    metrics={"val/f1": "maximize"},
    n_trials=5,
    n_jobs=1,
    sampler="random",
    sampler_seed=0,
    sampler_options={},
    pruner="none",
    pruner_options={},
    storage=None,
    max_failure_rate=1.0,
)
SPACE = ("x=interval(0,1)", "y=range(0,5)", "kind=good,bad")
QUICK_TPE = {"sampler": "tpe", "sampler_options": {"n_startup_trials": 3}}
States = optuna.trial.TrialState


@cache
def empty_database() -> bytes:
    """A database without a study: making its tables takes longer than a search."""
    with TemporaryDirectory() as folder:
        open_storage(f"sqlite:///{folder}/optuna.db")
        return Path(folder, "optuna.db").read_bytes()


class Bench:
    """A search whose runs are computed from their overrides, and that keeps what was run and said."""

    def __init__(self, folder, settings=SETTINGS, words=SPACE):
        database = Path(folder, "optuna.db")
        if folder.is_dir() and not database.exists():
            database.write_bytes(empty_database())
        self.url, self.settings = f"sqlite:///{database}", settings
        self.space = read_space(parse(words))
        self.batches, self.told = [], []

    def open(self):
        return Search("study", self.url, self.space, self.settings)

    def run(self):
        search = self.open()
        self.trials = Trials(search, self.space, self.settings, self.launch, self.told.append)
        self.trials.run()
        return search.study

    def launch(self, jobs):
        self.batches.append([" ".join(job) for job in jobs])
        return [self.outcome(dict(word.split("=") for word in job)) for job in jobs]

    def outcome(self, values):
        x, y = float(values["x"]), int(values["y"])
        score = 1 - (x - 0.3) ** 2 - (y - 2) ** 2 / 10 - (values["kind"] == "bad") + int(values.get("seed", 0)) / 100
        return Outcome(run="/".join(values.values()), state="done", values={"val/f1": score, "val/answer_nll": x})

    @property
    def jobs(self):
        return [job for batch in self.batches for job in batch]


def test_a_seed_decides_every_trial(tmp_path):
    runs = {}
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        (tmp_path / name).mkdir()
        bench = Bench(tmp_path / name, replace(SETTINGS, **QUICK_TPE, n_trials=6, sampler_seed=seed))
        study = bench.run()
        runs[name] = bench.jobs
    assert runs["a"] == runs["b"] != runs["c"]
    assert len(set(runs["a"])) == 6
    assert {trial.state for trial in study.trials} == {States.COMPLETE}


@pytest.mark.parametrize("sampler", ["tpe", "random", "cmaes", "nsgaii", "grid"])
@pytest.mark.parametrize("jobs", [1, 3])
def test_every_sampler_runs(sampler, jobs, tmp_path):
    words = ("x=0.1,0.3,0.7", "y=range(1,3)", "kind=good") if sampler == "grid" else SPACE
    bench = Bench(tmp_path, replace(SETTINGS, sampler=sampler, n_jobs=jobs, n_trials=7), words)
    study = bench.run()
    count = 6 if sampler == "grid" else 7
    assert [len(batch) for batch in bench.batches] == [jobs] * (count // jobs) + [count % jobs] * (count % jobs > 0)
    assert [trial.state for trial in study.trials] == [States.COMPLETE] * count
    if sampler == "grid":
        assert bench.jobs == [f"kind=good x={x} y={y}" for x in (0.1, 0.3, 0.7) for y in (1, 2)]
        assert study.best_trial.params == {"x": "0.3", "y": 2}
        assert study.best_value == 1.0


def test_the_best_is_found(tmp_path):
    study = Bench(tmp_path, replace(SETTINGS, **QUICK_TPE, n_trials=20)).run()
    best = study.best_trial.params
    assert (best["y"], best["kind"]) == (2, "good")
    assert best["x"] == pytest.approx(0.3, abs=0.15)


@pytest.mark.parametrize("sampler", ["tpe", "random", "cmaes", "nsgaii"])
def test_a_killed_search_goes_on_as_if_it_had_not_been(sampler, tmp_path):
    options = QUICK_TPE if sampler == "tpe" else {"sampler": sampler}
    settings = replace(SETTINGS, **options, n_trials=7)
    for name in ("whole", "killed"):
        (tmp_path / name).mkdir()
    whole = Bench(tmp_path / "whole", settings)
    whole.run()

    class Killed(BaseException):
        pass

    def dies(values):
        if len(killed.jobs) in (3, 7):
            raise Killed
        return Bench.outcome(killed, values)

    killed = Bench(tmp_path / "killed", settings)
    killed.outcome = dies
    for _ in range(2):
        with pytest.raises(Killed):
            killed.run()
        assert [trial.state for trial in killed.open().study.trials][-1] == States.RUNNING
    study = killed.run()
    assert list(dict.fromkeys(killed.jobs)) == whole.jobs
    assert len(killed.jobs) == 9
    assert [trial.state for trial in study.trials] == [States.COMPLETE] * 7


def test_the_same_command_goes_on_to_all_trials_and_not_to_more(tmp_path):
    bench = Bench(tmp_path)
    bench.run()
    assert bench.run().trials[-1].number == 4
    assert len(bench.jobs) == 5
    more = Bench(tmp_path, replace(SETTINGS, n_trials=7, sampler="tpe"))
    assert len(more.run().trials) == 7
    assert len(more.jobs) == 2


def test_values_half_drawn_are_drawn_anew(tmp_path):
    bench = Bench(tmp_path, replace(SETTINGS, n_trials=2))
    search = bench.open()
    trial = search.study.ask()
    trial.suggest_float("x", 0, 1)
    study = bench.run()
    assert [trial.state for trial in study.trials] == [States.FAIL, States.COMPLETE, States.COMPLETE]


def failing(bench, numbers, state="failed"):
    """Let the jobs of some numbers, counted from 0, end otherwise."""
    count = iter(range(100))

    def outcome(values):
        done = Bench.outcome(bench, values)
        return replace(done, state=state, reason="no memory", values={}) if next(count) in numbers else done

    bench.outcome = outcome


def test_failed_trials_are_tolerated_and_tried_again_by_the_next_start(tmp_path):
    bench = Bench(tmp_path)
    failing(bench, {1, 3})
    study = bench.run()
    assert [trial.number for trial in study.trials if trial.state is States.FAIL] == [1, 3]
    assert study.trials[1].user_attrs["reason"] == "no memory"
    assert bench.told[1] == "trial 1: failed: no memory"
    failed = [bench.jobs[1], bench.jobs[3]]
    again = Bench(tmp_path)
    failing(again, {1})
    study = again.run()
    assert again.jobs == failed
    assert [trial.state for trial in study.trials[5:]] == [States.COMPLETE, States.FAIL]
    last = Bench(tmp_path)
    last.run()
    assert last.jobs == failed[1:]
    none = Bench(tmp_path)
    none.run()
    assert none.jobs == []


@pytest.mark.parametrize(("rate", "jobs"), [(0.0, 1), (0.25, 2), (1.0, 5)])
def test_too_many_failures_end_the_search(rate, jobs, tmp_path):
    bench = Bench(tmp_path, replace(SETTINGS, max_failure_rate=rate))
    failing(bench, set(range(100)), "killed")
    bench.run()
    assert len(bench.jobs) == jobs
    assert bench.told[-1].endswith("the search ends here") == (rate < 1)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_value_that_is_no_number_is_a_failure(value, tmp_path):
    bench = Bench(tmp_path, replace(SETTINGS, n_trials=1))
    bench.outcome = lambda values: Outcome(run="r", state="done", values={"val/f1": value})
    (trial,) = bench.run().trials
    assert trial.state is States.FAIL
    assert trial.user_attrs == {"reason": "a metric is no number", "runs": ["r"]}


@pytest.mark.parametrize("state", ["not started", "interrupted", "elsewhere"])
def test_a_trial_without_its_runs_is_left_for_the_next_start(state, tmp_path):
    bench = Bench(tmp_path, replace(SETTINGS, n_trials=3))
    failing(bench, {1}, state)
    study = bench.run()
    assert study.trials[1].state is States.RUNNING
    assert len(study.trials) == (2 if state == "not started" else 3)
    left = bench.jobs[1]
    again = Bench(tmp_path, replace(SETTINGS, n_trials=3))
    assert [trial.state for trial in again.run().trials] == [States.COMPLETE] * 3
    assert again.jobs[0] == left


def test_a_trial_is_judged_by_the_mean_of_its_seeds(tmp_path):
    bench = Bench(tmp_path, replace(SETTINGS, n_trials=2, n_jobs=2), (*SPACE, "seed=0,3,6"))
    study = bench.run()
    (batch,) = bench.batches
    assert [job.split()[-1] for job in batch] == ["seed=0", "seed=3", "seed=6"] * 2
    for trial, job in zip(study.trials, batch[::3], strict=True):
        alone = Bench.outcome(bench, dict(word.split("=") for word in job.split()))
        assert trial.value == pytest.approx(alone.values["val/f1"] + 0.03)
        assert len(trial.user_attrs["runs"]) == 3


def test_one_failed_seed_fails_the_trial(tmp_path):
    bench = Bench(tmp_path, replace(SETTINGS, n_trials=2), (*SPACE, "seed=0,1"))
    failing(bench, {1})
    assert [trial.state for trial in bench.run().trials] == [States.FAIL, States.COMPLETE]


def test_equal_trials_of_one_batch_share_their_runs(tmp_path):
    bench = Bench(tmp_path, replace(SETTINGS, n_trials=5, n_jobs=5), ("x=0.5", "y=1", "kind=good,bad"))
    study = bench.run()
    assert sorted(bench.jobs) == ["x=0.5 y=1 kind=bad", "x=0.5 y=1 kind=good"]
    assert {(trial.params["kind"], round(trial.value, 2)) for trial in study.trials} == {("good", 0.86), ("bad", -0.14)}


def test_several_metrics_have_a_front(tmp_path):
    settings = replace(SETTINGS, metrics={"val/f1": "maximize", "val/answer_nll": "minimize"}, n_trials=8)
    bench = Bench(tmp_path, settings, ("x=interval(0,1)", "y=2", "kind=good"))
    trials = bench.run().trials
    front = sorted(trial.number for trial in bench.open().best)
    assert front == [
        trial.number
        for trial in trials
        if not any(other.values[0] >= trial.values[0] and other.values[1] < trial.values[1] for other in trials)
    ]
    assert 1 < len(front) < 8


def test_a_metric_that_runs_do_not_have(tmp_path):
    bench = Bench(tmp_path, replace(SETTINGS, metrics={"val/perplexity": "minimize"}))
    with pytest.raises(InputError, match=r"has no 'val/perplexity'; it has val/answer_nll, val/f1"):
        bench.run()


@pytest.mark.parametrize(
    ("words", "settings", "told"),
    [
        (("x=interval(0,2)", *SPACE[1:]), SETTINGS, "other searched (it differs in x)"),
        ((*SPACE, "z=1,2"), SETTINGS, "other searched (it differs in z)"),
        ((*SPACE, "trainer.max_steps=9"), SETTINGS, "other fixed ([], now ['trainer.max_steps=9'])"),
        ((*SPACE, "seed=0,1"), SETTINGS, "other seeds ([], now [0, 1])"),
        (SPACE, replace(SETTINGS, metrics={"val/f1": "minimize"}), "other metrics (it differs in val/f1)"),
        (
            SPACE,
            replace(SETTINGS, metrics={"val/f1": "maximize", "val/answer_nll": "minimize"}),
            "other metrics (it differs in val/answer_nll)",
        ),
    ],
)
def test_another_search_does_not_go_on_with_this_one(words, settings, told, tmp_path):
    Bench(tmp_path, replace(SETTINGS, n_trials=1)).run()
    with pytest.raises(InputError, match=rf"the search of study 'study' was begun with {re.escape(told)}"):
        Bench(tmp_path, settings, words).run()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"metrics": {"test/f1": "maximize"}}, "would choose by the test split.* choose by validation: val/f1"),
        ({"metrics": {"val/f2": "maximize"}}, "got 'val/f2'; did you mean 'val/f1'?"),
        ({"metrics": {"f1": "maximize"}}, "got 'f1'; did you mean 'val/f1'?"),
        ({"metrics": {"val/f1": "maximise"}}, "got 'maximise'; did you mean 'maximize'?"),
        ({"metrics": {}}, "name what to search for"),
        ({"n_trials": 0}, "hydra.sweeper.n_trials: wanted 1 or more, got 0"),
        ({"n_jobs": -1}, "hydra.sweeper.n_jobs: wanted 1 or more, got -1"),
        ({"sampler": "tpes"}, "hydra.sweeper.sampler: wanted one of .* got 'tpes'; did you mean 'tpe'?"),
        ({"sampler_seed": -1}, "hydra.sweeper.sampler_seed: wanted 0 or more"),
        ({"pruner": "mediam"}, "hydra.sweeper.pruner: wanted one of .* got 'mediam'; did you mean 'median'?"),
        ({"max_failure_rate": 1.1}, "hydra.sweeper.max_failure_rate: wanted a share in 0..1, got 1.1"),
        (
            {"pruner": "median", "metrics": {"val/f1": "maximize", "val/answer_nll": "minimize"}},
            "which of 2 metrics would decide",
        ),
    ],
)
def test_settings_that_cannot_work(change, told):
    with pytest.raises(InputError, match=told):
        replace(SETTINGS, **change)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"sampler": "tpe", "sampler_options": {"startup": 3}}, "sampler_options: optuna's TPESampler refuses"),
        ({"pruner": "median", "pruner_options": {"warmup": 3}}, "pruner_options: optuna's MedianPruner refuses"),
    ],
)
def test_options_that_optuna_refuses(change, told, tmp_path):
    with pytest.raises(InputError, match=told):
        Bench(tmp_path, replace(SETTINGS, **change)).open()
    assert not optuna.get_all_study_names(f"sqlite:///{tmp_path}/optuna.db")


def test_a_storage_that_cannot_be_opened(tmp_path):
    with pytest.raises(InputError, match=r"hydra.sweeper.storage: cannot open sqlite:///.*unable to open database"):
        Bench(tmp_path / "missing").open()


class Pruned(Bench):
    """Runs that report three times, as the callback has them do."""

    def outcome(self, values):
        seed, number = int(values.get("seed", 0)), int(values.pop("sweep.trial"))
        reporting = Reporting(
            storage=self.url,
            study="study",
            metric="val/f1",
            pruner=self.settings.pruner,
            pruner_options=self.settings.pruner_options,
            seeds=self.space.seeds,
        )
        judge = TrialJudge(reporting, number, seed)
        done = super().outcome(values)
        for step in (1, 2, 3):
            if reason := judge(done.values["val/f1"], step, 3):
                return replace(done, state="pruned", reason=reason, values={})
        return done


PRUNING = replace(SETTINGS, pruner="median", pruner_options={"n_startup_trials": 2}, n_trials=7)


def test_a_pruned_trial_saves_its_other_seeds(tmp_path):
    bench = Pruned(tmp_path, PRUNING, (*SPACE, "seed=0,1"))
    study = bench.run()
    pruned = [trial for trial in study.trials if trial.state is States.PRUNED]
    assert 0 < len(pruned) <= 5
    for trial in study.trials:
        whole = trial.state is States.COMPLETE
        assert sorted(trial.intermediate_values) == ([1, 2, 3, 4, 5, 6] if whole else [1]) or not whole
        assert len([job for job in bench.jobs if job.endswith(f"sweep.trial={trial.number}")]) == (2 if whole else 1)
    first = pruned[0]
    assert first.user_attrs["reason"].startswith(f"trial {first.number}: val/f1 ")
    assert first.user_attrs["reason"].endswith(" at step 1 falls behind (median)")


def test_values_that_were_pruned_are_not_run_again(tmp_path):
    bench = Pruned(tmp_path, replace(PRUNING, n_trials=9), ("x=0.5", "y=2", "kind=good,bad"))
    study = bench.run()
    twins = [trial for trial in study.trials if trial.user_attrs.get("reason", "").startswith("the same values")]
    assert twins
    for twin in twins:
        assert twin.state is States.PRUNED
        assert twin.intermediate_values
        assert not [job for job in bench.jobs if job.endswith(f"sweep.trial={twin.number}")]


def test_a_trial_killed_after_it_was_pruned_is_not_run_again(tmp_path):
    bench = Pruned(tmp_path, PRUNING)
    study = bench.run()
    pruned = next(trial for trial in study.trials if trial.state is States.PRUNED)
    search = bench.open()
    search.study.enqueue_trial(pruned.params)
    again = search.study.ask(bench.space.distributions)
    again.set_user_attr("pruned", "it fell behind")
    assert bench.open().study.trials[again.number].state is States.PRUNED
