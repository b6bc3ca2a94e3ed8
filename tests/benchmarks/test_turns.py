import io
import json

import pytest

from benchmarks.turns import NOTHING, Counts, Gate, Turn

BATCH = Counts(examples=8, tokens=120, positions=140, targets=30)


class LeftError(Exception):
    """Stands for the end of the process."""


def leave():
    raise LeftError


def gate(commands, warm_up=2, **options):
    """A gate with its commands written beforehand, and what it sends."""
    sent = io.StringIO()
    return Gate(io.StringIO("".join(f"{c}\n" for c in commands)), sent, warm_up=warm_up, leave=leave, **options), sent


def train(gate, losses, batch=BATCH):
    for loss in losses:
        gate.prepared(lambda: batch)
        gate.finished_step(lambda loss=loss: loss)


def turns(sent):
    return [Turn.read(line) for line in sent.getvalue().splitlines()]


def test_a_turn_has_as_many_steps_as_it_was_told():
    opened, sent = gate([3, "stop"])
    train(opened, [5.0, 4.0])
    with pytest.raises(LeftError):
        train(opened, [3.0, 2.0, 1.0])
    warm_up, turn = turns(sent)
    assert (warm_up.steps, warm_up.loss) == (2, 4.0)
    assert (turn.steps, turn.loss, turn.first_loss) == (3, 1.0, 5.0)
    assert turn.counts == Counts(examples=24, tokens=360, positions=420, targets=90)
    assert warm_up.peak_mb > 0


def test_batches_made_ahead_count_where_they_are_trained():
    opened, sent = gate([1, 1, "stop"], warm_up=1)
    for size in (1, 2, 3):
        opened.prepared(lambda size=size: Counts(examples=size, tokens=size, positions=size, targets=size))
    opened.finished_step(lambda: 0.0)
    opened.finished_step(lambda: 0.0)
    with pytest.raises(LeftError):
        opened.finished_step(lambda: 0.0)
    assert [turn.counts.examples for turn in turns(sent)] == [1, 2, 3]


def test_losses_are_asked_for_only_where_a_turn_ends():
    opened, _ = gate(["stop"], warm_up=3)
    opened.first_loss = 7.0
    asked = []
    for step in range(2):
        opened.prepared(lambda: NOTHING)
        opened.finished_step(lambda step=step: asked.append(step) or 0.0)
    assert not asked
    with pytest.raises(LeftError):
        train(opened, [1.0])


def test_time_between_turns_is_not_counted(monkeypatch):
    clock = iter([0.0, 10.0, 100.0, 101.0, 200.0])
    monkeypatch.setattr("benchmarks.turns.time.perf_counter", lambda: next(clock))
    opened, sent = gate([1, "stop"], warm_up=1)
    train(opened, [0.0])
    with pytest.raises(LeftError):
        train(opened, [0.0])
    assert [turn.seconds for turn in turns(sent)] == [10.0, 1.0]


def test_the_device_is_waited_for_before_the_clock_is_read():
    waited = []
    opened, _ = gate(["stop"], warm_up=2, synchronize=lambda: waited.append(1))
    train(opened, [0.0])
    assert not waited
    with pytest.raises(LeftError):
        train(opened, [0.0])
    assert waited == [1]


def test_a_closed_pipe_ends_the_worker():
    opened, _ = gate([], warm_up=1)
    with pytest.raises(LeftError):
        train(opened, [0.0])


def test_a_turn_reads_what_it_wrote():
    opened, sent = gate(["stop"], warm_up=1)
    with pytest.raises(LeftError):
        train(opened, [0.5])
    (turn,) = turns(sent)
    assert Turn.read(turn.line()) == turn
    assert json.loads(turn.line())["counts"]["tokens"] == 120
