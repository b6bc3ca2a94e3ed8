"""Tiny studies to sweep over, and what is left of them."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.commands.lines import TINY, environment

ROOT = Path(__file__).parents[2]

STEPS = ("trainer.max_steps=2", "trainer.val_check_interval=2", "callbacks.answers.examples=2")
TINIEST = (*(word for word in TINY if not word.startswith(tuple(s.split("=")[0] for s in STEPS))), *STEPS)
STUDY = Path("outputs/sweep")


def start(*words: str, group: bool = False, **more: str) -> subprocess.Popen:
    """Start a sweep in a process of its own, in a group of its own if asked for."""
    paths = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    return subprocess.Popen(
        [sys.executable, "-m", "fsqa", "train", "-m", *TINIEST, "study=sweep", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(PYTHONPATH=paths, **more),
        start_new_session=group,
    )


def until(happens: Callable[[], bool], seconds: float = 90) -> None:
    """Wait for something that will happen."""
    end = time.monotonic() + seconds
    while not happens():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)


def statuses(study: Path = STUDY) -> dict[int, dict]:
    """What status.json of each run says, by seed."""
    read = [json.loads(path.read_text(encoding="utf-8")) for path in study.glob("*/status.json")]
    return {status["seed"]: status for status in read}


def states(study: Path = STUDY) -> dict[int, str]:
    return {seed: status["state"] for seed, status in sorted(statuses(study).items())}


def result(run: Path) -> tuple:
    """Everything about a run that must not depend on when and beside what it was computed."""
    metrics = {
        name: part
        for name, part in json.loads((run / "metrics.json").read_text(encoding="utf-8")).items()
        if name != "cost"
    }
    lines = (run / "history.jsonl").read_text(encoding="utf-8").splitlines()
    history = [{name: value for name, value in json.loads(line).items() if name != "seconds"} for line in lines]
    return run.name, metrics, history, (run / "predictions.jsonl").read_bytes()
