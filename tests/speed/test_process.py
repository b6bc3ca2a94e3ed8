import subprocess
import sys
from types import SimpleNamespace

import pytest
import torch

from fsqa.speed import process
from fsqa.speed.process import Route


@pytest.fixture(autouse=True)
def _same_setting_after():
    before = process._matmul().fp32_precision
    yield
    torch.set_float32_matmul_precision("highest")
    process._matmul().fp32_precision = before


def test_the_trial_leaves_the_setting_as_it_was():
    before = process._matmul().fp32_precision
    process.try_route.cache_clear()
    route = process.try_route()
    assert process._matmul().fp32_precision == before
    assert route.speedup > 0
    assert route.error > 0


@pytest.mark.parametrize(
    ("speedup", "error", "taken"),
    [(2.2, 1.3, True), (1.1, 1.0, False), (2.2, 900.0, False)],
    ids=["AMD with AVX-512", "most processors", "units for bfloat16"],
)
def test_it_is_taken_only_where_exact_and_much_faster(monkeypatch, speedup, error, taken):
    monkeypatch.setattr(process, "try_route", lambda: Route(speedup=speedup, error=error))
    before = process._matmul().fp32_precision
    process.tune(matrix_route=True, kept_memory=False)
    assert process._matmul().fp32_precision == ("bf16" if taken else before)
    assert torch.get_float32_matmul_precision() == ("medium" if taken else "highest"), "it can still be asked for"


def test_nothing_is_tried_that_was_not_asked_for(monkeypatch):
    monkeypatch.setattr(process, "try_route", lambda: pytest.fail("tried"))
    monkeypatch.setattr(process, "keep_memory", lambda: pytest.fail("set"))
    process.tune(matrix_route=False, kept_memory=False)


@pytest.mark.parametrize(("most", "kept"), [(1 << 40, True), (1 << 25, True), (0, False)])
def test_a_system_may_keep_less_or_nothing(monkeypatch, most, kept):
    """As glibc before 2.35, which refuses thresholds above 32 MiB."""
    taken = {}

    def mallopt(name, value):
        accepted = value <= most if name == process.MMAP_THRESHOLD else most > 0
        if accepted:
            taken[name] = value
        return int(accepted)

    monkeypatch.setattr(process.ctypes, "CDLL", lambda _: SimpleNamespace(mallopt=mallopt))
    assert process.keep_memory() == kept
    assert taken.get(process.MMAP_THRESHOLD) == (min(most, 1 << 30) if kept else None)


@pytest.mark.skipif(sys.platform != "linux", reason="counts page faults as Linux does")
def test_kept_memory_is_not_cleared_again():
    """Freed memory that is kept is not cleared the next time; in a process of its own, as it is for good."""
    program = """
import resource, sys, torch
from fsqa.speed.process import keep_memory
if sys.argv[1] == "keep":
    assert keep_memory()
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
def step():
    return [torch.ones(size << 20) for size in (4, 16, 8)]
for _ in range(4):
    step()
before = faults()
for _ in range(5):
    step()
print(faults() - before)
"""
    counts = {}
    for how in ("keep", "leave"):
        done = subprocess.run([sys.executable, "-c", program, how], capture_output=True, text=True, check=True)
        counts[how] = int(done.stdout)
    # Where the system puts the heap decides whether each piece finds its old place: 0 to 25,000, not 120,000.
    assert counts["keep"] < counts["leave"] / 2


def test_torch_still_has_the_setting():
    """A release without it would make the route a silent no-op."""
    process._matmul().fp32_precision = process.ONEDNN
    assert torch.backends.mkldnn.matmul.fp32_precision == process.ONEDNN
