"""How the time of training grows: over the number of rows, and over the size of a batch."""

from __future__ import annotations

import argparse
import json
import shlex
import statistics
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.arguments import positive
from benchmarks.processes import single_threaded, timed
from fsqa.errors import InputError

CHUNK = 10
"""Steps whose time is taken together; the median of chunks leaves out what a disturbance cost."""
WARM_UP = 20
FLAT = 1.10
"""How much more a token may cost with the most rows than with the fewest."""
ROWS_OF_BATCHES = 10_000
BATCH = 32

COLUMNS = ("rows", "batch", "us/token", "CPU us/token", "us/example", "tokens/example", "x of first", "peak MB")


def main(argv: Sequence[str]) -> int:
    """Measure, write ``scaling.json`` and ``scaling.md``; 1 where a real token costs more with more rows."""
    options = _parser().parse_args(argv)
    if options.steps < WARM_UP + CHUNK:
        raise InputError(f"--steps: wanted {WARM_UP + CHUNK} or more, of which the first {WARM_UP} do not count")
    if options.measure:
        print(json.dumps(measure(*options.measure, options.steps, options.folder)))
        return 0
    from benchmarks.machine import facts
    from benchmarks.tables import write

    with tempfile.TemporaryDirectory(prefix="fsqa-scaling-") as scratch:
        found = rounds(options, Path(scratch))
    rows = table(found, options.rows)
    growth = _growth(rows, len(options.rows))
    write(
        options.output,
        "scaling",
        "Time and memory over rows and batch sizes",
        COLUMNS,
        rows,
        _notes(options),
        f"python -m benchmarks scaling {shlex.join(argv)}".rstrip(),
        facts(),
    )
    print(f"{options.output / 'scaling.md'}: a token costs at most {growth:.3f} x as much with more rows")
    return int(growth > FLAT)


def rounds(options: argparse.Namespace, scratch: Path) -> dict[tuple[int, int], list[dict[str, float]]]:
    """Measure every place in a process of its own, there and back in turns; rows are prepared before."""
    places = [*((rows, BATCH) for rows in options.rows), *((ROWS_OF_BATCHES, size) for size in options.batches)]
    found: dict[tuple[int, int], list[dict[str, float]]] = {place: [] for place in places}
    for rows in {rows for rows, _ in places}:
        _in_child(rows, BATCH, WARM_UP + CHUNK, scratch)
    for number in range(options.rounds):
        for place in list(found)[:: 1 if number % 2 == 0 else -1]:
            found[place].append(_in_child(*place, options.steps, scratch))
    return found


def _in_child(rows: int, batch: int, steps: int, scratch: Path) -> dict[str, float]:
    words = ["--measure", str(rows), str(batch), "--steps", str(steps), "--folder", str(scratch)]
    done = timed([sys.executable, "-m", "benchmarks", "scaling", *words], environment=single_threaded())
    measured: dict[str, float] = json.loads(done.output.strip().splitlines()[-1])
    return measured


def measure(rows: int, batch: int, steps: int, folder: Path) -> dict[str, float]:
    """Train on so many made-up questions and return microseconds per token and example, and the peak in MB."""
    import torch

    from benchmarks.steps import Steps, trained
    from fsqa.memory import forget_peak, peak_mb

    torch.set_num_threads(1)
    forget_peak()
    with tempfile.TemporaryDirectory(dir=folder) as study:
        words = [*_words(rows, batch, steps), f"outputs={folder}", f"study={Path(study).name}"]
        done = Steps(**trained(words, folder / f"{Path(study).name}.json"))
    firsts = range(WARM_UP, steps - CHUNK + 1, CHUNK)
    tokens = [sum(done.tokens[first : first + CHUNK]) for first in firsts]
    examples = sum(done.examples[WARM_UP : firsts[-1] + CHUNK]) / len(tokens)
    taken = {clock: [done.seconds(clock, first, first + CHUNK) * 1e6 for first in firsts] for clock in ("wall", "cpu")}
    each = {clock: _per(times, tokens) for clock, times in taken.items()}
    mean = statistics.mean(tokens) / examples
    return {
        "us/token": each["wall"],
        "CPU us/token": each["cpu"],
        "us/example": each["wall"] * mean,
        "tokens/example": mean,
        "peak MB": peak_mb(),
    }


def _per(times: Sequence[float], tokens: Sequence[int]) -> float:
    return statistics.median(time / count for time, count in zip(times, tokens, strict=True))


def _words(rows: int, batch: int, steps: int) -> list[str]:
    return [
        f"dataset.questions={rows}",
        "dataset.validation_questions=10",
        "dataset.test_questions=10",
        f"batch_size={batch}",
        "trainer=cpu",
        f"trainer.max_steps={steps}",
        f"trainer.val_check_interval={10 * steps}",
        f"callbacks.progress.every={10 * steps}",
        "callbacks.answers=null",
        "callbacks.best.monitor=val/answer_nll",
        "callbacks.best.mode=min",
    ]


def table(
    found: Mapping[tuple[int, int], Sequence[Mapping[str, float]]], sizes: Sequence[int]
) -> list[dict[str, object]]:
    """Return medians over rounds for each place; ratios are to the fewest rows, and to the smallest batch."""
    rows: list[dict[str, object]] = []
    for number, ((count, batch), rounds_of) in enumerate(found.items()):
        first = list(found.values())[0 if number < len(sizes) else len(sizes)]
        name = "us/token" if number < len(sizes) else "us/example"
        ratio = statistics.median(own[name] / base[name] for own, base in zip(rounds_of, first, strict=True))
        figures = {column: statistics.median(one[column] for one in rounds_of) for column in rounds_of[0]}
        rows.append({"rows": count, "batch": batch, **figures, "x of first": ratio})
    return rows


def _growth(rows: Sequence[Mapping[str, object]], sizes: int) -> float:
    ratios = [row["x of first"] for row in rows[:sizes]]
    return max(float(str(ratio)) for ratio in ratios)


def _notes(options: argparse.Namespace) -> list[str]:
    return [
        f"Training of tiny_gpt_neo on atlas, {options.steps - WARM_UP} steps after {WARM_UP} of warm-up; every place "
        f"is a process of its own with one thread, {options.rounds} rounds there and back, medians of the ratios.",
        "us/token counts real tokens, without filler. 'x of first' compares tokens over the number of rows, and "
        "examples over the size of a batch.",
        "Data was prepared before, so 'peak MB' is that of training. The tokenizer is learned from each world's own "
        "names, so a larger world has longer rows.",
    ]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks scaling", description=__doc__)
    add = parser.add_argument
    add("--rows", type=positive, nargs="+", default=[1_000, 10_000, 100_000, 1_000_000], help="training rows")
    add("--batches", type=positive, nargs="+", default=[8, 16, 32, 64], help=f"sizes, on {ROWS_OF_BATCHES:,} rows")
    add("--steps", type=positive, default=120, help=f"steps of a measurement, {WARM_UP} of them warm-up (120)")
    add("--rounds", type=positive, default=3, help="how often every place is measured (3)")
    add("--output", type=Path, default=Path("benchmarks/results"), help="folder of the results")
    add("--measure", type=positive, nargs=2, metavar=("ROWS", "BATCH"), help="measure one place and print it as JSON")
    add("--folder", type=Path, default=Path("outputs"), help="where --measure keeps its data")
    return parser
