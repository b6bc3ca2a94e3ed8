"""Settings of the whole process: which library multiplies float32 matrices, and what becomes of freed memory."""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch

WORTH = 1.5
"""How many times faster the other library has to be; on most processors the two are equal, and a measurement near 1
must not decide differently from one start to the next."""
EXACT = 4.0
"""How many times the usual library's error the other's may be; rounded to bfloat16 it would be a thousand times."""
ONEDNN = "bf16"
"""What torch calls the setting under which float32 products go to oneDNN."""
ROUNDS = 9
SHAPE = (128, 768, 1536)
"""Rows, inputs and outputs of the product that is tried: as in a block of a small model."""

KEEP_BELOW = (1 << 30, 1 << 25)
"""Sizes in bytes up to which memory is kept, the first that glibc takes: before 2.35 it takes no more than 32 MiB."""
MMAP_THRESHOLD, TRIM_THRESHOLD = -3, -1
"""Names of glibc's mallopt for the size from which memory comes from the system directly, and goes back to it."""


@dataclass(frozen=True, kw_only=True)
class Route:
    """What a trial of the two libraries for float32 products on this processor gave."""

    speedup: float
    """How many times faster oneDNN is than what torch takes by itself."""
    error: float
    """Error of oneDNN's product relative to float64, in multiples of the usual one's."""

    @property
    def is_taken(self) -> bool:
        """Whether oneDNN is as exact, and faster by a margin that no disturbance makes."""
        return self.error <= EXACT and self.speedup >= WORTH


def tune(*, matrix_route: bool, kept_memory: bool) -> None:
    """Make this process's settings those that are asked for, where they help and the system has them."""
    if matrix_route and try_route().is_taken:
        # By the setting for all of torch: with oneDNN's alone, whoever asks torch for that one gets a RuntimeError.
        torch.set_float32_matmul_precision("medium")
    if kept_memory:
        keep_memory()


@cache
def try_route() -> Route:
    """Multiply the same matrices through both libraries, in turns; milliseconds, once a process.

    Torch goes to oneDNN when bfloat16 products are allowed. On a processor without units for those, oneDNN computes in
    float32 all the same, which on some is twice as fast as the usual library (MKL on AMD with AVX-512); on one that
    has them it would round, and the error tells.
    """
    rows, inputs, outputs = SHAPE
    generator = torch.Generator().manual_seed(0)
    left, right = (torch.randn(size, inputs, generator=generator) for size in (rows, outputs))
    exact = left.double() @ right.double().T
    matmul, before = _matmul(), _matmul().fp32_precision
    seconds: dict[str, float] = {}
    errors: dict[str, float] = {}
    try:
        for _ in range(ROUNDS):
            for setting in (before, ONEDNN):
                matmul.fp32_precision = setting
                taken, product = _timed(lambda: torch.nn.functional.linear(left, right))
                seconds[setting] = min(taken, seconds.get(setting, taken))
                errors[setting] = float((product.double() - exact).norm() / exact.norm())
    finally:
        matmul.fp32_precision = before
    return Route(speedup=seconds[before] / seconds[ONEDNN], error=errors[ONEDNN] / errors[before])


def bfloat16_speedup() -> float:
    """Return how many times faster this processor multiplies bfloat16 matrices than float32 ones."""
    left, right = (torch.ones(size, SHAPE[1]) for size in (SHAPE[0], SHAPE[2]))
    halves = left.bfloat16(), right.bfloat16()
    pairs = [
        (
            _timed(lambda: torch.nn.functional.linear(left, right))[0],
            _timed(lambda: torch.nn.functional.linear(*halves))[0],
        )
        for _ in range(ROUNDS)
    ]
    return min(full for full, _ in pairs) / min(half for _, half in pairs)


def keep_memory() -> bool:
    """Have glibc keep freed memory for the next allocation; return whether the system has such a setting."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):
        return False
    keeps = any(mallopt(MMAP_THRESHOLD, size) for size in KEEP_BELOW)
    return keeps and bool(mallopt(TRIM_THRESHOLD, 2 * KEEP_BELOW[0] - 1))


def _matmul() -> Any:
    """Return torch's settings for matrix products on the CPU, which its type stubs do not know."""
    return torch.backends.mkldnn.matmul  # type: ignore[attr-defined]


def _timed(multiply: Callable[[], torch.Tensor]) -> tuple[float, torch.Tensor]:
    started = time.process_time()  # not the clock's: other processes must not decide
    product = multiply()
    return time.process_time() - started, product
