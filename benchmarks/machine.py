"""What this machine can do, measured where and when a benchmark runs: matrix products and memory."""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
ROUTES = ("ieee", "bf16")
"""How torch may multiply fp32 matrices on a CPU: by its BLAS, or by oneDNN, which may round where it has AMX."""

EXACT = 1e-5
"""Largest relative error against float64 of a route that counts as fp32."""

REPEATS = 7

PACKAGES = {"transformers": "transformers", "Lightning": "pytorch_lightning", "TRL": "trl"}
"""Whose versions a reader has to know, where they are installed."""


@dataclass(frozen=True, kw_only=True)
class Rates:
    """The best this machine did."""

    gemm_gflops: float
    """Of the fastest matrix product among a large square one and those of the model."""
    model_gemm_gflops: float
    """Of the products of the model's layers at the rows of one batch, taken together."""
    copy_gbytes: float
    """Read and written, per second, copying a block that no cache holds."""

    def better(self, other: Rates) -> Rates:
        """Return the better of two measurements, figure by figure."""
        return Rates(**{name: max(value, asdict(other)[name]) for name, value in asdict(self).items()})


def facts() -> dict[str, Any]:
    """Return what a reader has to know of the machine: processor, cores, memory, versions of what raced."""
    import torch

    found: dict[str, Any] = {
        "CPU": _cpu_name(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory GiB": round(memory_mb("MemTotal") / 1024) or None,
        "load": round(os.getloadavg()[0], 2),
        "Python": platform.python_version(),
        "torch": torch.__version__,
        **{told: _version(package) for told, package in PACKAGES.items()},
    }
    if torch.cuda.is_available():
        found["GPU"] = torch.cuda.get_device_name()
    return {name: value for name, value in found.items() if value is not None}


def _version(package: str) -> str | None:
    with suppress(PackageNotFoundError):
        return version(package)
    return None


def memory_mb(name: str) -> float:
    """Return one of the kernel's figures about memory in MiB, such as ``MemAvailable``; 0 where there is none."""
    file = Path("/proc/meminfo")
    lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
    return next((float(line.split()[1]) / 1024 for line in lines if line.startswith(f"{name}:")), 0.0)


def measure(shapes: Sequence[tuple[int, int, int]], threads: int, precision: str, device: str) -> Rates:
    """Measure in a process of its own, as the workers of a race are; ``shapes`` are rows, inner size, columns."""
    request = {"shapes": shapes, "threads": threads, "precision": precision, "device": device}
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.machine", json.dumps(request)],
        env={**os.environ, "OMP_NUM_THREADS": str(threads)},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return Rates(**json.loads(done.stdout))


def rates(shapes: Sequence[tuple[int, int, int]], threads: int, precision: str, device: str) -> Rates:
    """Measure in this process."""
    import torch

    torch.set_num_threads(threads)
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    side = 8192 if device == "cuda" else 2048
    square = model = 0.0
    for _ in exact_routes(precision, device):
        square = max(square, _flops([(side, side, side)]) / _seconds([(side, side, side)], dtype, device)[0])
        times = _seconds(shapes, dtype, device)
        model = max(model, _flops(shapes) / sum(times))
        square = max(square, *(_flops([shape]) / taken for shape, taken in zip(shapes, times, strict=True)))
    return Rates(gemm_gflops=square / 1e9, model_gemm_gflops=model / 1e9, copy_gbytes=_copy(device) / 1e9)


def exact_routes(precision: str, device: str) -> Iterator[str]:
    """Set one after the other the routes of matrix products that are as exact as the precision asks; yield each."""
    import torch

    if device == "cuda" or precision == "bf16":
        yield "default"
        return
    before = torch.backends.mkldnn.matmul.fp32_precision
    try:
        for route in ROUTES:
            torch.backends.mkldnn.matmul.fp32_precision = route
            if _error() < EXACT:
                yield route
    finally:
        torch.backends.mkldnn.matmul.fp32_precision = before


def _error() -> float:
    """Return the relative error of one product against float64."""
    import torch

    generator = torch.Generator().manual_seed(0)
    a, b = (torch.randn(256, 768, generator=generator) for _ in range(2))
    exact = a.double() @ b.double().T
    return float((torch.nn.functional.linear(a, b).double() - exact).norm() / exact.norm())


def _flops(shapes: Sequence[tuple[int, int, int]]) -> float:
    return float(sum(2 * rows * inner * columns for rows, inner, columns in shapes))


def _seconds(shapes: Sequence[tuple[int, int, int]], dtype: Any, device: str) -> list[float]:
    """Return the best time of each product."""
    import torch

    taken = []
    for rows, inner, columns in shapes:
        a = torch.randn(rows, inner, device=device).to(dtype)
        b = torch.randn(columns, inner, device=device).to(dtype)
        taken.append(best_seconds(lambda a=a, b=b: torch.nn.functional.linear(a, b), device))
    return taken


def _copy(device: str) -> float:
    """Return bytes a second, read and written."""
    import torch

    source = torch.randn(64 << 20, device=device)
    target = torch.empty_like(source)
    return 2 * source.nbytes / best_seconds(lambda: target.copy_(source), device)


def best_seconds(step: Callable[[], object], device: str) -> float:
    """Return the shortest of several times: what else runs can only add to it."""
    import torch

    wait = torch.cuda.synchronize if device == "cuda" else lambda: None
    times = []
    for _ in range(REPEATS + 2):
        wait()
        started = time.perf_counter()
        step()
        wait()
        times.append(time.perf_counter() - started)
    return min(times[2:])


def _cpu_name() -> str:
    file = Path("/proc/cpuinfo")
    lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or platform.machine())


def _main(words: Sequence[str]) -> None:
    """Answer a request of :func:`measure` on the standard output."""
    parser = argparse.ArgumentParser(description="Measure matrix products and memory of this machine.")
    parser.add_argument("request", help="shapes, threads, precision and device as JSON")
    request: Mapping[str, Any] = json.loads(parser.parse_args(words).request)
    print(json.dumps(asdict(rates(**request))))


if __name__ == "__main__":
    _main(sys.argv[1:])
