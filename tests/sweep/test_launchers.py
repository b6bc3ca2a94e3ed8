"""Launchers whose jobs, workers and parents die."""

import os
import signal
from pathlib import Path

import pytest

from tests.sweep.misbehave import ways
from tests.sweep.studies import STUDY, start, states, until

RUNNING = Path("misbehaved-1")
"""There once the run with seed 1 trains."""


@pytest.mark.parametrize("launcher", ["joblib", "submitit_local", "ray"])
def test_runs_that_go_wrong_leave_the_others_alone(launcher):
    names = ("fine", "raise", "kill", "exit") if launcher == "joblib" else ("fine", "kill")
    seeds = ",".join(str(seed) for seed in range(len(names)))
    sweep = start(f"hydra/launcher={launcher}", f"seed={seeds}", *ways(*names))
    _, told = sweep.communicate(timeout=180)
    assert sweep.returncode == 1, told
    assert states() == {0: "done"} | dict.fromkeys(range(1, len(names)), "failed")
    assert "seed=" + str(names.index("kill")) + ": killed: killed by SIGKILL (out of memory, or by hand)" in told


def test_a_worker_that_is_killed_costs_no_run():
    sweep = start("hydra/launcher=joblib", "seed=0,1,2", *ways("fine", "kill_worker", "fine"))
    _, told = sweep.communicate(timeout=180)
    assert sweep.returncode == 0, told
    assert "fsqa: a worker was lost" in told
    assert states() == dict.fromkeys(range(3), "done")


@pytest.mark.parametrize(
    ("launcher", "number", "group"),
    [
        ("basic", signal.SIGTERM, False),
        ("basic", signal.SIGINT, True),
        ("joblib", signal.SIGTERM, False),
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
