"""A whole run with every shortcut against one without any."""

import json
from pathlib import Path

import pytest

from tests.commands.lines import TINY, call

SETTINGS = (
    *TINY,
    "trainer.max_steps=12",
    "trainer.val_check_interval=6",
    "callbacks.history.every=1",
    "optimizer.lr=1e-5",  # at a larger rate AdamW makes any rounding large after some steps, the plain path's too
    "batch_size=12",
    "micro_batch_size=6",
)


def history(loss, speed, *more):
    outcome = call("train", *SETTINGS, f"loss={loss}", f"speed={speed}", f"study={speed}", *more)
    assert outcome.code == 0, outcome.err
    (path,) = Path("outputs", speed).glob("*/history.jsonl")
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("loss", ["answer_end", "all"])
def test_the_history_is_the_same(tmp_path, monkeypatch, loss):
    monkeypatch.chdir(tmp_path)
    plain = history(loss, "plain")
    fast = history(loss, "fast", "speed.chunk_megabytes=0.05")
    assert len(plain) == len(fast) > 12
    for left, right in zip(fast, plain, strict=True):
        assert left.keys() == right.keys()
        for name in left.keys() - {"seconds"}:
            assert left[name] == pytest.approx(right[name], abs=2e-6, rel=1e-5), (name, left["step"])
