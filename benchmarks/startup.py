"""From a command to its help, its first error and its first finished optimizer step, against the peers' own scripts."""

from __future__ import annotations

import argparse
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from benchmarks.arguments import positive
from benchmarks.processes import fsqa, single_threaded, timed
from fsqa.errors import InputError

ROOT = Path(__file__).resolve().parents[1]

COMMANDS: Mapping[str, tuple[tuple[str, ...], int]] = {
    "fsqa --version": (("--version",), 0),
    "fsqa --help": (("--help",), 0),
    "fsqa train loss=nothing (an error)": (("train", "loss=nothing"), 2),
    "fsqa train --cfg job": (("train", "--cfg", "job"), 0),
}

LAYOUT = ("prompt=joined", "prompt.start=false", 'prompt.segments=[{prompt:"{question}?"},{answer:" {answer}"}]')

COLUMNS = ("what", "wall s", "least s", "CPU s", "x of fsqa, warm")


PEER = """
import json, os, sys, time
from pathlib import Path
peer, model, questions, folder, file = sys.argv[1:]
from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback
class FirstStep(TrainerCallback):
    def on_step_end(self, *given, **named):
        Path(file).write_text(repr(time.monotonic()))
        os._exit(0)
rows = [json.loads(line) for line in Path(questions, "train.jsonl").read_text().splitlines()]
asked, answered = [row["question"] + "?" for row in rows], [" " + row["answer"] for row in rows]
tokenizer = AutoTokenizer.from_pretrained(model)
loaded = AutoModelForCausalLM.from_pretrained(model)
same = dict(output_dir=folder, per_device_train_batch_size=8, learning_rate=1e-5, max_steps=3, use_cpu=True,
            bf16=False, save_strategy="no", report_to=[], disable_tqdm=True)
if peer == "hf":
    from transformers import DataCollatorForSeq2Seq, Trainer, TrainingArguments
    ended = [text + tokenizer.eos_token for text in answered]
    left, right = (tokenizer(texts)["input_ids"] for texts in (asked, ended))
    data = [dict(input_ids=q + a, labels=[-100] * len(q) + a) for q, a in zip(left, right)]
    Trainer(model=loaded, args=TrainingArguments(**same, label_smoothing_factor=0.1), train_dataset=data,
            data_collator=DataCollatorForSeq2Seq(tokenizer), callbacks=[FirstStep()]).train()
else:
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer
    data = Dataset.from_list([dict(prompt=q, completion=a) for q, a in zip(asked, answered)])
    SFTTrainer(model=loaded, args=SFTConfig(**same, completion_only_loss=True, max_length=36), train_dataset=data,
               processing_class=tokenizer, callbacks=[FirstStep()]).train()
"""
"""What a user of the Trainer, or of TRL, writes for the same questions; each ends after its first step."""

PEERS = {"hf": "HF Trainer", "trl": "TRL SFTTrainer"}


def main(argv: Sequence[str]) -> int:
    """Measure in turns, write ``startup.json`` and ``startup.md``; 1 where a peer's first step comes before fsqa's."""
    options = _parser().parse_args(argv)
    from benchmarks.machine import facts
    from benchmarks.tables import write
    from benchmarks.workload import prepare

    folders = prepare(options.model, options.data, options.tokenizer, options.work)
    peers = _peers(options.peers_python)
    with tempfile.TemporaryDirectory(prefix="fsqa-startup-") as scratch:
        commands = _commands(options.rounds, Path(scratch))
        steps = _first_steps(folders, options, peers, Path(scratch))
    rows = table(commands, steps)
    write(
        options.output,
        "startup",
        "Start-up: from the command to what it is for",
        COLUMNS,
        rows,
        _notes(options, peers),
        f"python -m benchmarks startup {shlex.join(argv)}".rstrip(),
        facts(),
    )
    ours, theirs = _typical(steps["fsqa, warm"]), [_typical(steps[PEERS[peer]]) for peer in peers]
    print(f"{options.output / 'startup.md'}: fsqa's first step after {ours:.2f} s with data that is prepared")
    return int(any(ours > other for other in theirs))


def _peers(python: Path | None) -> dict[str, str]:
    """Return the peers that there are, with the interpreter of each; says which are left out."""
    interpreter, found = str(python or sys.executable), {}
    for peer, needed in {"hf": "transformers, accelerate", "trl": "trl"}.items():
        done = subprocess.run([interpreter, "-c", f"import importlib.util as u, sys\n{_missing(needed)}"], check=False)
        if done.returncode:
            print(f"{PEERS[peer]} is left out: {interpreter} has no {needed}; name one that has with --peers-python")
        else:
            found[peer] = interpreter
    return found


def _missing(packages: str) -> str:
    return f"sys.exit(any(u.find_spec(name) is None for name in {packages.split(', ')!r}))"


def _commands(rounds: int, scratch: Path) -> dict[str, list[tuple[float, float]]]:
    """Return wall and CPU seconds of commands that train nothing, in turns with an interpreter that does nothing."""
    commands = {"python -c pass": ([sys.executable, "-c", "pass"], 0)}
    commands |= {name: (fsqa(*words), code) for name, (words, code) in COMMANDS.items()}
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
    for number in range(rounds + 1):  # the first round fills the system's caches and does not count
        for name, (command, code) in commands.items():
            cost = timed(command, code=code, environment=single_threaded())
            if number:
                found[name].append((cost.wall, cost.cpu))
    return found


