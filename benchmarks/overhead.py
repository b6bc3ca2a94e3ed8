"""What a step costs beside the model and the optimizer: the same batches in a bare loop and in ``fsqa train``.

The model is so small that arithmetic is next to nothing, and what is left is Python.
"""

from __future__ import annotations

import argparse
import shlex
import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, count, islice
from pathlib import Path
from typing import Any

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


@dataclass
class Times:
    """Microseconds per step of one way of training, a value for every chunk of steps."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    def add(self, wall: float, cpu: float, steps: int) -> None:
        """Add a chunk, given in seconds."""
        self.wall.append(wall / steps * 1e6)
        self.cpu.append(cpu / steps * 1e6)

    def row(self, what: str) -> dict[str, object]:
        """Return a row of the table."""
        return {
            "what": what,
            "CPU us/step": statistics.median(self.cpu),
            "least CPU us/step": min(self.cpu),
            "wall us/step": statistics.median(self.wall),
        }


def main(argv: Sequence[str]) -> int:
    """Measure, write ``overhead.json`` and ``overhead.md``, and return 1 where the target is missed."""
    options = _parser().parse_args(argv)
    import torch

    from benchmarks.machine import facts
    from benchmarks.tables import write

    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory(prefix="fsqa-overhead-") as scratch:
        found = measure(Path(scratch), options.steps, options.rounds, options.speed)
    rows = table(found)
    missed = next(row for row in rows if row["what"] == "framework")["CPU us/step"]
    write(
        options.output,
        "overhead",
        "What a step costs beside the model and the optimizer",
        COLUMNS,
        rows,
        _notes(options),
        f"python -m benchmarks overhead {shlex.join(argv)}".rstrip(),
        facts(),
    )
    print(f"{options.output / 'overhead.md'}: {missed:,.0f} us of CPU a step, wanted less than {TARGET}")
    return int(missed >= TARGET)


def measure(scratch: Path, steps: int, rounds: int, speed: str) -> dict[str, Times]:
    """Let the ways take turns and return their times; a round is so many steps of each."""
    from benchmarks.steps import trained

    found = {"bare": Times(), "collate": Times(), "fsqa": Times()}
    words = [*TINY, f"speed={speed}", f"outputs={scratch}", *_long(steps)]
    for number in range(rounds + 1):
        kept = found if number else {name: Times() for name in found}  # the first round is a warm-up
        _bare([*words, f"study=bare{number}"], steps, kept)
        done = trained([*words, f"study=fsqa{number}"], scratch / "steps.json")
        for first in range(CHUNK, steps - CHUNK + 1, CHUNK):
            wall, cpu = (done.seconds(clock, first, first + CHUNK) for clock in ("wall", "cpu"))
            kept["fsqa"].add(wall, cpu, CHUNK)
    return found


def table(found: Mapping[str, Times]) -> list[dict[str, object]]:
    """Return the rows of the table; the framework is what fsqa takes beyond the bare loop."""
    rows = [
        found["bare"].row("bare loop over batches made before"),
        found["collate"].row("making a batch"),
        found["fsqa"].row("fsqa train"),
    ]
    bare, _, ours = rows
    beyond = {name: _number(ours[name]) - _number(bare[name]) for name in COLUMNS[1:]}
    return [*rows, {"what": "framework", **beyond}]


def _number(value: object) -> float:
    assert isinstance(value, float)
    return value


def _long(steps: int) -> list[str]:
    """Return overrides for so many steps with nothing between them; a checkpoint is the model's cost, not a step's."""
    never = 10 * steps
    return [f"trainer.max_steps={steps}", f"trainer.val_check_interval={never}", f"callbacks.progress.every={never}"]


def _bare(words: Sequence[str], steps: int, kept: Mapping[str, Times]) -> None:
    """Train as a loop without a framework would, over batches that are there already."""
    import torch

    from benchmarks.steps import composed, prepared
    from fsqa.config.assemble import assemble_optimizer
    from fsqa.config.instantiate import build

    config = composed(words)
    with prepared(config) as (_, assembly, objective):
        optimizer = assemble_optimizer(config["optimizer"])(objective.model)
        scheduler = build(config["scheduler"])(optimizer, steps)
        clip = float(config["trainer"]["gradient_clip_val"])
        batches = _batches(config, assembly, steps, kept["collate"])
        objective.train()
        learned = [parameter for group in optimizer.param_groups for parameter in group["params"]]
        for first in range(0, steps, CHUNK):
            wall, cpu = time.perf_counter(), time.process_time()
            for batch in batches[first : first + CHUNK]:
                loss = objective.weighted_loss(batch).loss
                optimizer.zero_grad()
                loss.backward()
                torch.nn.utils.clip_grad_norm_(learned, clip)
                optimizer.step()
                scheduler.step()
            if first:
                kept["bare"].add(time.perf_counter() - wall, time.process_time() - cpu, CHUNK)


def _batches(config: Mapping[str, Any], assembly: Any, steps: int, kept: Times) -> list[Any]:
    """Make the batches that a run of fsqa sees, and note what that takes."""
    from fsqa.data.module import QuestionDataModule

    size = config["batch_size"]
    data = QuestionDataModule(
        train=assembly.examples["train"],
        validation=assembly.examples["validation"],
        pad_id=assembly.encoder.end_id,
        batch_size=size,
        micro_batch_size=size,
        seed=config["seed"],
        workers=0,
    )
    loader = data.train_dataloader()
    endless, batches = chain.from_iterable(loader for _ in count()), []
    while len(batches) < steps:
        wall, cpu = time.perf_counter(), time.process_time()
        chunk = list(islice(endless, CHUNK))
        kept.add(time.perf_counter() - wall, time.process_time() - cpu, CHUNK)
        batches += chunk
    return batches[:steps]


def _notes(options: argparse.Namespace) -> list[str]:
    return [
        f"Medians over chunks of {CHUNK} steps, {options.rounds} rounds of {options.steps} steps of each way in turns, "
        f"in one process with one thread; speed={options.speed}.",
        "Both ways run the objective of fsqa, AdamW, clipping at the same norm and the schedule. 'framework' is the "
        "whole of fsqa train less the bare loop: Lightning, the callbacks, the history, and making the batches.",
        "The time of other processes is in the wall time and not in the CPU time.",
    ]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks overhead", description=__doc__)
    parser.add_argument("--steps", type=int, default=400, help="optimizer steps of a round (400)")
    parser.add_argument("--rounds", type=int, default=3, help="turns of each way, after one that is thrown away (3)")
    parser.add_argument("--speed", default="plain", help="the option of the config group speed (plain)")
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results"), help="folder of the results")
    return parser
