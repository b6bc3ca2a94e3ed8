"""A study folder in the middle of its work, as runs and sweeps leave it."""

import fcntl
import json
import os
import socket
import time
from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from fsqa.study.plan import Planned, write_plan


def add_run(
    study: Path,
    name: str,
    state: str = "done",
    *,
    seconds: float = 60.0,
    error: Mapping | None = None,
    total_steps: int | None = None,
    history: Sequence[Mapping] = (),
    test: Mapping | None = None,
    host: str | None = None,
    cell: str = "cell",
) -> Path:
    """Write one run folder."""
    run = study / name
    run.mkdir(parents=True, exist_ok=True)
    status = {
        "state": state,
        "seconds": seconds if state == "done" else None,
        "error": error,
        "cell_hash": cell,
        "host": host or socket.gethostname(),
    }
    status |= {"total_steps": total_steps} if total_steps else {}
    (run / "config.yaml").write_text("seed: 0\n", encoding="utf-8")
    (run / "status.json").write_text(json.dumps(status), encoding="utf-8")
    if history:
        (run / "history.jsonl").write_text("".join(json.dumps(line) + "\n" for line in history), encoding="utf-8")
    if state == "done":
        measured = {"test": test or {"exact_match": 0.5, "f1": 0.75, "answer_nll": 1.5}}
        (run / "metrics.json").write_text(json.dumps(measured), encoding="utf-8")
    return run


def trained(steps: int, every: int = 20, seconds_per_step: float = 0.1, **validated: float) -> list[dict]:
    """A history up to ``steps``; ``validated`` are the figures of a validation in its middle."""
    lines = [
        {"step": step, "seconds": step * seconds_per_step, "loss_tokens": step, "train/loss": 1.0}
        for step in range(every, steps + 1, every)
    ]
    middle = len(lines) // 2
    figures = {f"val/{name}": value for name, value in validated.items()}
    return [*lines[:middle], *([lines[middle - 1] | figures] if validated else []), *lines[middle:]]


def plan(study: Path, runs: Mapping[str, str]) -> None:
    """Write the plan of a sweep: each run's name with what was typed to get it."""
    write_plan(study, [Planned(run=name, overrides=tuple(typed.split())) for name, typed in runs.items()])


def add_outcome(study: Path, name: str, state: str, reason: str = "") -> None:
    """Write how a job of the sweep ended."""
    line = {"sweep": "s", "run": str(study / name), "state": state, "reason": reason}
    with (study / ".sweep" / "outcomes.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


def age(path: Path, seconds: float) -> None:
    """Let a file look as if it had last been written so long ago."""
    then = time.time() - seconds
    os.utime(path, (then, then))


@contextmanager
def held(run: Path):
    """Hold the lock of a run, as the process that runs it does."""
    with (run / ".lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
