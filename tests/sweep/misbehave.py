"""A callback by which a run of a test goes wrong, once."""

import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytorch_lightning as pl

ALLOW = "allow=[tests]"


def ways(*names: str) -> tuple[str, ...]:
    """Overrides by which the run with seed i goes wrong in the i-th way, the first time it is started."""
    return (
        ALLOW,
        "+callbacks.bad._target_=tests.sweep.misbehave.Misbehaving",
        f"+callbacks.bad.ways=[{','.join(names)}]",
        "+callbacks.bad.seed=${seed}",
    )


class Misbehaving(pl.Callback):
    """Ends the first training with a seed in the way that is listed for it."""

    def __init__(self, ways: list[str], seed: int) -> None:
        self.way, self.mark = ways[seed], Path(f"misbehaved-{seed}")

    def on_train_batch_end(self, *_) -> None:
        if self.way == "fine" or self.mark.exists():
            return
        self.mark.touch()
        match self.way:
            case "raise":
                raise RuntimeError("a bug on purpose")
            case "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            case "kill_worker":
                os.kill(worker(os.getppid()), signal.SIGKILL)
            case "memory":
                raise MemoryError
            case "exit":
                sys.exit(3)
            case "leave":
                os._exit(3)
            case "swallow":
                with suppress(SystemExit):  # as a library may
                    time.sleep(60)
                return
            case "deaf":
                signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(60)


class Waiting(pl.Callback):
    """Notes every training of a seed; the first one ends when it is told to."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def on_train_start(self, *_) -> None:
        with Path("trained").open("a") as file:
            file.write(f"{self.seed}\n")
        until = time.monotonic() + 60
        while self.seed == 0 and not Path("go").exists() and time.monotonic() < until:
            time.sleep(0.05)


def worker(server: int) -> int:
    """The process that looks after a run: what started the server that the run was copied from."""
    return int(Path(f"/proc/{server}/stat").read_text().rpartition(")")[2].split()[1])
