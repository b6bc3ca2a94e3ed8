"""The training race: ``python -m benchmarks race``."""

from __future__ import annotations

import argparse
import json
import shlex
import shutil
import signal
import sys
import tempfile
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchmarks.arguments import positive
from benchmarks.coordinator import Contestant, Heat, heats, run_heat
from benchmarks.flops import needed, product_shapes
from benchmarks.machine import ROOT, Rates, facts, measure
from benchmarks.standings import Standing, standing
from benchmarks.tables import write
from benchmarks.turns import Counts
from benchmarks.variants import BASE, Job, by_default, can_race
from benchmarks.workload import LONGEST_ROW, SHAPES, Folders, prepare, shape_named
from fsqa.errors import InputError

COLUMNS = (
    "contestant",
    "s/step",
    "examples/s",
    "real tokens/s",
    "fsqa is faster",
    "between",
    "by CPU time",
    "utilisation",
    "peak MB",
    "real share",
    "first loss",
)

NOTES = (
    "Contestants are processes of their own that take turns step by step (A B C, C B A, ...); figures are medians over "
    "rounds. 'fsqa is faster' is real tokens a second of fsqa over the contestant's in the same round, 'between' its "
    "least and its largest, 'by CPU time' the same by the processor time of each.",
    "All start from the same weights, see the questions in one drawn order (fsqa in batches of like length), have "
    "dropout off, AdamW at one learning rate, and clip gradients at 1.0.",
    "'first loss' is of the same first batch at the weights that all start from, as a divergence: the same objective "
    "gives the same number. TRL at its defaults trains without smoothing, and packed rows are another batch, as is the "
    "first of batches of like length.",
    "'utilisation' is the operations the batches need (6 for each weight a token is multiplied by, the head at targets "
    "alone) over time and the fastest exact matrix product of this machine, measured before and after the race.",
    "'real share' is real tokens among the places of the batches, for fsqa before it leaves filler out; 'peak MB' is "
    "the most memory the process ever held, on a GPU the most of the GPU's.",
)

NOTES_OF = {
    "blocks": (
        "Blocks are 256 tokens of questions and answers end to end. For HF a block is one long text; TRL and fsqa keep "
        "the texts of a block apart, so theirs is another function than HF's (fsqa:objective.isolated=false is HF's).",
    ),
    "lora": (
        "Adapters of rank 8 stand beside the query and value projections; operations are 4 for each frozen weight.",
    ),
}


def parser() -> argparse.ArgumentParser:
    """Return the options of the command."""
    options = argparse.ArgumentParser(
        prog="python -m benchmarks race",
        description="Train the same small model side by side with fsqa and its peers, and say who is how much faster.",
        epilog="A variant is lightning, hf, trl or fsqa, with switches after a colon: hf:process, "
        "trl:padding_free,process, fsqa:speed.kept_memory=false. Without any, all of them race.",
    )
    add = options.add_argument
    add("variants", nargs="*", metavar="VARIANT", help="who races beside fsqa itself")
    add("--model", default="gpt_neo_125m", help=f"one of {', '.join(SHAPES)} (gpt_neo_125m)")
    add("--workload", choices=("answers", "blocks", "lora"), default="answers", help="what is trained (answers)")
    add("--strategy", choices=("answer_end", "all"), default="answer_end", help="which targets count (answer_end)")
    add("--precision", choices=("fp32", "bf16"), help="fp32, on a GPU bf16")
    add("--device", choices=("cpu", "cuda"), default="cpu", help="where (cpu)")
    add("--threads", type=positive, default=1, help="of every contestant (1)")
    add("--batch-size", type=positive, default=8, help="examples of an optimizer step (8)")
    add("--rounds", type=positive, default=8, help="turns of each contestant (8)")
    add("--steps", type=positive, default=4, help="optimizer steps of a turn (4)")
    add("--warm-up", type=positive, default=3, help="optimizer steps before the first turn (3)")
    add("--together", type=positive, default=6, help="most contestants in memory at once (6)")
    add("--data", type=Path, default=ROOT.parent / "shared/data/nq_open", help="folder of the nq_open files")
    add("--tokenizer", type=Path, default=ROOT.parent / "shared/models/gpt2-tokenizer", help="GPT-2's vocabulary")
    add("--work", type=Path, default=ROOT / "outputs/benchmarks", help="folder for weights, questions and logs, kept")
    add("--output", type=Path, default=ROOT / "benchmarks/results", help="folder of the results (benchmarks/results)")
    add("--name", help="file name of the results; by default made of the options")
    return options


def main(words: Sequence[str]) -> int:
    """Race, and write the table; return 1 if a contestant fell out."""
    options = parser().parse_args(list(words))
    options.precision = options.precision or ("bf16" if options.device == "cuda" else "fp32")
    variants = [v.spec for v in can_race(_specs(options), options.workload)]
    _check_installed(variants, options.device)
    folders = _prepare(options)
    weights = json.loads(folders.facts.read_text(encoding="utf-8"))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # contestants end and the scratch folder goes then too
    scratch = Path(tempfile.mkdtemp(prefix="fsqa-race-"))
    try:
        jobs = [_job(options, spec, folders, scratch / str(i)) for i, spec in enumerate(variants)]
        shapes = product_shapes(weights, _typical(options), 1)
        before = _measure(options, shapes)
        run = [
            run_heat(heat, options.work / "logs", options.rounds, options.steps, _tell)
            for heat in heats(jobs, expected_mb(weights, options), options.together)
        ]
        rates = before.better(_measure(options, shapes))
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return _report(options, run, weights, rates, shlex.join(["python", "-m", "benchmarks", "race", *words]))


