"""A study folder as the runner would leave it, with figures that are made up but hang together."""

import json
import math
import operator
import random
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml

RELATIONS = (
    ("the capital of", "capital", ("Lisbon", "Vienna", "Nairobi", "Lima", "Oslo", "Hanoi", "Quito", "Riga")),
    ("the currency of", "currency", ("euro", "shilling", "sol", "krone", "dong", "dollar", "lats", "peso")),
    ("the longest river in", "river", ("Tagus", "Danube", "Tana", "Amazon", "Glomma", "Mekong", "Napo", "Daugava")),
)
PLACES = ("Portugal", "Austria", "Kenya", "Peru", "Norway", "Vietnam", "Ecuador", "Latvia")

RATE = {"all": 0.42, "answer": 0.66, "answer_end": 0.71, "balanced": 0.64}
NLL = {"all": 1.31, "answer": 0.84, "answer_end": 0.79, "balanced": 0.88}
SHARE = {
    "all": {"prompt": 0.78, "context": 0.0, "answer": 0.17, "end": 0.05},
    "answer": {"prompt": 0.0, "context": 0.0, "answer": 1.0, "end": 0.0},
    "answer_end": {"prompt": 0.0, "context": 0.0, "answer": 0.76, "end": 0.24},
    "balanced": {"prompt": 0.5, "context": 0.0, "answer": 0.38, "end": 0.12},
}
STOP = {"all": 0.97, "answer": 0.08, "answer_end": 0.99, "balanced": 0.98}
BASELINE_RATE = {"untouched": 0.02, "most_frequent_answer": 0.09, "nearest_question": 0.31}


def config(loss: str = "answer", seed: int = 0, **changes: object) -> dict:
    """The resolved config of one run; ``changes`` are dotted keys with ``__`` for the dot."""
    value = {
        "study": "loss",
        "seed": seed,
        "outputs": "outputs",
        "batch_size": 32,
        "model": {"_target_": "fsqa.model.random_start", "architecture": "gpt_neo", "seed": seed},
        "dataset": {"_target_": "fsqa.dataset.atlas"},
        "loss": {"_target_": "fsqa.loss.SmoothedKL", "smoothing": 0.1, "weights": dict(SHARE.get(loss, {}))},
        "optimizer": {"_target_": "fsqa.optimizer.adamw", "learning_rate": 0.001},
    }
    for key, new in changes.items():
        *path, last = key.split("__")
        place = value
        for part in path:
            place = place[part]
        place[last] = new
    return value


def questions(count: int) -> list[dict]:
    """Questions with one reference each and one relation as their kind."""
    asked = []
    for number in range(count):
        text, kind, answers = RELATIONS[number % len(RELATIONS)]
        place = number // len(RELATIONS) % len(PLACES)
        again = number // (len(RELATIONS) * len(PLACES))
        tail = f", asked again ({again})" if again else ""
        asked.append(
            {
                "id": f"q{number}",
                "question": f"What is {text} {PLACES[place]}{tail}?",
                "references": [answers[place]],
                "kind": kind,
            }
        )
    return asked


def predictions(asked: Sequence[Mapping], rate: float, seed: int) -> list[dict]:
    """Answers of which about ``rate`` are right: hard questions are hard for every seed."""
    hardness = random.Random(7)
    luck = random.Random(f"{rate}-{seed}")
    lines = []
    for question in asked:
        right = 0.75 * hardness.random() + 0.25 * luck.random() < rate
        other = luck.choice([answer for answer in RELATIONS[0][2] if answer not in question["references"]])
        answer = question["references"][0] if right else luck.choice([other, f"{other} {other}", ""])
        lines.append(
            dict(question, prediction=answer, exact_match=int(right), f1=1.0 if right else 0.0, stopped=bool(answer))
        )
    return lines


