"""Turn-taking: a worker trains so many optimizer steps when it is told to, and reports what they took."""

from __future__ import annotations

import json
import os
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TextIO

RECEIVE, SEND = "BENCHMARK_RECEIVE", "BENCHMARK_SEND"
"""Environment variables with the numbers of the pipes to and from the coordinator."""

STOP = "stop"


@dataclass(frozen=True, kw_only=True)
class Counts:
    """What a batch holds."""

    examples: int
    tokens: int
    """Real tokens, the end token of each answer included."""
    positions: int
    """Places that the model computes, filler included."""
    targets: int
    """Tokens that count in the loss."""

    def __add__(self, other: Counts) -> Counts:
        """Return the sum of both."""
        return Counts(**{name: value + asdict(other)[name] for name, value in asdict(self).items()})


NOTHING = Counts(examples=0, tokens=0, positions=0, targets=0)


@dataclass(frozen=True, kw_only=True)
class Turn:
    """What one turn took, or, of the first report, what it took to be ready."""

    steps: int
    seconds: float
    cpu_seconds: float
    """Time on the processor of all threads of the worker: what it took had nobody else been there."""
    counts: Counts
    first_loss: float
    """Loss of the first batch at the weights that all start from: the same objective gives the same number."""
    loss: float
    """Of the last step."""
    peak_mb: float
    """The most memory the process has held so far."""
    device_peak_mb: float
    """The most memory of the accelerator it has held so far; 0 without one."""

    @classmethod
    def read(cls, line: str) -> Turn:
        """Read what :meth:`line` wrote."""
        values = json.loads(line)
        return cls(**{**values, "counts": Counts(**values["counts"])})

    def line(self) -> str:
        """Return it as one line of JSON."""
        return json.dumps(asdict(self))


class Gate:
    """Lets a training loop through, one turn at a time.

    The loop tells what each batch holds when it is made (which may be ahead of its step) and when a step is finished.
    After the last step of a turn the loop stands still here until the next one. Time while it stands is not counted.
    """

    def __init__(
        self,
        receive: TextIO,
        send: TextIO,
        *,
        warm_up: int,
        synchronize: Callable[[], object] = lambda: None,
        device_peak_mb: Callable[[], float] = lambda: 0.0,
        leave: Callable[[], None] = lambda: os._exit(0),  # no framework's farewell belongs to the race
    ) -> None:
        self._receive, self._send = receive, send
        self._synchronize, self._leave = synchronize, leave
        self.peak_mb, self.device_peak_mb = peak_mb, device_peak_mb
        self._waiting: deque[Callable[[], Counts]] = deque()
        self._done: list[Callable[[], Counts]] = []
        self.first_loss: float | None = None
        self._start(warm_up)

    def prepared(self, counts: Callable[[], Counts]) -> None:
        """Note what the next batch holds; it is counted where a turn ends, so that no device is waited for before."""
        self._waiting.append(counts)

    def finished_step(self, loss: Callable[[], float]) -> None:
        """Count an optimizer step; ``loss`` is asked for its value only where a turn ends."""
        if self.first_loss is None:
            self.first_loss = loss()
        self._done.append(self._waiting.popleft())
        self._left -= 1
        if self._left:
            return
        self._synchronize()
        seconds, cpu_seconds = time.perf_counter() - self._started, time.process_time() - self._cpu_started
        turn = Turn(
            steps=self._steps,
            seconds=seconds,
            cpu_seconds=cpu_seconds,
            counts=sum((count() for count in self._done), NOTHING),
            first_loss=self.first_loss,
            loss=loss(),
            peak_mb=self.peak_mb(),
            device_peak_mb=self.device_peak_mb(),
        )
        print(turn.line(), file=self._send, flush=True)
        words = self._receive.readline().split()
        if not words or words[0] == STOP:
            self._leave()
            return
        self._start(int(words[0]))

    def _start(self, steps: int) -> None:
        self._steps = self._left = steps
        self._done.clear()
        self._started, self._cpu_started = time.perf_counter(), time.process_time()


class _TheGate:
    """The gate of this process, which a callback made from a config has to find."""

    gate: Gate | None = None


def open_gate(device: str, warm_up: int, environment: Mapping[str, str] = os.environ) -> Gate:
    """Open the gate of this process on the pipes that the coordinator has left in the environment."""
    receive, send = (os.fdopen(int(environment[name]), mode) for name, mode in ((RECEIVE, "r"), (SEND, "w")))
    _TheGate.gate = Gate(receive, send, warm_up=warm_up, **_of_device(device))
    return _TheGate.gate


def the_gate() -> Gate:
    """Return the gate of this process."""
    assert _TheGate.gate is not None, "open_gate() comes first"
    return _TheGate.gate


def _of_device(device: str) -> dict[str, Any]:
    """Return how to wait for a device, and how to ask for its memory."""
    if device == "cpu":
        return {}
    import torch

    return {
        "synchronize": torch.cuda.synchronize,
        "device_peak_mb": lambda: torch.cuda.max_memory_allocated() / 1e6,
    }


def peak_mb() -> float:
    """Return the most memory this process has held at once, in MB; 0 where the system does not tell."""
    status = Path("/proc/self/status")
    lines = status.read_text(encoding="utf-8").splitlines() if status.is_file() else []
    return next((float(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith("VmHWM")), 0.0)
