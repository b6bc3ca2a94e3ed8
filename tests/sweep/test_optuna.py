"""Searches end to end, over tiny runs."""

import json
from pathlib import Path

import pytest

from fsqa.sweep.outcome import figures
from tests.commands.lines import TINY, call, read_lines, refusal

SHORT = (*TINY, "trainer.max_steps=2", "trainer.val_check_interval=1", "outputs=outputs")
SEARCH = ("train", "-m", "hydra/sweeper=optuna", "study=search", *SHORT)


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def found(study: str = "search") -> dict:
    return json.loads(Path("outputs", study, "optuna.json").read_text(encoding="utf-8"))


def status(run: Path | str) -> dict:
    return json.loads(Path(run, "status.json").read_text(encoding="utf-8"))


def times(study: str = "search") -> dict[Path, int]:
    """When the files of a study's runs were written."""
    return {path: path.stat().st_mtime_ns for path in Path("outputs", study).glob("atlas-*/*") if path.is_file()}


def test_a_search_with_a_pruned_run():
    """Two learning rates, one of which learns nothing in the first step and is stopped after it."""
    words = (
        *SEARCH,
        "optimizer.lr=1e-9,0.03",
        "scheduler=none",
        "hydra.sweeper.sampler=grid",
        "hydra.sweeper.n_trials=4",
        "hydra.sweeper.metrics={val/answer_nll: minimize}",
        "hydra.sweeper.pruner=threshold",
        "+hydra.sweeper.pruner_options.upper=5.95",
        "seed=0,1",
    )
    outcome = call(*words)
    assert outcome.code == 0, outcome.err
    behind, best = found()["trials"]
    assert (found()["metrics"], found()["seeds"], found()["best"]) == ({"val/answer_nll": "minimize"}, [0, 1], [1])
    assert (behind["state"], behind["params"], behind["values"]) == ("pruned", {"optimizer.lr": "1e-09"}, {})
    assert (best["state"], best["params"]) == ("done", {"optimizer.lr": "0.03"})

    (run,) = behind["runs"]
    assert status(run)["state"] == "pruned"
    assert status(run)["error"]["message"].endswith(" at step 1 falls behind (threshold)")
    assert [line["step"] for line in read_lines(Path(run, "history.jsonl")) if "val/f1" in line] == [1]
    assert not Path(run, "metrics.json").exists()

    measured = [figures(Path(run))["val/answer_nll"] for run in best["runs"]]
    assert best["values"] == {"val/answer_nll": sum(measured) / 2}
    lines = outcome.out.splitlines()
    assert "trial 0: pruned" in lines
    assert lines[-4] == "2 trials: 1 pruned, 1 done"
    assert lines[-3] == f"best: trial 1, val/answer_nll {sum(measured) / 2:.4g}  optimizer.lr=0.03"
    assert lines[-1].startswith("  fsqa train -m trainer.accelerator=cpu ")
    assert lines[-1].endswith("scheduler=none optimizer.lr=0.03 seed=2,3,4,5,6 study=search_best")

    before = times()
    again = call(*words)
    assert again.code == 0, again.err
    assert times() == before
    assert again.out.splitlines() == lines[-4:]

    report = call("report", "outputs/search")
    assert report.code == 0, report.err
    assert Path(run).name in report.err + report.out
    assert "falls behind (threshold)" in " ".join((report.err + report.out).split())

    alone = call("train", "-m", *SHORT, "study=alone", "optimizer.lr=0.03", "scheduler=none", "seed=1")
    assert alone.code == 0, alone.err
    searched, plain = Path(best["runs"][1]), Path(alone.out.split("  ")[0])
    assert searched.name == plain.name
    for name in ("model/model.safetensors", "predictions.jsonl"):
        assert (searched / name).read_bytes() == (plain / name).read_bytes(), name


def test_trials_side_by_side():
    """Two workers at once, that all report to one database."""
    outcome = call(
        *SEARCH,
        "hydra/launcher=joblib",
        "hydra.launcher.n_jobs=2",
        "optimizer.lr=tag(log,interval(1e-4,1e-2))",
        "hydra.sweeper.n_trials=2",
        "hydra.sweeper.n_jobs=2",
        "hydra.sweeper.pruner=median",
    )
    assert outcome.code == 0, outcome.err
    trials = found()["trials"]
    assert [trial["state"] for trial in trials] == ["done", "done"]
    assert trials[found()["best"][0]]["values"]["val/f1"] == max(trial["values"]["val/f1"] for trial in trials)


def test_a_trial_whose_config_cannot_work_is_a_failed_one():
    outcome = call(*SEARCH, "micro_batch_size=8,3", "hydra.sweeper.sampler=grid")
    assert outcome.code == 2
    done, failed = found()["trials"]
    assert (failed["state"], failed["runs"], done["state"]) == ("failed", [], "done")
    assert "batch_size=8 is not a multiple of micro_batch_size=3" in failed["reason"]
    assert "micro_batch_size=3: failed: " in outcome.err


def test_nothing_to_search_is_one_run_per_seed():
    outcome = call(*SEARCH, "seed=0,1", "study=plain", "hydra.sweeper.pruner=median")
    assert outcome.code == 0, outcome.err
    assert sorted(status(path.parent)["seed"] for path in Path("outputs/plain").glob("*/status.json")) == [0, 1]
    assert not Path("outputs/plain/optuna.db").exists()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("hydra.sweeper.metrics={test/f1: maximize}",), "'test/f1' would choose by the test split"),
        (("hydra.sweeper.n_trials=many",), "hydra.sweeper.n_trials: wanted a whole number, got 'many'"),
        (("+hydra.sweeper.n_trial=3",), "hydra.sweeper.n_trial: .* takes no such key; did you mean 'n_trials'"),
        (("hydra.sweeper.sampler=tp",), "got 'tp'; did you mean 'tpe'?"),
        (("seed=interval(0,3)",), "seeds are not searched"),
        (("hydra.sweeper.storage=sqlite:///missing/x.db",), "hydra.sweeper.storage: cannot open"),
    ],
)
def test_a_search_that_cannot_work(words, told):
    line = refusal(call(*SEARCH, "optimizer.lr=interval(0.001,0.01)", *words))
    assert all(part in line for part in told.split(".*"))
    assert not list(Path("outputs").glob("*")), "nothing is left of it"


def test_without_optuna_one_line_says_what_to_install(monkeypatch):
    monkeypatch.setattr("fsqa.sweep.optuna.find_spec", lambda _: None)
    line = refusal(call(*SEARCH, "loss=all,answer"))
    assert line == "hydra/sweeper=optuna needs the package optuna: pip install 'fsqa[sweep]'"


def test_a_study_is_searched_by_one_process_at_a_time():
    import fcntl

    lock = Path("outputs/search/.sweep/search.lock")
    lock.parent.mkdir(parents=True)
    with lock.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        line = refusal(call(*SEARCH, "loss=all,answer"))
    assert line == "outputs/search: another process is searching in this study; wait for it to end"