def _specs(options: argparse.Namespace) -> list[str]:
    """Return who races: whom the command names, else all that the workload and the device have."""
    if options.variants:
        return list(options.variants)
    specs = by_default(options.workload, options.device)
    return [spec for spec in specs if "liger" not in spec or find_spec("liger_kernel")]


def _check_installed(variants: Sequence[str], device: str) -> None:
    if any(spec.startswith("trl") for spec in variants) and find_spec("trl") is None:
        raise InputError("race: TRL is not installed here; run make bench, which gives the peers their environment")
    if any("liger" in spec for spec in variants) and find_spec("liger_kernel") is None:
        raise InputError("race: a variant wants Liger's kernels; pip install liger-kernel, or leave it out")
    if device == "cuda":
        import torch

        if not torch.cuda.is_available():
            raise InputError("--device cuda: torch sees no GPU here; leave it out to race on the CPU")


def _prepare(options: argparse.Namespace) -> Folders:
    shape_named(options.model)
    _tell(f"preparing {options.model} in {options.work}")
    return prepare(options.model, options.data, options.tokenizer, options.work)


def _job(options: argparse.Namespace, spec: str, folders: Folders, scratch: Path) -> Job:
    return Job(
        variant=spec,
        model=options.model,
        workload=options.workload,
        prepared=str(folders.root.resolve()),
        scratch=str(scratch),
        device=options.device,
        precision=options.precision,
        strategy=options.strategy,
        threads=options.threads,
        batch_size=options.batch_size,
        warm_up=options.warm_up,
    )


def _typical(options: argparse.Namespace) -> Counts:
    """Return about what a batch holds, which decides the shapes of the products that are measured."""
    tokens = 256 if options.workload == "blocks" else 15
    targets = 256 if options.workload == "blocks" else 15 if options.strategy == "all" else 4
    size = options.batch_size
    return Counts(examples=size, tokens=tokens * size, positions=tokens * size, targets=targets * size)


def _measure(options: argparse.Namespace, shapes: Sequence[tuple[int, int, int]]) -> Rates:
    rates = measure(shapes, options.threads, options.precision, options.device)
    _tell(f"matrix products: {rates.gemm_gflops:,.0f} GFLOP/s, copying: {rates.copy_gbytes:.0f} GB/s")
    return rates


def expected_mb(weights: Mapping[str, Any], options: argparse.Namespace) -> float:
    """Return how much memory the hungriest contestant is expected to hold: weights four times, and dense logits."""
    vocabulary = weights["head_matrix"][1]
    places = options.batch_size * (256 if options.workload == "blocks" else LONGEST_ROW)
    copies = 2 if options.workload == "lora" else 4
    return 900 + (4 * copies * weights["parameters"] + 4 * 6 * places * vocabulary) / 1e6


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _report(
    options: argparse.Namespace, run: Sequence[Heat], weights: Mapping[str, Any], rates: Rates, command: str
) -> int:
    """Write and show the table; return 1 if somebody fell out."""
    rows, fallen = [], [contestant for heat in run for contestant in heat.fallen]
    for number, heat in enumerate(run):
        base = next((c for c in heat.contestants if c.job.variant == BASE), None)
        if base is None:
            lost = next(c for c in heat.fallen if c.job.variant == BASE)
            raise InputError(f"race: fsqa itself fell out: {lost.last_words()} ({lost.log})")
        for contestant in heat.contestants:
            if contestant is not base or not number:
                flops = [needed(turn.counts, weights, options.workload) for turn in contestant.turns]
                result = standing(contestant.turns, base.turns, flops, rates.gemm_gflops * 1e9)
                rows.append(_row(contestant, result, number))
    notes = [*NOTES, *NOTES_OF.get(options.workload, ())]
    notes += [f"`{contestant.job.variant}` fell out: {contestant.last_words()}" for contestant in fallen]
    notes += [f"`{row['variant']}`: {row['told']}." for row in rows]
    name = options.name or "_".join(
        [
            *("race", options.model, options.workload, options.strategy, options.precision, options.device),
            *(f"threads{options.threads}", f"batch{options.batch_size}"),
        ]
    )
    title = f"Training {options.model}, {options.workload}, {options.precision}, threads: {options.threads}"
    measured = {
        **facts(),
        "threads": options.threads,
        "GEMM GFLOP/s": round(rates.gemm_gflops, 1),
        "GEMM GFLOP/s at the model's shapes": round(rates.model_gemm_gflops, 1),
        "copy GB/s": round(rates.copy_gbytes, 1),
        "rounds": options.rounds,
        "steps a round": options.steps,
    }
    write(options.output, name, title, COLUMNS, rows, notes, command, measured)
    print((options.output / f"{name}.md").read_text(encoding="utf-8"))
    return 1 if fallen else 0


def _row(contestant: Contestant, result: Standing, heat: int) -> dict[str, Any]:
    """Return one line of the table, with everything behind it."""
    return {
        "contestant": contestant.job.variant,
        "s/step": result.seconds_per_step.median,
        "examples/s": result.examples_per_second.median,
        "real tokens/s": result.tokens_per_second.median,
        "fsqa is faster": f"{result.behind.median:.2f}x",
        "between": result.behind.told,
        "by CPU time": f"{result.behind_by_cpu.median:.2f}x",
        "utilisation": result.utilisation.median,
        "peak MB": result.device_peak_mb or result.peak_mb,
        "real share": result.real_share,
        "first loss": f"{result.first_loss:.6f}",
        "variant": contestant.job.variant,
        "told": contestant.job.chosen.told,
        "heat": heat,
        "seconds until ready": contestant.seconds_until_ready,
        "measured": result.values(),
    }
