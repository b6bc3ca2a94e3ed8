"""Places on GPUs: so many runs to each, whoever starts them, and whole GPUs for runs that take several."""

from __future__ import annotations

import fcntl
import getpass
import os
import re
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from fsqa.config.devices import ALL

PAUSE = 0.5


def visible_gpus() -> tuple[str, ...]:
    """Return the NVIDIA GPUs that this process may use, as ``CUDA_VISIBLE_DEVICES`` names them, without loading torch.

    No CUDA is started: a process that has it cannot be copied.
    """
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    if chosen is None:
        return tuple(str(i) for i in range(_installed()))
    names = [name.strip() for name in chosen.split(",")]
    valid = [not name or name == "-1" for name in names]
    return tuple(names[: valid.index(True)] if True in valid else names)


@cache
def _installed() -> int:
    try:
        listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, check=False, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return 0
    return sum(line.startswith("GPU ") for line in listed.stdout.splitlines())


def places_wanted(trainer: Mapping[str, Any], devices: Sequence[str]) -> int:
    """Return how many GPUs a run takes: none where it trains on the CPU or there are none."""
    if trainer.get("accelerator") not in ("auto", "gpu", "cuda") or not devices:
        return 0
    wanted = trainer.get("devices")
    return len(devices) if wanted in ALL else min(int(str(wanted)), len(devices))


@contextmanager
def taken(
    devices: Sequence[str],
    wanted: int,
    per_device: int,
    is_stopped: Callable[[], bool],
    folder: Path | None = None,
) -> Iterator[tuple[str, ...] | None]:
    """Hold a place on one device, or ``wanted`` whole devices, waiting until they are free.

    Places are locked files in a folder of this machine, so they are shared by all sweeps of one user and given back
    when their owner dies. Yields the names of the devices, and None where ``is_stopped`` came true while waiting.
    """
    if not wanted:
        yield ()
        return
    place = folder or _folder()
    place.mkdir(parents=True, exist_ok=True)
    with ExitStack() as locks:
        while (found := _take(locks, place, devices, wanted, per_device)) is None and not is_stopped():
            time.sleep(PAUSE)
        yield found


def _take(
    locks: ExitStack, folder: Path, devices: Sequence[str], wanted: int, per_device: int
) -> tuple[str, ...] | None:
    """Lock what is wanted, or nothing."""
    if wanted == 1:
        # the first place of every device before any second one
        for place in range(per_device):
            for device in devices:
                if _lock(locks, folder, device, place):
                    return (device,)
        return None
    whole: list[str] = []
    with ExitStack() as drafts:
        for device in devices:
            with ExitStack() as draft:
                if len(whole) < wanted and all(_lock(draft, folder, device, place) for place in range(per_device)):
                    whole.append(device)
                    drafts.push(draft.pop_all())
        if len(whole) < wanted:
            return None
        locks.push(drafts.pop_all())
    return tuple(whole)


def _lock(locks: ExitStack, folder: Path, device: str, place: int) -> bool:
    file = (folder / f"{re.sub(r'[^A-Za-z0-9_-]', '_', device)}.{place}").open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        return False
    locks.callback(file.close)
    return True


def _folder() -> Path:
    """Return where this machine's places are; the GPUs that Slurm gave to a job are counted within that job."""
    parts = ["fsqa", getpass.getuser(), *filter(None, [os.environ.get("SLURM_JOB_ID")])]
    return Path(tempfile.gettempdir()) / "-".join(parts)
