"""What a command costs: its wall time, and the processor time of everything it starts."""

from __future__ import annotations

import ctypes
import os
import resource
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from fsqa.errors import InputError

ADOPT_ORPHANS = 36
"""The number of Linux's PR_SET_CHILD_SUBREAPER."""


@dataclass(frozen=True)
class Cost:
    """Seconds that a command took."""

    wall: float
    cpu: float
    """Of the command and of all processes it started; 0 where the system does not tell."""
    output: str = ""


def timed(command: Sequence[str], *, code: int = 0, environment: Mapping[str, str] | None = None) -> Cost:
    """Run a command to its end; raises InputError, with the last line it wrote, unless its exit code is ``code``.

    A process that outlives its parent, as the one that a sweep copies its runs from, is waited for too: its time
    belongs to the command.
    """
    others = _offspring()
    before, started = _children(), time.monotonic()
    _adopt_orphans(True)
    done = subprocess.run(list(command), capture_output=True, text=True, check=False, env=_complete(environment))
    wall = time.monotonic() - started
    while left := _offspring() - others:
        for process in left:
            with suppress(ChildProcessError):
                os.waitpid(process, 0)
    _adopt_orphans(False)
    if done.returncode != code:
        told = (done.stderr.strip() or done.stdout.strip() or "nothing").splitlines()[-1]
        raise InputError(f"{' '.join(command)}: wanted exit code {code}, got {done.returncode}: {told}")
    return Cost(wall, _children() - before, done.stdout)


def fsqa(*words: str) -> list[str]:
    """Return the command that runs fsqa under this interpreter."""
    return [sys.executable, "-m", "fsqa", *words]


def single_threaded(threads: int = 1) -> dict[str, str]:
    """Return what to set so that every process computes with so many threads, asks no network and finds fsqa."""
    root = str(Path(__file__).resolve().parents[1])
    paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
    return {"OMP_NUM_THREADS": str(threads), "HF_HUB_OFFLINE": "1", "PYTHONPATH": os.pathsep.join(paths)}


def _complete(environment: Mapping[str, str] | None) -> dict[str, str]:
    return {**os.environ, **(environment or {})}


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _offspring() -> set[int]:
    """Return the processes whose parent is this one; none where the system does not tell."""
    files = Path("/proc/self/task").glob("*/children")
    return {int(process) for file in files for process in file.read_text(encoding="utf-8").split()}


def _adopt_orphans(wanted: bool) -> None:
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(ADOPT_ORPHANS, int(wanted), 0, 0, 0)