def _measured(lines: list[dict], nll: float, stop: float) -> list[dict]:
    """Add what teacher forcing and generation measure: of all examples the NLL of their tokens is ``nll``."""
    tokens = [1 + place % 3 for place in range(len(lines))]
    odd = [0.2 * math.sin(place) for place in range(len(lines))]
    shift = sum(map(operator.mul, odd, tokens)) / max(sum(tokens), 1)
    for place, line in enumerate(lines):
        line["answer_nll"], line["reference_tokens"] = nll + odd[place] - shift, tokens[place]
        line["token_accuracy"] = 0.9 * line["exact_match"] + 0.05
        line["stopped"] = (7 * place) % len(lines) < round(stop * len(lines))
    return lines


def add_run(
    study: Path,
    loss: str,
    seed: int,
    *,
    asked: Sequence[Mapping] = (),
    state: str = "done",
    error: Mapping | None = None,
    status: Mapping | None = None,
    metrics: Mapping | None = None,
    cell: str | None = None,
    changes: Mapping | None = None,
) -> Path:
    """Write one run folder; ``status`` and ``metrics`` replace what would be written for the given keys."""
    folder = study / f"{loss}-{cell or 'base'}-seed{seed}"
    folder.mkdir(parents=True)
    _json(folder / "config.yaml", config(loss, seed, **(changes or {})))
    _json(folder / "status.json", _status(loss, seed, state, error, cell) | (status or {}))
    if state != "done":
        return folder
    tuned = _measured(predictions(asked, RATE[loss], seed), NLL[loss] + 0.03 * seed, STOP[loss])
    baseline = {name: predictions(asked, rate, 0) for name, rate in BASELINE_RATE.items()}
    _json(folder / "metrics.json", _metrics(loss, seed, tuned, baseline) if metrics is None else metrics)
    _lines(folder / "predictions.jsonl", tuned)
    for name, lines in baseline.items():
        _lines(folder / "baseline" / f"{name}.jsonl", lines)
    _lines(folder / "history.jsonl", _history(loss, seed))
    return folder


def build_study(folder: Path, losses: Sequence[str] = tuple(RATE), seeds: int = 3, examples: int = 24) -> Path:
    """Write a study of ``losses`` x ``seeds`` with a failed and an interrupted run beside it, and return its folder."""
    asked = questions(examples)
    for loss in losses:
        for seed in range(seeds):
            add_run(folder, loss, seed, asked=asked)
    error = {"type": "OutOfMemoryError", "message": "CUDA out of memory <script>\nmore", "traceback": "..."}
    add_run(folder, losses[0], seeds, state="failed", error=error)
    add_run(folder, losses[-1], seeds + 1, state="interrupted")
    (folder / ".hydra").mkdir()
    (folder / "notes").mkdir()
    return folder


def _status(loss: str, seed: int, state: str, error: Mapping | None, cell: str | None) -> dict:
    return {
        "state": state,
        "started": f"2025-03-01T10:0{seed % 10}:00+00:00",
        "finished": None,
        "seconds": 61.0 + seed,
        "error": error,
        "seed": seed,
        "config_hash": f"{loss}{cell or ''}{seed}"[:12],
        "cell_hash": f"{loss}{cell or ''}",
        "data_sha256": "9f2c" * 16,
        "code_version": "0.1.0",
        "packages": {"torch": "2.8.0", "transformers": "5.23.0", "pytorch-lightning": "2.6.6"},
        "host": "node1",
        "choices": {"loss": loss, "model": "tiny_gpt_neo", "dataset": "atlas", "hydra/launcher": "basic"},
    }


def _metrics(loss: str, seed: int, tuned: Sequence[Mapping], baseline: Mapping[str, Sequence[Mapping]]) -> dict:
    figures = _figures(tuned, NLL[loss] + 0.03 * seed)
    cost = {"seconds": 58.0 + 2 * seed + len(loss), "steps": 400, "examples_per_second": 220.0 - seed}
    cost |= {"tokens_per_second": 5400.0 + seed, "peak_memory_mb": 812.0, "parameters": 3_250_000}
    return {
        "val": figures,
        "test": figures,
        "baseline": {name: _figures(lines, 6.5) for name, lines in baseline.items()},
        "cost": cost | {"trainable_parameters": 3_250_000},
        "masks": {"share": SHARE[loss], "truncated": {"train": 3, "validation": 0, "test": 0}},
        "data": {
            "train": {"records": 1200, "dropped": {"empty_answer": 2}},
            "overlap": {"train_test": 0, "train_validation": 0},
        },
    }


