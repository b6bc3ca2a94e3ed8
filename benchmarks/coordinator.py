"""The coordinator of a race: starts the contestants, gives them turns, and sees that they fit into memory."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from benchmarks.machine import ROOT, memory_mb
from benchmarks.turns import RECEIVE, SEND, STOP, Turn
from benchmarks.variants import Job

QUIET = {
    "TOKENIZERS_PARALLELISM": "false",
    "HF_HUB_OFFLINE": "1",
    "TRL_EXPERIMENTAL_SILENCE": "1",
    "WANDB_MODE": "disabled",
}

SHARE_OF_MEMORY = 0.9
"""How much of what is available the contestants of a heat may take together."""


class Contestant:
    """A worker process with the pipes to it, and the turns it has had."""

    def __init__(self, job: Job, log: Path) -> None:
        """Start the process; its output goes to ``log``."""
        self.job, self.log = job, log
        self.turns: list[Turn] = []
        self._started = time.perf_counter()
        ours, theirs = os.pipe(), os.pipe()
        environment = (
            os.environ
            | QUIET
            | {
                "OMP_NUM_THREADS": str(job.threads),
                RECEIVE: str(ours[0]),
                SEND: str(theirs[1]),
            }
        )
        if job.device == "cpu":
            environment["CUDA_VISIBLE_DEVICES"] = ""
        environment.setdefault("CUDA_VISIBLE_DEVICES", "0")  # the Trainer would take all there are
        with log.open("w", encoding="utf-8") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "benchmarks.worker", job.text()],
                env=environment,
                cwd=ROOT,
                pass_fds=(ours[0], theirs[1]),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        os.close(ours[0])
        os.close(theirs[1])
        self._send: TextIO = os.fdopen(ours[1], "w")
        self._receive: TextIO = os.fdopen(theirs[0], "r")
        self.ready = self._read()
        """The warm-up, or None where the process ended before it was over."""
        self.seconds_until_ready = time.perf_counter() - self._started

    @property
    def is_there(self) -> bool:
        """Whether it has come through everything so far."""
        return self.ready is not None and self._process.poll() is None

    def turn(self, steps: int) -> None:
        """Let it train so many optimizer steps."""
        with suppress(BrokenPipeError):  # it has ended by itself, and will say nothing
            print(steps, file=self._send, flush=True)
        if turn := self._read():
            self.turns.append(turn)

    def stop(self) -> None:
        """End the process."""
        with suppress(BrokenPipeError):  # it has ended by itself
            print(STOP, file=self._send, flush=True)
        try:
            self._process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        with suppress(BrokenPipeError):
            self._send.close()
        self._receive.close()

    def last_words(self) -> str:
        """Return the last line it wrote, which says what it ended with."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return lines[-1] if lines else "it wrote nothing"

    def _read(self) -> Turn | None:
        line = self._receive.readline()
        return Turn.read(line) if line else None


@dataclass
class Heat:
    """Contestants that raced side by side, the base first, and those that fell out."""

    contestants: list[Contestant] = field(default_factory=list)
    fallen: list[Contestant] = field(default_factory=list)


def heats(jobs: Sequence[Job], each_mb: float, most: int) -> list[list[Job]]:
    """Part the jobs into groups that fit into memory, each with the first job, the base, in front.

    ``each_mb`` is what one contestant is expected to hold, ``most`` how many may race side by side.
    """
    base, *others = jobs
    available = memory_mb("MemAvailable") * SHARE_OF_MEMORY
    together = max(2, min(most, int(available / each_mb) if available else most))
    groups = [others[start : start + together - 1] for start in range(0, len(others), together - 1)]
    return [[base, *group] for group in groups] or [[base]]


def run_heat(jobs: Sequence[Job], logs: Path, rounds: int, steps: int, tell: Callable[[str], None]) -> Heat:
    """Start the contestants one after the other, then give turns: A B C, C B A, and so on."""
    heat = Heat()
    logs.mkdir(parents=True, exist_ok=True)
    try:
        for job in jobs:
            contestant = Contestant(job, logs / f"{_file_name(job.variant)}.txt")
            (heat.contestants if contestant.is_there else heat.fallen).append(contestant)
            told = (
                f"ready after {contestant.seconds_until_ready:.0f} s"
                if contestant.is_there
                else contestant.last_words()
            )
            tell(f"  {job.variant}: {told}")
        for number in range(rounds):
            for contestant in heat.contestants[:: -1 if number % 2 else 1]:
                if contestant.is_there:
                    contestant.turn(steps)
            tell(f"  round {number + 1} of {rounds}")
    finally:
        for contestant in [*heat.contestants, *heat.fallen]:
            contestant.stop()
    whole = [contestant for contestant in heat.contestants if len(contestant.turns) == rounds]
    heat.fallen += [contestant for contestant in heat.contestants if contestant not in whole]
    heat.contestants = whole
    return heat


def _file_name(variant: str) -> str:
    return "".join(character if character.isalnum() else "_" for character in variant)
