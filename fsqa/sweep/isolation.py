"""One run in a process of its own: whatever becomes of it, the sweep goes on."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection, wait
from types import ModuleType
from typing import TYPE_CHECKING, Any

from fsqa.study.folder import RunFolder, RunHeldError
from fsqa.sweep.child import Ending, Task, execute
from fsqa.sweep.outcome import Outcome, figures
from fsqa.sweep.stop import ORDERS, PATIENCE

if TYPE_CHECKING:
    from multiprocessing.context import ForkServerProcess

PRELOAD = "fsqa.sweep.preload"
POLL = 0.1
"""Seconds between looks at whether the sweep was told to stop."""
STOPPED = "stopped, and could not say so itself"

_shown: list[bytes] = [b""]
"""The tables of parameters that runs of this process have shown."""


def run_apart(
    folder: RunFolder, overrides: tuple[str, ...], environment: Mapping[str, str], is_stopped: Callable[[], bool]
) -> Outcome:
    """Run in a process of its own and wait for its end.

    The process starts as a copy of one that has torch, Lightning and fsqa loaded already, so it takes milliseconds.
    ``environment`` is all it sees of this one's. Where ``is_stopped`` comes true, or an exception (as Ctrl-C) ends the
    waiting, the run is made to write that it was interrupted.
    """
    started = time.monotonic()
    task = Task(
        config=folder.config, choices=folder.choices, overrides=overrides, environment=environment, shown=_shown[0]
    )
    here, there = multiprocessing.Pipe(duplex=False)
    with here:
        process = _start(task, there)
        try:
            ending = _wait(process, here, is_stopped)
            process.join(PATIENCE)  # it may have something to tidy up yet
        except BaseException:
            _end(process)
            found(folder, STOPPED, was_stopped=True)
            raise
        _end(process)
    if ending is None:
        was_stopped = is_stopped()
        told = STOPPED if was_stopped else _told(process.exitcode)
        state, reason = found(folder, told, was_stopped=was_stopped)
        ending = Ending(state=state, reason=reason)
    _shown[0] = ending.shown or _shown[0]
    return Outcome(
        run=str(folder.path),
        state=ending.state,
        reason=ending.reason,
        seconds=round(time.monotonic() - started, 3),
        values=figures(folder.path) if ending.state == "done" else {},
        is_mistake=ending.is_mistake,
    )


def _start(task: Task, answer: Connection) -> ForkServerProcess:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_preloaded(task.config))  # the first run of a process decides
    process = context.Process(target=execute, args=(task, answer), name="fsqa run")
    sys.stdout.flush()
    with answer, _alone():
        process.start()
    return process


def _preloaded(config: Mapping[str, Any]) -> list[str]:
    """Return the modules that runs start with: a module that is not there is passed over."""
    architecture = str((config.get("model") or {}).get("architecture") or "").replace("-", "_")
    return [PRELOAD, *([f"transformers.models.{architecture}.modeling_{architecture}"] if architecture else [])]


@contextmanager
def _alone() -> Iterator[None]:
    """Keep multiprocessing from taking over into the new process what does not belong to a run.

    That is the program that uses fsqa, which it would run once more, and the ways of starting processes that a
    launcher has put in.
    """
    main, method = sys.modules["__main__"], multiprocessing.get_start_method(allow_none=True)
    sys.modules["__main__"] = ModuleType("__main__")
    multiprocessing.set_start_method("forkserver", force=True)
    try:
        yield
    finally:
        sys.modules["__main__"] = main
        if method is None or method in multiprocessing.get_all_start_methods():
            multiprocessing.set_start_method(method, force=True)


def _wait(process: ForkServerProcess, answer: Connection, is_stopped: Callable[[], bool]) -> Ending | None:
    """Return what the run tells about its end; None where it ended without a word."""
    while not wait([answer, process.sentinel], timeout=POLL):
        if is_stopped():
            _end(process)
    if not answer.poll():
        return None
    with suppress(EOFError):
        ending: Ending = answer.recv()
        return ending
    return None


def _end(process: ForkServerProcess) -> None:
    """See to it that the process is gone, and leave it the time to write that it was stopped."""
    for number in ORDERS:
        if process.is_alive():
            _signal(process, number)
            process.join(PATIENCE)


def _signal(process: ForkServerProcess, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(process.pid or 0, number)


def found(folder: RunFolder, reason: str, *, was_stopped: bool = False) -> tuple[str, str]:
    """Find out from its folder how a run ended that could not tell, and write it down if nobody has.

    It was killed, or interrupted where it ``was_stopped``, however busy it was. Returns the state and its reason.
    """
    with suppress(RunHeldError):
        folder.write_end("interrupted" if was_stopped else "failed", reason)
    state = folder.status.get("state")
    if state in ("done", "interrupted", "pruned"):
        return state, ""
    return ("interrupted" if was_stopped else "killed"), reason


def _told(code: int | None) -> str:
    if code == -signal.SIGKILL:
        return "killed by SIGKILL (out of memory, or by hand)"
    if code is not None and code < 0:
        with suppress(ValueError):
            return f"killed by {signal.Signals(-code).name}"
    return f"its process ended with exit code {code} before the run was over"
