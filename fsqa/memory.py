"""The most memory a run held at once: of the GPU if there is one, else of the process."""

from __future__ import annotations

import ctypes
import resource
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import torch

PROCESS = Path("/proc/self")


class _Earlier:
    """What is remembered of peaks when the system's own count starts anew."""

    peak_mb = 0.0


def forget_peak() -> None:
    """Count the peak from here, so that runs in one process do not inherit each other's, where the system can."""
    _give_back()
    _restart()
    _Earlier.peak_mb = 0.0


def peak_mb() -> float:
    """Return the peak since :func:`forget_peak` in MB; without ``/proc``, the peak since the process began."""
    return max(_Earlier.peak_mb, _peak_mb())


@contextmanager
def peak_within() -> Iterator[Callable[[], float]]:
    """Yield what tells how many bytes more than at the start were held at once; the whole run's peak is kept."""
    held = held_bytes()
    _Earlier.peak_mb = peak_mb()
    _restart()
    yield lambda: max(0.0, _peak_mb() * 1e6 - held)


def held_bytes() -> int:
    """Return the memory held now in bytes; without ``/proc``, the most that was held."""
    if torch.cuda.is_available():
        return torch.cuda.memory_allocated()
    _give_back()
    return int(_from_proc("VmRSS") or _peak_mb() * 1e6)


def _give_back() -> None:
    """Have glibc give back what is free, which it may keep until it is told."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def _restart() -> None:
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
    with suppress(OSError):
        (PROCESS / "clear_refs").write_text("5")


def _peak_mb() -> float:
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated() / 1e6
    if (peak := _from_proc("VmHWM")) is not None:
        return peak / 1e6
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / 1e6 if sys.platform == "darwin" else most * 1024 / 1e6


def _from_proc(name: str) -> float | None:
    """Return one of the kernel's figures about this process in bytes, where there are such."""
    with suppress(OSError):
        for line in (PROCESS / "status").read_text().splitlines():
            if line.startswith(name):
                return float(line.split()[1]) * 1024
    return None
