"""A sweep from its command to its end: runs that go wrong in every way, and the same command once more."""

import fcntl
import json
from pathlib import Path

import pytest

from fsqa.study.folder import is_locked
from fsqa.study.plan import read_plan
from tests.commands.lines import call, refusal
from tests.sweep.misbehave import ways
from tests.sweep.studies import STUDY, TINIEST, result, states, statuses

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
    for seed in (0, 1):
        words = ("train", *TINIEST, "study=alone", f"seed={seed}", "model.size.resid_dropout=0.1")
        assert call(*words).code == 0
    swept = sorted(path.parent for path in STUDY.glob("*/status.json"))
    alone = sorted(path.parent for path in Path("outputs/alone").glob("*/status.json"))
    assert len(swept) == 2
    assert [result(run) for run in swept] == [result(run) for run in alone]
    for one, other in zip(swept, alone, strict=True):
        assert (one / "model/model.safetensors").read_bytes() == (other / "model/model.safetensors").read_bytes()


def test_a_job_that_cannot_work_is_told_before_any_begins():
    outcome = call(*SWEEP, "loss.smoothing=0.1,1.5")
    assert refusal(outcome).startswith("loss.smoothing=1.5: loss.smoothing: wanted a number in [0, 1), got 1.5")
    assert not list(STUDY.glob("*/status.json"))
    outcome = call(*SWEEP, "optimizer.lr=interval(0.1,0.2)")
    assert "has no values to list for a grid" in refusal(outcome)


def test_nothing_further_begins_when_it_is_not_to_go_on():
    outcome = call(*SWEEP, "seed=0,1,2", *ways("fine", "raise", "fine"), "sweep.keep_going=false")
    assert outcome.code == 1
    assert states() == {0: "done", 1: "failed"}
    assert "fsqa: 3 runs: 1 done, 1 failed, 1 not started;" in outcome.err


def test_a_run_that_another_process_holds_is_left_to_it():
    assert call(*SWEEP, "seed=0").code == 0
    (run,) = (path.parent for path in STUDY.glob("*/status.json"))
    status = json.loads((run / "status.json").read_text())
    (run / "status.json").write_text(json.dumps(status | {"state": "running"}))
    assert not is_locked(run)
    with (run / ".lock").open("r+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert is_locked(run)
        outcome = call(*SWEEP, "seed=0")
    assert outcome.code == 0
    assert "1 elsewhere" in outcome.err
    assert "another process is running this run" in outcome.err
    assert not is_locked(run)


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("study.keep_going=false", "study is a single value and has no keys; did you mean 'sweep.keep_going'?"),
        ("sweep.keep_gong=false", "did you mean 'keep_going'?"),
        ("sweep.jobs_per_gpu=0", "sweep.jobs_per_gpu: wanted 1 or more, got 0"),
        ("sweep.max_failures=-1", "sweep.max_failures: wanted 0 or more, or null for no limit, got -1"),
        ("sweep.max_failures=few", "sweep.max_failures: wanted a whole number or null, got 'few'"),
    ],
)
def test_settings_of_a_sweep(word, told):
    assert told in refusal(call("train", word))