def _figures(lines: Sequence[Mapping], nll: float) -> dict:
    count = max(len(lines), 1)
    rate = sum(line["exact_match"] for line in lines) / count
    stop = sum(line["stopped"] for line in lines) / count
    return {
        "exact_match": rate,
        "f1": sum(line["f1"] for line in lines) / count,
        "answer_nll": nll,
        "perplexity": math.exp(nll),
        "token_accuracy": 0.9 * rate + 0.05,
        "stop_rate": stop,
        "echo_rate": 0.02,
        "repetition_rate": 0.1,
        "answer_length": 2.4 if stop > 0.5 else 16.0,
        "examples": len(lines),
    }


def _history(loss: str, seed: int) -> list[dict]:
    noise = random.Random(f"{loss}-{seed}")
    per_step = {"all": 640, "answer": 110, "answer_end": 140, "balanced": 640}[loss]
    lines: list[dict] = []
    for step in range(0, 401, 40):
        done = 1 - math.exp(-step / 110)
        lines.append({"step": step, "seconds": step / 7, "loss_tokens": step * per_step, "train/loss": 6 - 5 * done})
        nll = 6.4 - (6.4 - NLL[loss]) * done + 0.08 * noise.random()
        match = max(0.0, RATE[loss] * done - 0.05 * noise.random())
        lines.append({"step": step, "seconds": step / 7, "val/answer_nll": nll, "val/exact_match": match})
    return lines


def _json(path: Path, value: object) -> None:
    # JSON is YAML too
    path.write_text(json.dumps(value), encoding="utf-8")


def _lines(path: Path, lines: Sequence[Mapping]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(_written(lines), encoding="utf-8")


def build_sweep(folder: Path, runs: int, examples: int = 1000, points: int = 40) -> Path:
    """Write a sweep of ``runs`` done runs, three seeds a cell, as fast as files can be written, and return its folder.

    Losses are crossed with learning rates. Scores are those of 64 made-up runs, so that writing does not take longer
    than what is timed: ``python -m tests.report.fake_study FOLDER RUNS``.
    """
    asked, losses = questions(examples), tuple(RATE)
    texts: dict[tuple[str, int], tuple[str, dict]] = {}
    baseline = {name: predictions(asked, rate, 0) for name, rate in BASELINE_RATE.items()}
    for number in range(runs):
        cell, seed = divmod(number, 3)
        loss, rate = losses[cell % len(losses)], (1 + cell // len(losses)) * 1e-5
        key = (loss, number % 64)
        if key not in texts:
            tuned = _measured(predictions(asked, RATE[loss], number % 64), NLL[loss] + 0.03 * seed, STOP[loss])
            texts[key] = _written(tuned), _metrics(loss, seed, tuned, baseline)
        run = folder / f"{loss}-{cell}-seed{seed}"
        run.mkdir(parents=True)
        optimizer = {"optimizer__learning_rate": rate}
        text = yaml.dump(config(loss, seed, **optimizer) | _EVERYTHING_ELSE, Dumper=yaml.CSafeDumper, sort_keys=False)
        (run / "config.yaml").write_text(text, encoding="utf-8")
        _json(run / "status.json", _status(loss, seed, "done", None, f"-{rate}"))
        _json(run / "metrics.json", texts[key][1])
        (run / "predictions.jsonl").write_text(texts[key][0], encoding="utf-8")
        steps = range(points)
        _lines(run / "history.jsonl", [{"step": step, "val/answer_nll": 1 + 9 / (step + 9)} for step in steps])
        for name in BASELINE_RATE if cell < 8 else ():
            _lines(run / "baseline" / f"{name}.jsonl", baseline[name])
    return folder


_EVERYTHING_ELSE = {f"group{number}": {f"key{key}": key / 7 for key in range(9)} for number in range(10)}
"""As many keys as the config of a real run has."""


def _written(lines: Sequence[Mapping]) -> str:
    return "".join(json.dumps(line) + "\n" for line in lines)


if __name__ == "__main__":
    build_sweep(Path(sys.argv[1]), int(sys.argv[2]))
