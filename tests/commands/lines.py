"""Command lines to test with: run in this process, or in one of their own."""

import io
import json
import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

from fsqa.cli import run

SMALL = (
    "trainer.accelerator=cpu",
    "trainer.max_steps=4",
    "trainer.val_check_interval=2",
    "callbacks.answers.examples=10",
    "batch_size=8",
)
"""Training that takes no time, with any dataset and model."""

TINY = (
    *SMALL,
    "model.size.hidden_size=32",
    "model.vocabulary=400",
    "dataset.questions=196",
    "dataset.validation_questions=20",
    "dataset.test_questions=20",
)
"""The defaults, as small as they go."""


@dataclass(frozen=True)
class Outcome:
    """How a command ended and what it said."""

    code: int
    out: str
    err: str


def call(*words: object) -> Outcome:
    """Run a command in this process."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = run([str(word) for word in words])
    return Outcome(code, out.getvalue(), err.getvalue())


def train(outputs: Path, *words: object) -> Path:
    """Train a tiny run in this process and return its folder."""
    outcome = call("train", *TINY, f"outputs={outputs}", *words)
    assert outcome.code == 0, outcome.err
    return Path(outcome.out.split("  ")[0])


def environment(**more: str) -> dict[str, str]:
    """The environment of another process that computes as this one does."""
    return {**os.environ, "OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false", **more}


def spawn(*words: object, code: str = "from fsqa.cli import main; main()", cwd: Path | None = None, **more: str):
    """Run a command in a process of its own, from the same working folder unless told otherwise."""
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        env=environment(**more),
        timeout=120,
    )


def read_lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def refusal(outcome: Outcome, *, trained: bool = False) -> str:
    """The one line with which a command refused its input; ``trained``: after the table that opens the training."""
    assert outcome.code == 2, outcome
    *before, line = outcome.err.splitlines(keepends=True)
    assert bool(before) == trained, outcome.err
    assert line.startswith("fsqa: "), outcome.err
    assert line.endswith("\n")
    return line.removeprefix("fsqa: ").strip()
