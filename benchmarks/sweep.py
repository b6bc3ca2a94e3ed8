"""Twelve small runs as one study, against the same twelve started one by one."""

from __future__ import annotations

import argparse
import json
import shlex
import statistics
import tempfile
from collections.abc import Sequence
from itertools import product
from pathlib import Path

from benchmarks.arguments import positive
from benchmarks.processes import Cost, fsqa, single_threaded, timed
from fsqa.errors import InputError

LOSSES = ("all", "answer_end", "answer", "balanced")
SEEDS = ("0", "1", "2")

COLUMNS = ("what", "runs", "wall s", "CPU s", "wall s a run", "CPU s a run", "x of the study's wall")


def main(argv: Sequence[str]) -> int:
    """Measure in turns, write ``sweep.json`` and ``sweep.md``; 1 where a study is not faster than single starts."""
    options = _parser().parse_args(argv)
    from benchmarks.machine import facts
    from benchmarks.tables import write

    study, alone, steps = measure(options.steps, options.rounds, options.threads)
    rows = table(study, alone, steps)
    write(
        options.output,
        "sweep",
        "Twelve small runs as one study, and as twelve starts",
        COLUMNS,
        rows,
        _notes(options),
        f"python -m benchmarks sweep {shlex.join(argv)}".rstrip(),
        facts(),
    )
    gain = _median_wall(alone) / _median_wall(study)
    print(f"{options.output / 'sweep.md'}: one study is {gain:.2f} x as fast as single starts")
    return int(gain <= 1)


def measure(steps: int, rounds: int, threads: int) -> tuple[list[Cost], list[Cost], list[float]]:
    """Return the cost of a study and of single starts, one of each a round, and the seconds of each run's steps.

    Every round begins with an empty folder, so both prepare the data once.
    """
    study, alone, training = [], [], []
    environment = single_threaded(threads)
    for number in range(rounds):
        with tempfile.TemporaryDirectory(prefix="fsqa-sweep-") as scratch:
            ways = ["study", "alone"] if number % 2 == 0 else ["alone", "study"]
            for way in ways:
                words = [*_words(steps), f"outputs={Path(scratch) / way}", "study=s"]
                if way == "study":
                    study.append(timed(fsqa("train", "-m", *words, *_listed()), environment=environment))
                    training += _step_seconds(Path(scratch) / way / "s")
                else:
                    alone.append(_one_by_one(words, environment))
    return study, alone, training


def _one_by_one(words: Sequence[str], environment: dict[str, str]) -> Cost:
    costs = [
        timed(fsqa("train", *words, f"loss={loss}", f"seed={seed}"), environment=environment)
        for loss, seed in product(LOSSES, SEEDS)
    ]
    return Cost(sum(cost.wall for cost in costs), sum(cost.cpu for cost in costs))


def _step_seconds(study: Path) -> list[float]:
    """Return what the steps themselves took in each run of a study, as the runs count it."""
    files = sorted(study.glob("*/training.json"))
    if len(files) != len(LOSSES) * len(SEEDS):
        raise InputError(f"{study}: wanted {len(LOSSES) * len(SEEDS)} finished runs, found {len(files)}")
    return [float(json.loads(file.read_text(encoding="utf-8"))["timed_seconds"]) for file in files]


def table(study: Sequence[Cost], alone: Sequence[Cost], steps: Sequence[float]) -> list[dict[str, object]]:
    """Return the rows of the table: medians over rounds, and the steps alone for comparison."""
    runs, base = len(LOSSES) * len(SEEDS), _median_wall(study)
    rows: list[dict[str, object]] = []
    for what, costs in (("one study", study), ("single starts", alone)):
        wall, cpu = _median_wall(costs), statistics.median(cost.cpu for cost in costs)
        rows.append(
            {
                "what": what,
                "runs": runs,
                "wall s": wall,
                "CPU s": cpu,
                "wall s a run": wall / runs,
                "CPU s a run": cpu / runs,
                "x of the study's wall": wall / base,
            }
        )
    each = statistics.median(steps)
    own = {"wall s": each * runs, "wall s a run": each, "x of the study's wall": each * runs / base}
    return [*rows, {"what": "the steps of the runs alone", "runs": runs, **own}]


def _median_wall(costs: Sequence[Cost]) -> float:
    return statistics.median(cost.wall for cost in costs)


def _words(steps: int) -> list[str]:
    return ["trainer=cpu", f"trainer.max_steps={steps}"]


def _listed() -> list[str]:
    return [f"loss={','.join(LOSSES)}", f"seed={','.join(SEEDS)}"]


def _notes(options: argparse.Namespace) -> list[str]:
    return [
        f"fsqa train -m loss={','.join(LOSSES)} seed={','.join(SEEDS)} trainer.max_steps={options.steps}, one run at a "
        f"time, {options.threads} thread(s); medians over {options.rounds} rounds that begin with an empty folder.",
        "A run of a study is a process of its own, copied from one that has loaded everything; data and baselines that "
        "runs share are made once in both ways.",
        "CPU s has every process in it that was started.",
    ]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks sweep", description=__doc__)
    parser.add_argument("--steps", type=positive, default=20, help="optimizer steps of a run (20)")
    parser.add_argument("--rounds", type=positive, default=1, help="how often both ways are measured (1)")
    parser.add_argument("--threads", type=positive, default=1, help="of every run (1)")
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results"), help="folder of the results")
    return parser
