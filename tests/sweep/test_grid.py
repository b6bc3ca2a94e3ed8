"""A sweep from its command to its end: runs that go wrong in every way, and the same command once more."""

import json
import os
import signal
import threading
from pathlib import Path

import pytest

from fsqa.study.folder import is_locked
from fsqa.study.plan import Planned, read_plan, write_plan
from tests.commands.lines import call, refusal
from tests.sweep.misbehave import ALLOW, ways
from tests.sweep.studies import STUDY, TINIEST, result, start, states, statuses, until

SWEEP = ("train", "-m", *TINIEST, "study=sweep")


def test_the_others_finish_and_the_same_command_mends_it():
    words = (*SWEEP, "seed=0,1,2,3,4,5", *ways("fine", "raise", "kill", "memory", "exit", "leave"))
    first = call(*words)
    assert first.code == 1, first.err
    assert states() == {0: "done"} | dict.fromkeys(range(1, 6), "failed")
    errors = {seed: (status["error"] or {}).get("message") for seed, status in statuses().items()}
    assert errors == {
        0: None,
        1: "a bug on purpose",
        2: "killed by SIGKILL (out of memory, or by hand)",
        3: "out of memory: lower micro_batch_size or max_length, or let fewer runs share the machine",
        4: "the run itself called sys.exit(3)",
        5: "its process ended with exit code 3 before the run was over",
    }
    counted, *listed = first.err.splitlines()[-6:]
    assert counted == "fsqa: 6 runs: 1 done, 3 failed, 2 killed; the same command goes on with those not done"
    assert listed[0] == "  seed=1: failed: RuntimeError: a bug on purpose"
    assert listed[1] == "  seed=2: killed: killed by SIGKILL (out of memory, or by hand)"
    ended = [json.loads(line) for line in (STUDY / ".sweep/outcomes.jsonl").read_text().splitlines()]
    assert [line["state"] for line in ended] == ["done", "failed", "killed", "failed", "failed", "killed"]
    assert [planned.overrides for planned in read_plan(STUDY)] == [(f"seed={seed}",) for seed in range(6)]

    (done,) = (path.parent for path in STUDY.glob("*seed0*/status.json"))
    before = {path: path.stat().st_mtime_ns for path in done.rglob("*")}
    again = call(*words)
    assert again.code == 0, again.err
    assert again.out.count("(already done)") == 1
    assert {path: path.stat().st_mtime_ns for path in done.rglob("*")} == before
    assert set(states().values()) == {"done"}
    last = json.loads((STUDY / ".sweep/outcomes.jsonl").read_text().splitlines()[-1])
    assert {"val/f1", "test/f1", "test/answer_nll"} <= set(last["values"])


def test_a_run_of_a_sweep_gives_the_numbers_of_the_run_alone():
    assert call(*SWEEP, "seed=0,1", "model.size.resid_dropout=0.1").code == 0
    assert call("train", *TINIEST, "study=alone", "seed=1", "model.size.resid_dropout=0.1").code == 0
    (swept,) = (path.parent for path in STUDY.glob("*seed1*/status.json"))
    (alone,) = (path.parent for path in Path("outputs/alone").glob("*/status.json"))
    assert result(swept) == result(alone)
    assert (swept / "model/model.safetensors").read_bytes() == (alone / "model/model.safetensors").read_bytes()


def test_a_job_that_cannot_work_is_told_before_any_begins():
    outcome = call(*SWEEP, "loss.smoothing=0.1,1.5")
    assert refusal(outcome).startswith("loss.smoothing=1.5: loss.smoothing: wanted a number in [0, 1), got 1.5")
    outcome = call(*SWEEP, "hydra.sweeper.max_batch_size=1", "micro_batch_size=8,3")
    assert refusal(outcome).startswith("micro_batch_size=3: batch_size=8 is not a multiple")
    outcome = call(*SWEEP, "hydra.sweeper.max_batch_size=0", "seed=0,1")
    assert refusal(outcome) == "hydra.sweeper.max_batch_size: wanted 1 or more, or null, got 0"
    outcome = call(*SWEEP, "optimizer.lr=interval(0.1,0.2)")
    assert "has no values to list for a grid" in refusal(outcome)
    assert not Path("outputs").exists(), "nothing is left of a sweep that was refused"
    STUDY.mkdir(parents=True)
    write_plan(STUDY, [Planned(run="a", overrides=())])
    refusal(call(*SWEEP, "loss.smoothing=0.1,1.5"))
    assert [planned.run for planned in read_plan(STUDY)] == ["a"]


def test_a_launcher_that_does_not_start_anything_is_a_failure(monkeypatch):
    monkeypatch.setattr("fsqa.sweep.control.QUIET", 0.0)
    outcome = call(*SWEEP, "seed=0,1", "hydra/launcher=joblib", "hydra.launcher.n_jobs=two")
    assert outcome.code == 1
    assert "fsqa: the launcher failed (ValueError: n_jobs could not be converted to int)" in outcome.err
    assert "  seed=1: failed: the launcher could not start it: ValueError: n_jobs could not be" in outcome.err


