"""Launchers whose jobs, workers and parents die."""

import os
import signal
from pathlib import Path

import pytest

from tests.sweep.misbehave import ways
from tests.sweep.studies import STUDY, start, states, until

RUNNING = Path("misbehaved-1")
"""There once the run with seed 1 trains."""


WAYS = ("fine", "raise", "kill", "exit", "memory")
TOLD = (
    "fsqa: 5 runs: 1 done, 3 failed, 1 killed; the same command goes on with those not done",
    "  seed=1: failed: RuntimeError: a bug on purpose",
    "  seed=2: killed: killed by SIGKILL (out of memory, or by hand)",
    "  seed=3: failed: SystemExit: the run itself called sys.exit(3)",
    "  seed=4: failed: MemoryError: out of memory: lower micro_batch_size or max_length, or let fewer runs share the "
    "machine",
)


@pytest.mark.parametrize(("launcher", "count"), [("joblib", 5), ("submitit_local", 5), ("ray", 2)])
def test_runs_that_go_wrong_leave_the_others_alone(launcher, count):
    names = WAYS[:count]
    seeds = ",".join(str(seed) for seed in range(count))
    sweep = start(f"hydra/launcher={launcher}", f"seed={seeds}", *ways(*names))
    _, told = sweep.communicate(timeout=180)
    assert sweep.returncode == 1, told
    assert states() == {0: "done"} | dict.fromkeys(range(1, count), "failed")
    told_runs = [line for line in told.splitlines() if line.startswith("  seed=")]
    assert told_runs == list(TOLD[1:count])
    assert count < 5 or TOLD[0] in told.splitlines()


def test_a_worker_that_is_killed_costs_no_run():
    sweep = start("hydra/launcher=joblib", "seed=0,1", *ways("fine", "kill_worker"))
    _, told = sweep.communicate(timeout=180)
    assert sweep.returncode == 0, told
    assert "fsqa: a worker was lost" in told
    assert states() == dict.fromkeys(range(2), "done")


@pytest.mark.parametrize(
    ("launcher", "number", "group"),
    [
        ("basic", signal.SIGINT, True),
        ("joblib", signal.SIGINT, True),
        ("submitit_local", signal.SIGTERM, False),
    ],
)
def test_a_stop_reaches_every_run_and_the_same_command_goes_on(launcher, number, group):
    words = (f"hydra/launcher={launcher}", "seed=0,1", *ways("fine", "sleep"))
    sweep = start(*words, group=True)
    until(RUNNING.exists)
    (os.killpg if group else os.kill)(sweep.pid, number)
    _, told = sweep.communicate(timeout=30)
    assert sweep.returncode == 128 + number, told
    assert told.endswith("fsqa: interrupted; type the same command to go on\n")
    assert states()[1] == "interrupted"
    assert not list((STUDY / ".sweep").glob("*.control"))
