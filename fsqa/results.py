"""What a finished run writes: predictions, metrics, baselines, cost, and the model itself."""

from __future__ import annotations

import errno
import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from fsqa.baseline import most_frequent_answer, nearest_question
from fsqa.callbacks.history import History
from fsqa.config.assemble import Assembly, changed_fields
from fsqa.data.cache import cached_folder, key_of
from fsqa.files import write_json, write_text
from fsqa.generation.base import Generation
from fsqa.memory import peak_mb
from fsqa.metrics.scoring import Row, summarize
from fsqa.model_card import model_card
from fsqa.objective.module import ObjectiveModule
from fsqa.progress import counting, working
from fsqa.study.folder import RunFolder
from fsqa.types import ROLE_NAMES, SPLITS, Split

Baselines = dict[str, list[Row]]


def baselines(config: Mapping[str, Any], assembly: Assembly, objective: ObjectiveModule, cache: Path) -> Baselines:
    """Score the test split without training: the untouched model, the most frequent answer, the nearest question.

    Runs that share model, data and decoding share the result.
    """
    data = assembly.records
    train, test = data.splits["train"], data.splits["test"]
    model = [config[name] for name in ("model", "seed", "generation", "prompt", "max_length", "rehearse")]

    def untouched() -> list[Row]:
        with counting("untouched model", len(test)) as advance:
            return assembly.evaluator.evaluate(objective, test, assembly.examples["test"], advance)

    def nearest() -> list[Row]:
        with working("looking for the nearest training questions"):
            return nearest_question(train, test)

    return {
        "untouched": _cached(cache, key_of("untouched", data.key, assembly.tokenizer_key, model), untouched),
        "most_frequent_answer": _cached(
            cache, key_of("most_frequent_answer", data.key), lambda: most_frequent_answer(train, test)
        ),
        "nearest_question": _cached(cache, key_of("nearest_question", data.key), nearest),
    }


def _cached(cache: Path, key: str, compute: Callable[[], list[Row]]) -> list[Row]:
    folder = cached_folder(cache / "baselines", key, lambda draft: write_rows(draft / "rows.jsonl", compute()))
    return [json.loads(line) for line in (folder / "rows.jsonl").read_text(encoding="utf-8").splitlines()]


def write_results(
    config: Mapping[str, Any],
    assembly: Assembly,
    objective: ObjectiveModule,
    comparison: Baselines,
    history: History,
    folder: RunFolder,
) -> None:
    """Score the tuned model on validation and test, and write everything but the status."""
    cost = _cost(objective, history)
    rows, generation = _answer(assembly, objective, folder)
    variants = {
        name: assembly.evaluator.revise(variant, assembly.records.splits["test"], rows["test"])
        for name, variant in generation.variants().items()
    }
    metrics = {
        "val": summarize(rows["validation"]),
        "test": summarize(rows["test"]),
        "variants": {name: summarize(variant) for name, variant in variants.items()},
        "baseline": {name: summarize(baseline) for name, baseline in comparison.items()},
        "cost": cost,
        "masks": _masks(assembly, history),
        "data": assembly.records.summary(),
    }
    write_rows(folder.path / "predictions.jsonl", rows["test"])
    for name, baseline in comparison.items():
        write_rows(folder.path / "baseline" / f"{name}.jsonl", baseline)
    _save_model(config, assembly, objective, metrics, folder)
    write_json(folder.path / "metrics.json", metrics)


def _answer(
    assembly: Assembly, objective: ObjectiveModule, folder: RunFolder
) -> tuple[dict[Split, list[Row]], Generation]:
    """Answer validation, let it decide what the way of answering leaves open, then answer the test."""
    evaluator, rows = assembly.evaluator, {}
    splits: tuple[Split, ...] = ("validation", "test")
    for split in splits:
        records, examples = assembly.records.splits[split], assembly.examples[split]
        with counting(f"{split} questions", len(records)) as advance:
            rows[split] = evaluator.evaluate(objective, records, examples, advance)
        if split == "validation":
            decided = evaluator.generation.decided(rows[split])
            rows[split] = evaluator.revise(decided, records, rows[split])
            folder.update(decided=assembly.decided | changed_fields("generation", evaluator.generation, decided))
            evaluator = evaluator.with_generation(decided)
    return rows, evaluator.generation


def write_rows(path: Path, rows: Sequence[Row]) -> None:
    """Write rows as JSONL, whole or not at all."""
    write_text(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))


def _cost(objective: ObjectiveModule, history: History) -> dict[str, float]:
    seconds = max(1e-9, history.seconds - history.seconds_before - history.validation_seconds)
    parameters = list(objective.model.parameters())
    return {
        "seconds": round(history.seconds, 3),
        "steps": objective.trainer.global_step,
        "steps_per_second": round(history.trained_steps / seconds, 3),
        "tokens_per_second": round(history.trained_tokens / seconds, 1),
        "loss_tokens": history.loss_tokens,
        "peak_memory_mb": round(peak_mb(), 1),
        "parameters": sum(p.numel() for p in parameters),
        "trainable_parameters": sum(p.numel() for p in parameters if p.requires_grad),
    }


def _masks(assembly: Assembly, history: History) -> dict[str, Any]:
    """Say what the loss was made of, what was cut, and how many tokens of each role the training split has."""
    total = sum(history.role_loss) or 1.0
    share = {name: part / total for name, part in zip(ROLE_NAMES, history.role_loss, strict=False)}
    summaries = {split: assembly.examples[split].summary for split in SPLITS}
    return {
        "share": share,
        "truncated": {split: summary["truncated_rows"] for split, summary in summaries.items()},
        "truncated_tokens": {split: summary["truncated_tokens"] for split, summary in summaries.items()},
        "tokens": summaries["train"]["tokens"],
    }


def _save_model(
    config: Mapping[str, Any],
    assembly: Assembly,
    objective: ObjectiveModule,
    metrics: Mapping[str, Any],
    folder: RunFolder,
) -> None:
    """Write ``model/`` under another name first, so that there is a whole one or none."""
    final, draft = folder.path / "model", folder.path / ".model"
    for left_over in (final, draft):
        shutil.rmtree(left_over, ignore_errors=True)
    try:
        objective.model.save_pretrained(draft)
    except SafetensorError as error:
        # The only thing that can go wrong here is the disk, and safetensors says so in words alone.
        shutil.rmtree(draft, ignore_errors=True)
        raise OSError(errno.ENOSPC, str(error)) from error
    assembly.tokenizer.save_pretrained(draft)
    write_text(draft / "README.md", model_card(config, metrics, folder.choices, folder.path.name))
    draft.replace(final)