@pytest.mark.parametrize(("launcher", "extra"), [("joblib", "sweep"), ("submitit_slurm", "sweep"), ("ray", "ray")])
def test_a_launcher_that_is_not_installed_is_one_line(launcher, extra, monkeypatch):
    monkeypatch.setattr("fsqa.sweep.plugins.find_spec", lambda name: None if "." in name else name)
    line = refusal(call(*SWEEP, "seed=0,1", f"hydra/launcher={launcher}"))
    package = f"hydra-{launcher.split('_')[0]}-launcher"
    assert line == f"hydra/launcher: the package {package} is missing; pip install 'fsqa[{extra}]'"
    assert not Path("outputs").exists()


def test_two_sweeps_on_one_study_run_everything_once():
    where = "tests.sweep.misbehave.Waiting"
    words = ("seed=0,1,2", ALLOW, f"+callbacks.waiting._target_={where}", "+callbacks.waiting.seed=${seed}")
    other = start(*words)
    until(Path("trained").exists)
    (held,) = (path.parent for path in STUDY.glob("*seed0*/status.json"))
    assert is_locked(held)
    mine = call(*SWEEP, *words)
    Path("go").touch()
    out, err = other.communicate(timeout=60)
    assert (mine.code, other.returncode) == (0, 0), mine.err + err
    assert "fsqa: 3 runs: 2 done, 1 elsewhere; the same command goes on" in mine.err
    assert "  seed=0: elsewhere: another process is running this run" in mine.err
    assert out.count("(already done)") == 2
    assert states() == dict.fromkeys(range(3), "done")
    assert Path("trained").read_text().split() == ["0", "1", "2"]
    assert not is_locked(held)


def test_nothing_further_begins_after_too_many_failures():
    words = (*SWEEP, "seed=0,1,2", *ways("raise", "raise", "fine"))
    first = call(*words, "sweep.keep_going=false")
    assert (first.code, states()) == (1, {0: "failed"})
    assert "fsqa: 3 runs: 1 failed, 2 not started;" in first.err
    again = call(*words, "sweep.max_failures=0")
    assert (again.code, states()) == (1, {0: "done", 1: "failed"})
    assert "fsqa: 3 runs: 1 done, 1 failed, 1 not started;" in again.err


def test_a_stop_is_written_and_the_same_command_goes_on():
    def stop():
        until(Path("misbehaved-1").exists)
        os.kill(os.getpid(), signal.SIGTERM)

    words = (*SWEEP, "seed=0,1", *ways("fine", "sleep"))
    stopping = threading.Thread(target=stop)
    stopping.start()
    stopped = call(*words)
    stopping.join()
    assert stopped.code == 128 + signal.SIGTERM
    assert stopped.err.endswith("fsqa: interrupted; type the same command to go on\n")
    assert states() == {0: "done", 1: "interrupted"}
    again = call(*words)
    assert (again.code, again.out.count("(already done)")) == (0, 1), again.err
    assert states() == dict.fromkeys(range(2), "done")


@pytest.mark.parametrize("way", ["swallow", "deaf"])
def test_a_run_that_does_not_listen_is_interrupted_all_the_same(way, monkeypatch):
    """``swallow``: some library drops the exception, and the batch goes on; ``deaf``: the run has to be killed."""
    monkeypatch.setattr("fsqa.sweep.isolation.PATIENCE", 0.3)
    stopping = threading.Thread(
        target=lambda: (until(Path("misbehaved-0").exists), os.kill(os.getpid(), signal.SIGTERM))
    )
    stopping.start()
    stopped = call(*SWEEP, "seed=0,1", *ways(way, "fine"))
    stopping.join()
    assert stopped.code == 128 + signal.SIGTERM, stopped.err
    assert states() == {0: "interrupted"}
    message = statuses()[0]["error"]["message"]
    assert ("was stopped" in message) if way == "swallow" else message == "stopped, and could not say so itself"


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("study.keep_going=false", "study is a single value and has no keys; did you mean 'sweep.keep_going'?"),
        ("study.max_failures=2", "study is a single value and has no keys; did you mean 'sweep.max_failures'?"),
        ("sweep.keep_gong=false", "did you mean 'keep_going'?"),
        ("hydra.sweeper.max_batch_siz=2", "in hydra.sweeper; did you mean 'max_batch_size'?"),
        ("hydra.launcher.n_jobs=2", "hydra.launcher has none as it is chosen here, another option may"),
        ("sweep.jobs_per_gpu=0", "sweep.jobs_per_gpu: wanted 1 or more, got 0"),
        ("sweep.max_failures=-1", "sweep.max_failures: wanted 0 or more, or null for no limit, got -1"),
        ("sweep.max_failures=few", "sweep.max_failures: wanted a whole number or null, got 'few'"),
    ],
)
def test_settings_of_a_sweep(word, told):
    assert told in refusal(call("train", word))
