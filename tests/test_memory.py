"""The peak of a run is its own, and there is one on every system."""

import numpy as np
import pytest
import torch

from fsqa import memory


@pytest.mark.skipif(not (memory.PROCESS / "clear_refs").exists(), reason="needs /proc of Linux")
def test_a_peak_is_forgotten():
    held = np.ones(50_000_000)
    with_it = memory.peak_mb()
    del held
    if not torch.cuda.is_available():
        assert with_it >= 400
        memory.forget_peak()
        assert memory.peak_mb() < with_it - 300


def test_without_proc_the_process_is_asked(monkeypatch, tmp_path):
    monkeypatch.setattr(memory, "PROCESS", tmp_path / "missing")
    memory.forget_peak()
    if not torch.cuda.is_available():
        assert 10 < memory.peak_mb() < 1e6
