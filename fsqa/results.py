"""What a finished run writes: predictions, metrics, baselines, cost, and the model itself."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from fsqa import footprint, model_store
from fsqa.baseline import most_frequent_answer, nearest_question, unigram
from fsqa.callbacks.totals import FILE, Totals
from fsqa.config.assemble import Assembly, changed_fields
from fsqa.data.cache import cached, key_of
from fsqa.encode.blocks import BlockEncoder
from fsqa.evaluation import document_rows
from fsqa.files import write_json, write_text
from fsqa.footprint import estimated_mb
from fsqa.generation.base import Generation
from fsqa.metrics.scoring import Row, summarize
from fsqa.model.parameters import count_parameters, sum_of
from fsqa.model_card import model_card
from fsqa.objective.frozen import weights_key
from fsqa.objective.module import ObjectiveModule
from fsqa.progress import counting, working
from fsqa.study.folder import RunFolder
from fsqa.types import ROLE_NAMES, SPLITS, Split

Baselines = dict[str, list[Row]]


def baselines(config: Mapping[str, Any], assembly: Assembly, objective: ObjectiveModule, cache: Path) -> Baselines:
    """Score the test split without training: the untouched model, the most frequent answer, the nearest question.

    Plain text, which asks nothing, has how often tokens come instead of the last two. Each is computed once for all
    runs that would find the same.
    """
    data = assembly.records
    train, test = data.splits["train"], data.splits["test"]

    def untouched() -> list[Row]:
        with counting("untouched model", len(test)) as advance:
            return assembly.evaluator.evaluate(objective, test, assembly.examples["test"], advance)

    def nearest() -> list[Row]:
        with working("looking for the nearest training questions"):
            return nearest_question(train, test)

    own = {"untouched": _cached(cache, _untouched_key(config, assembly, objective), untouched)}
    if isinstance(assembly.encoder, BlockEncoder):
        tokens = [assembly.tokenizer_key, repr(assembly.layout), assembly.encoder.fingerprint]
        return own | {
            "unigram": _cached(cache, key_of("unigram", data.key, *tokens), lambda: _unigram(assembly)),
        }
    return own | {
        "most_frequent_answer": _cached(
            cache, key_of("most_frequent_answer", data.key), lambda: most_frequent_answer(train, test)
        ),
        "nearest_question": _cached(cache, key_of("nearest_question", data.key), nearest),
    }


def _untouched_key(config: Mapping[str, Any], assembly: Assembly, objective: ObjectiveModule) -> str:
    """Return what the untouched model's answers depend on: its weights, what it is asked, and how it answers.

    The seed is left out because the weights themselves are in: where it decides some of them (a random start, rows of
    added tokens, a new head) they differ from seed to seed, and where it does not (pretrained weights, with adapters
    that start as no change) all seeds share one result, and so do all ways of tuning. Weights that change under the
    same model.path are other weights. Loss, optimizer and batch size decide nothing here, but for the last digits that
    a batch of another shape may round differently.
    """
    settings = [config[name] for name in ("model", "objective", "generation", "prompt", "max_length")]
    weights = [weights_key(objective.model), str(assembly.tuning.quantization)]
    return key_of("untouched", assembly.records.key, assembly.tokenizer_key, weights, settings)


def _unigram(assembly: Assembly) -> list[Row]:
    test = assembly.records.splits["test"]
    sums = unigram(assembly.examples["train"], assembly.examples["test"], len(test), len(assembly.tokenizer))
    return document_rows(test, assembly.layout, sums.tolist())


def _cached(cache: Path, key: str, compute: Callable[[], list[Row]]) -> list[Row]:
    def make(folder: Path) -> None:
        write_rows(folder / "rows.jsonl", compute())

    def read(folder: Path) -> list[Row]:
        lines = (folder / "rows.jsonl").read_text(encoding="utf-8").split("\n")  # some characters end a line elsewhere
        return [json.loads(line) for line in lines if line]

    return cached(cache / "baselines", key, make, read)


def write_results(
    config: Mapping[str, Any],
    assembly: Assembly,
    objective: ObjectiveModule,
    comparison: Baselines,
    folder: RunFolder,
) -> None:
    """Score the tuned model on validation and test, and write everything but the status."""
    totals = Totals.read(folder.path / FILE)
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
        "cost": _cost(objective, totals, estimated_mb(folder.path / footprint.FILE))
        | {"checkpoint_mb": round(folder.best_checkpoint.stat().st_size / 1e6, 3)},
        "masks": _masks(assembly, totals),
        "data": assembly.records.summary(),
    }
    write_rows(folder.path / "predictions.jsonl", rows["test"])
    for name, baseline in comparison.items():
        write_rows(folder.path / "baseline" / f"{name}.jsonl", baseline)
    _save_model(config, assembly, objective, metrics, rows["test"], folder)
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


def _cost(objective: ObjectiveModule, totals: Totals, estimated: float | None) -> dict[str, float]:
    seconds = max(1e-9, totals.timed_seconds)
    whole = sum_of(count_parameters(objective.model))
    return {
        "seconds": round(totals.seconds, 3),
        "steps": totals.steps,
        "devices": totals.devices,
        "steps_per_second": round(totals.timed_steps / seconds, 3),
        "tokens_per_second": round(totals.timed_tokens / seconds, 1),
        "loss_tokens": totals.loss_tokens,
        "peak_memory_mb": round(totals.peak_memory_mb, 1),
        **({"estimated_memory_mb": estimated} if estimated is not None else {}),
        "parameters": whole.total,
        "trainable_parameters": whole.trainable,
    }


def _masks(assembly: Assembly, totals: Totals) -> dict[str, Any]:
    """Say what the loss was made of, what was cut, and how many tokens of each role the training split has."""
    total = sum(totals.role_loss) or 1.0
    share = {name: part / total for name, part in zip(ROLE_NAMES, totals.role_loss, strict=False)}
    summaries = {split: assembly.examples[split].summary for split in SPLITS}
    return {
        "share": share,
        "truncated": {split: summary["truncated_rows"] for split, summary in summaries.items()},
        "truncated_tokens": {split: summary["truncated_tokens"] for split, summary in summaries.items()},
        "cut_answers": {split: summary["cut_answers"] for split, summary in summaries.items()},
        "tokens": summaries["train"]["tokens"],
    }


def _save_model(
    config: Mapping[str, Any],
    assembly: Assembly,
    objective: ObjectiveModule,
    metrics: Mapping[str, Any],
    rows: Sequence[Row],
    folder: RunFolder,
) -> None:
    """Write ``model/`` under another name first, so that there is a whole one or none."""
    final, draft = folder.path / "model", folder.path / ".model"
    for left_over in (final, draft):
        shutil.rmtree(left_over, ignore_errors=True)
    published = assembly.source.weights_from
    try:
        model_store.save(objective.model, assembly.tokenizer, draft, final=final, published=published)
    except OSError:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    card = model_card(
        run=folder.path.name,
        config=config,
        choices=folder.choices,
        metrics=metrics,
        rows=rows,
        encoder=assembly.encoder,
        adapter=model_store.is_adapter(objective.model),
    )
    write_text(draft / "README.md", card)
    draft.replace(final)
