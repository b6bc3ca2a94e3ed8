"""Places on GPUs, with names for devices that are not there."""

import subprocess
from contextlib import ExitStack

import pytest

from fsqa.sweep import slots
from fsqa.sweep.slots import places_wanted, taken, visible_gpus


def never() -> bool:
    return False


def now() -> bool:
    return True


def test_first_places_go_round_before_second_ones(tmp_path):
    with ExitStack() as held:
        got = [held.enter_context(taken(("0", "1"), 1, 2, now, tmp_path)) for _ in range(5)]
    assert got == [("0",), ("1",), ("0",), ("1",), None]
    with taken(("0", "1"), 1, 2, now, tmp_path) as again:
        assert again == ("0",)


def test_a_run_on_several_gpus_gets_whole_ones_or_waits_with_none(tmp_path):
    devices = ("a", "b", "c")
    with taken(devices, 1, 2, never, tmp_path) as single:
        assert single == ("a",)
        with taken(devices, 2, 2, never, tmp_path) as pair:
            assert pair == ("b", "c")
            with taken(devices, 1, 2, never, tmp_path) as beside:
                assert beside == ("a",)
        with taken(devices, 3, 2, now, tmp_path) as all_of_them:
            assert all_of_them is None
        with taken(devices, 2, 2, never, tmp_path) as pair:
            assert pair == ("b", "c"), "nothing was kept by the one that had to wait"


def test_waiting_ends_when_a_place_is_given_back(tmp_path, monkeypatch):
    waited = []
    with ExitStack() as first:
        first.enter_context(taken(("0",), 1, 1, never, tmp_path))
        monkeypatch.setattr(slots.time, "sleep", lambda seconds: (waited.append(seconds), first.close()))
        with taken(("0",), 1, 1, never, tmp_path) as mine:
            assert mine == ("0",)
    assert waited == [slots.PAUSE]


@pytest.mark.parametrize(
    ("trainer", "devices", "wanted"),
    [
        ({"accelerator": "cpu", "devices": 2}, ("0", "1"), 0),
        ({"accelerator": "auto", "devices": 1}, (), 0),
        ({"accelerator": "auto", "devices": 1}, ("0", "1"), 1),
        ({"accelerator": "gpu", "devices": 2}, ("0", "1", "2"), 2),
        ({"accelerator": "gpu", "devices": -1}, ("0", "1", "2"), 3),
        ({"accelerator": "gpu", "devices": 4}, ("0", "1"), 2),
    ],
)
def test_places_wanted(trainer, devices, wanted):
    assert places_wanted(trainer, devices) == wanted


@pytest.mark.parametrize(
    ("variable", "gpus"),
    [("", ()), ("-1", ()), ("3,1", ("3", "1")), ("GPU-1f, GPU-2a", ("GPU-1f", "GPU-2a")), ("0,-1,2", ("0",))],
)
def test_visible_gpus_by_environment(variable, gpus, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", variable)
    assert visible_gpus() == gpus


@pytest.mark.parametrize(
    ("listed", "gpus"),
    [("GPU 0: H100 (UUID: GPU-1)\n  MIG 1g: x\nGPU 1: H100 (UUID: GPU-2)\n", ("0", "1")), ("No devices found.\n", ())],
)
def test_visible_gpus_by_the_driver(listed, gpus, monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(
        slots.subprocess, "run", lambda *_, **__: subprocess.CompletedProcess((), 0, stdout=listed, stderr="")
    )
    slots._installed.cache_clear()
    assert visible_gpus() == gpus
    slots._installed.cache_clear()