def _first_steps(
    folders: Any, options: argparse.Namespace, peers: Mapping[str, str], scratch: Path
) -> dict[str, list[tuple[float, float]]]:
    """Return seconds until the first step was finished; cold: no data prepared, warm: by an earlier run."""
    names = ["fsqa, cold", "fsqa, warm", *(PEERS[peer] for peer in peers)]
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in names}
    for number in range(options.rounds + 1):
        outputs, file = scratch / f"outputs{number}", scratch / "step"
        ways: dict[str, list[str]] = {}
        for study in ("cold", "warm"):
            ways[f"fsqa, {study}"] = fsqa("train", *_words(folders, outputs, study, file))
        for peer, python in peers.items():
            own = [str(folders.model), str(folders.questions), str(scratch / "peer"), str(file)]
            ways[PEERS[peer]] = [python, "-c", PEER, peer, *own]
        for name, command in ways.items():
            taken = _until_step(command, file, options.threads)
            if number:
                found[name].append(taken)
        shutil.rmtree(outputs, ignore_errors=True)
    return found


def _words(folders: Any, outputs: Path, study: str, file: Path) -> list[str]:
    """Return the overrides of a run; the two of a round share prepared data, and are two studies."""
    return [
        "model=pretrained",
        f"model.path={folders.model}",
        "dataset=jsonl",
        f"dataset.path={folders.questions}",
        *LAYOUT,
        "loss=answer_end",
        "max_length=36",
        "batch_size=8",
        "optimizer.lr=1e-5",
        "trainer=cpu",
        "trainer.max_steps=3",
        f"outputs={outputs}",
        f"study={study}",
        "allow=[benchmarks]",
        "+callbacks.first._target_=benchmarks.steps.FirstStep",
        f"+callbacks.first.file={file}",
    ]


def _until_step(command: Sequence[str], file: Path, threads: int) -> tuple[float, float]:
    """Start a command, and return how long it took to its first step, and the CPU time it had by its end."""
    file.unlink(missing_ok=True)
    started = time.monotonic()
    cost = timed(command, environment=single_threaded(threads) | {"TRL_EXPERIMENTAL_SILENCE": "1"})
    if not file.is_file():
        raise InputError(f"{shlex.join(command[:4])} ...: it ended without a first step")
    return float(file.read_text(encoding="utf-8")) - started, cost.cpu


def table(*measured: Mapping[str, Sequence[tuple[float, float]]]) -> list[dict[str, object]]:
    """Return a row for everything measured: medians over rounds, and how the first steps compare."""
    steps = measured[-1]
    base = _typical(steps["fsqa, warm"])
    rows: list[dict[str, object]] = []
    for what, taken in _all(measured):
        is_step = what in steps
        ratio = {"x of fsqa, warm": _typical(taken) / base} if is_step else {}
        rows.append(
            {
                "what": f"first step: {what}" if is_step else what,
                "wall s": _typical(taken),
                "least s": min(wall for wall, _ in taken),
                "CPU s": statistics.median(cpu for _, cpu in taken),
                **ratio,
            }
        )
    return rows


def _all(measured: Sequence[Mapping[str, Sequence[tuple[float, float]]]]) -> Iterator[Any]:
    return chain.from_iterable(each.items() for each in measured)


def _typical(taken: Sequence[tuple[float, float]]) -> float:
    return statistics.median(wall for wall, _ in taken)


def _notes(options: argparse.Namespace, peers: Mapping[str, str]) -> list[str]:
    left_out = [name for peer, name in PEERS.items() if peer not in peers]
    return [
        f"Fresh processes in turns, {options.rounds} rounds after one that is thrown away, medians; "
        f"{options.threads} thread(s).",
        f"First steps are of {options.model} with its weights on disk and the same questions, batch 8. fsqa is "
        "fsqa train with its checks (its baselines come after the training here); cold has no prepared data, warm has "
        "that of an earlier run.",
        *([f"Left out, as their packages are not installed: {', '.join(left_out)}."] if left_out else []),
    ]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks startup", description=__doc__)
    add = parser.add_argument
    add("--model", default="gpt_neo_125m", help="whose first step is waited for, as in the race (gpt_neo_125m)")
    add("--rounds", type=positive, default=3, help="how often everything is measured, after one round for nothing (3)")
    add("--threads", type=positive, default=1, help="of every process that trains (1)")
    add("--peers-python", type=Path, help="interpreter that has trl; by default this one")
    add("--data", type=Path, default=ROOT.parent / "shared/data/nq_open", help="folder of the nq_open files")
    add("--tokenizer", type=Path, default=ROOT.parent / "shared/models/gpt2-tokenizer", help="GPT-2's vocabulary")
    add("--work", type=Path, default=ROOT / "outputs/benchmarks", help="folder for weights and questions, kept")
    add("--output", type=Path, default=ROOT / "benchmarks/results", help="folder of the results (benchmarks/results)")
    return parser
