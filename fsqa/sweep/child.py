"""What happens in the process of one run."""

from __future__ import annotations

import os
import pickle
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import parent_process
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

import fsqa
from fsqa.errors import InputError, Pruned, Stopped
from fsqa.study.ending import one_line
from fsqa.study.folder import RunFolder, RunHeldError
from fsqa.sweep.stop import ORDERS, PATIENCE, stoppable

ENDINGS: tuple[tuple[type[BaseException], str], ...] = (
    (RunHeldError, "elsewhere"),
    (Pruned, "pruned"),
    (Stopped, "interrupted"),
    (KeyboardInterrupt, "interrupted"),
    (BaseException, "failed"),
)
"""States by the errors that lead to them; the first that fits counts."""


@dataclass(frozen=True, kw_only=True)
class Task:
    """A run, in values that can be handed to another process."""

    config: Mapping[str, Any]
    choices: Mapping[str, str]
    overrides: Sequence[str]
    environment: Mapping[str, str]
    shown: bytes = b""
    """Tables of parameters that need not be shown once more; packed, as only a run has loaded what they are made of."""


@dataclass(frozen=True, kw_only=True)
class Ending:
    """How a run ended, as its own process tells it."""

    state: str
    reason: str = ""
    is_mistake: bool = False
    shown: bytes = b""


def execute(task: Task, answer: Connection) -> None:
    """Run the task in this process, which is there for nothing else, and tell how it ended."""
    ending = Ending(state="interrupted", reason="stopped before it began")
    with stoppable(), suppress(Stopped), _own_temporary_files():
        _die_with_parent()
        ending = _ending(task)
    answer.send(ending)
    answer.close()


@contextmanager
def _own_temporary_files() -> Iterator[None]:
    """Keep temporary files in a folder that goes with the run: what packages remove at exit stays in such a process."""
    with tempfile.TemporaryDirectory(prefix="fsqa-", ignore_cleanup_errors=True) as folder:
        tempfile.tempdir = folder
        yield


def _ending(task: Task) -> Ending:
    from fsqa import footprint
    from fsqa.cli import keep_quiet
    from fsqa.train import train

    keep_quiet()
    os.environ.clear()
    os.environ.update(task.environment)
    _set_threads()
    sys.argv = again(task.overrides)
    footprint._shown[:] = pickle.loads(task.shown) if task.shown else []
    state, reason, is_mistake = "done", "", False
    try:
        train(RunFolder(task.config, task.choices))
    except BaseException as error:  # noqa: BLE001  # whatever it was, status.json has it, and the sweep is told
        state = next(state for kind, state in ENDINGS if isinstance(error, kind))
        reason, is_mistake = one_line(error), isinstance(error, InputError)
    return Ending(state=state, reason=reason, is_mistake=is_mistake, shown=pickle.dumps(footprint._shown))


def again(overrides: Sequence[str]) -> list[str]:
    """Return the command line of one run, as Lightning types it again for every further device."""
    program = Path(fsqa.__file__).with_name("__main__.py")
    return [str(program), "train", *overrides, "hydra.mode=RUN"]


def _set_threads() -> None:
    """Use as many threads as the environment says: torch has asked it when it was loaded, in another process."""
    import torch

    wanted = os.environ.get("OMP_NUM_THREADS", "")
    if wanted.isdigit() and 0 < int(wanted) != torch.get_num_threads():
        torch.set_num_threads(int(wanted))


def _die_with_parent() -> None:
    """Stop, as by SIGTERM, when the process that started this one is gone."""
    parent = parent_process()
    if parent is None:
        return

    def watch() -> None:
        wait([parent.sentinel])
        for number in ORDERS:
            os.kill(os.getpid(), number)
            time.sleep(PATIENCE)

    threading.Thread(target=watch, daemon=True).start()
