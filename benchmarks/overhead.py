"""What a step of ``fsqa train`` costs beside the model and the optimizer, by a clock inside the steps themselves.

The model is so small that arithmetic is next to nothing, and what is left is Python.
"""

from __future__ import annotations

import argparse
import shlex
import statistics
import tempfile
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path

from benchmarks.arguments import positive
from fsqa.errors import InputError

CHUNK = 20
"""Steps whose time is taken together: as many as stand between two lines of the history, so that one is in each."""

TARGET = 500
"""Microseconds that a step may cost beside the model and the optimizer."""

TINY = (
    "model.architecture=gpt_neo",
    "model.vocabulary=300",
    "model.size.hidden_size=8",
    "model.size.num_layers=2",
    "model.size.num_heads=2",
    "dataset.questions=700",
    "dataset.validation_questions=10",
    "dataset.test_questions=10",
    "batch_size=8",
    "trainer=cpu",
    "callbacks.answers=null",
    "callbacks.best.monitor=val/answer_nll",
    "callbacks.best.mode=min",
)

COLUMNS = ("what", "CPU us/step", "least CPU us/step", "wall us/step")

STEP = "step"

Chunks = Mapping[str, Sequence[Mapping[str, float]]]
"""For the clocks ``wall`` and ``cpu``: microseconds a step that each part took, chunk by chunk."""


def main(argv: Sequence[str]) -> int:
    """Measure, write ``overhead.json`` and ``overhead.md``, and return 1 where the target is missed."""
    options = _parser().parse_args(argv)
    if options.steps < 2 * CHUNK:
        raise InputError(f"--steps: wanted {2 * CHUNK} or more, of which the first {CHUNK} do not count")
    import torch

    from benchmarks.machine import facts
    from benchmarks.step_parts import FRAMEWORK
    from benchmarks.tables import write

    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory(prefix="fsqa-overhead-") as scratch:
        chunks = measure(Path(scratch), options.steps, options.rounds, options.speed)
    framework = statistics.median(chunk[FRAMEWORK] for chunk in chunks["cpu"])
    write(
        options.output,
        "overhead",
        "What a step costs beside the model and the optimizer",
        COLUMNS,
        table(chunks),
        _notes(options),
        f"python -m benchmarks overhead {shlex.join(argv)}".rstrip(),
        facts(),
    )
    print(f"{options.output / 'overhead.md'}: {framework:,.0f} us of CPU a step, wanted less than {TARGET}")
    return int(framework >= TARGET)


def measure(scratch: Path, steps: int, rounds: int, speed: str) -> Chunks:
    """Train so many runs after one for practice, and return what their chunks took; the first of each is left out."""
    from benchmarks.step_parts import CALLBACK
    from benchmarks.steps import trained

    found: dict[str, list[dict[str, float]]] = {"wall": [], "cpu": []}
    for number in range(rounds + 1):
        words = [*TINY, f"speed={speed}", f"outputs={scratch}", f"study=round{number}", *_long(steps)]
        written = trained(words, scratch / "parts.json", CALLBACK)
        if number:
            for clock, ends in written.items():
                found[clock] += chunks_of(ends)
    return found


def chunks_of(ends: Sequence[Mapping[str, float]]) -> list[dict[str, float]]:
    """Return microseconds a step of each part in every whole chunk but the first, from seconds at the ends of steps."""
    marks = ends[CHUNK - 1 :: CHUNK]
    return [{part: (last[part] - first[part]) / CHUNK * 1e6 for part in last} for first, last in pairwise(marks)]


def table(chunks: Chunks) -> list[dict[str, object]]:
    """Return a row for the whole step and one for each of its parts."""
    whole = {clock: [{STEP: sum(chunk.values()), **chunk} for chunk in of_clock] for clock, of_clock in chunks.items()}
    rows: list[dict[str, object]] = []
    for part in whole["cpu"][0]:
        wall, cpu = ([chunk[part] for chunk in whole[clock]] for clock in ("wall", "cpu"))
        figures = (statistics.median(cpu), min(cpu), statistics.median(wall))
        rows.append(dict(zip(COLUMNS, (part, *figures), strict=True)))
    return rows


def _long(steps: int) -> list[str]:
    """Return overrides for so many steps with nothing between them; a checkpoint is the model's cost, not a step's."""
    never = 10 * steps
    return [f"trainer.max_steps={steps}", f"trainer.val_check_interval={never}", f"callbacks.progress.every={never}"]


def _notes(options: argparse.Namespace) -> list[str]:
    return [
        f"Medians over chunks of {CHUNK} steps, {options.rounds} runs of {options.steps} steps after one for practice, "
        f"in one process with one thread; speed={options.speed}. Parts need not add up: each median is its own.",
        "Timed within the steps: the forward pass with the loss, backward(), clipping, and the optimizer's zero_grad() "
        "and step() without what that calls back. 'framework' is the rest of the step: Lightning, callbacks, history, "
        "schedule, making the batch, and the clock itself.",
        "The time of other processes is in the wall time and not in the CPU time.",
    ]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks overhead", description=__doc__)
    parser.add_argument("--steps", type=positive, default=400, help="optimizer steps of a run (400)")
    parser.add_argument("--rounds", type=positive, default=3, help="runs, after one that is thrown away (3)")
    parser.add_argument("--speed", default="fast", help="the option of the config group speed (fast)")
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results"), help="folder of the results")
    return parser
