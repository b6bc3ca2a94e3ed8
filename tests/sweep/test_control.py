"""What the processes of a sweep tell each other."""

import fcntl
import json
import os
import signal
import threading
import time
from contextlib import suppress
from dataclasses import replace

import pytest

from fsqa.errors import Stopped
from fsqa.sweep.control import Control
from fsqa.sweep.outcome import Outcome
from fsqa.sweep.stop import stoppable


@pytest.fixture
def control(tmp_path):
    return Control.of_this_process(tmp_path / "study")


def ended(state: str, run: str = "run") -> Outcome:
    return Outcome(run=run, state=state)


def test_failures_count_up_to_what_is_tolerated(control):
    with control.begun():
        for state in ("done", "failed", "interrupted", "killed", "pruned", "elsewhere"):
            assert control.refusal(tolerated=2) == ""
            control.record(ended(state))
        assert control.refusal(tolerated=None) == ""
        assert control.refusal(tolerated=2) == ""
        assert control.refusal(tolerated=1) == "2 failed, and the sweep goes on after 1 at most"
        assert [outcome.state for outcome in control.outcomes()] == [
            "done", "failed", "interrupted", "killed", "pruned", "elsewhere",
        ]  # fmt: skip


def test_outcomes_are_those_of_the_latest_sweep_and_of_others_still_at_it(tmp_path):
    first, second = (Control.of_this_process(tmp_path) for _ in range(2))
    with first.begun():
        first.record(ended("done", "a"))
    with second.begun():
        assert not second.outcomes_path.exists()
        second.record(ended("done", "b"))
        with first.begun():
            first.record(ended("done", "c"))
            assert [outcome.run for outcome in first.outcomes()] == ["c"]
            assert [outcome.run for outcome in second.outcomes()] == ["b"]
    assert [json.loads(line)["run"] for line in second.outcomes_path.read_text().splitlines()] == ["b", "c"]


def test_a_sweep_is_over_when_it_says_so_and_when_its_process_is_gone(control):
    assert control.is_stopped()
    with control.begun():
        assert not control.is_stopped()
        assert replace(control, sweeper=replace(control.sweeper, process=2**22 - 7)).is_stopped()
        control.stop()
        assert control.is_stopped()
        assert control.refusal(None) == "the sweep was stopped"
    assert not control.path.exists()


def test_stopping_waits_for_who_looks_after_a_run(control):
    begun, left = threading.Event(), []

    def look_after():
        with control.path.open("r") as file:
            fcntl.flock(file, fcntl.LOCK_SH)
            begun.set()
            while not control.is_stopped():
                time.sleep(0.01)
            left.append(True)

    with control.begun():
        threading.Thread(target=look_after).start()
        begun.wait()
        control.stop()
        assert left == [True]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_becomes_an_exception_once(number):
    calls = []
    handler = signal.getsignal(number)
    with pytest.raises(Stopped) as caught, stoppable(before=lambda: calls.append("before")):  # noqa: PT012
        try:
            os.kill(os.getpid(), number)
        finally:
            os.kill(os.getpid(), number)  # as a terminal and a parent would
            calls.append("tidied up")
    assert caught.value.code == 128 + number
    assert calls == ["before", "tidied up"]
    assert signal.getsignal(number) is handler


def test_a_signal_that_was_swallowed_can_be_sent_again(monkeypatch):
    monkeypatch.setattr("fsqa.sweep.stop.GRACE", 0.0)
    with pytest.raises(Stopped), stoppable():  # noqa: PT012
        with suppress(BaseException):  # as some library does
            os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGTERM)
