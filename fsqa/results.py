"""What a finished run writes: predictions, metrics, baselines, cost, and the model itself."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from typing import Any

from fsqa import footprint, model_store
from fsqa.callbacks.totals import FILE, Totals
from fsqa.config.assemble import Assembly, changed_fields
from fsqa.evaluation import Evaluator
from fsqa.files import write_json, write_rows, write_text
from fsqa.footprint import estimated_mb
from fsqa.generation.base import Generation
from fsqa.metrics.memorisation import gap
from fsqa.metrics.scoring import Row
from fsqa.model.parameters import count_parameters, sum_of
from fsqa.model_card import model_card
from fsqa.objective.module import ObjectiveModule
from fsqa.progress import counting
from fsqa.run_baselines import Baselines
from fsqa.study.folder import RunFolder
from fsqa.types import ROLE_NAMES, SPLITS, Split

FIGURES: Mapping[Split, str] = {"validation": "val", "test": "test", "train": "train"}
"""What ``metrics.json`` calls the figures of a split."""
PREDICTIONS: Mapping[Split, str] = {
    "test": "predictions.jsonl",
    "validation": "predictions/validation.jsonl",
    "train": "predictions/train.jsonl",
}
"""Where the answers to a split are written, in the folder of the run."""


def write_results(
    config: Mapping[str, Any],
    assembly: Assembly,
    objective: ObjectiveModule,
    comparison: Baselines,
    folder: RunFolder,
) -> None:
    """Score the tuned model on validation and test, and write everything but the status."""
    totals, scoring = Totals.read(folder.path / FILE), assembly.evaluator.scoring
    rows, generation = _answer(assembly, objective, folder)
    variants = {
        name: assembly.evaluator.revise(variant, assembly.records.splits["test"], rows["test"])
        for name, variant in generation.variants().items()
    }
    scores = {FIGURES[split]: scoring.summarize(split_rows) for split, split_rows in rows.items()}
    metrics = {
        **scores,
        **({"gap": gap(scores["train"], scores["val"])} if "train" in scores else {}),
        "kinds": scoring.by_kind(rows["test"]),
        "variants": {name: scoring.summarize(variant) for name, variant in variants.items()},
        "baseline": {name: scoring.summarize(baseline) for name, baseline in comparison.items()},
        "signatures": scoring.signatures(rows["test"]),
        "cost": _cost(objective, totals, estimated_mb(folder.path / footprint.FILE))
        | {"checkpoint_mb": round(folder.best_checkpoint.stat().st_size / 1e6, 3)},
        "masks": _masks(assembly, totals),
        "data": assembly.records.summary(),
    }
    for split, split_rows in rows.items():
        write_rows(folder.path / PREDICTIONS[split], split_rows)
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
    if wanted := evaluator.scoring.training_questions:
        rows["train"] = _answer_training(assembly, evaluator, objective, wanted)
    return rows, evaluator.generation


def _answer_training(assembly: Assembly, evaluator: Evaluator, objective: ObjectiveModule, wanted: int) -> list[Row]:
    """Answer so many training questions, evenly spaced over the split."""
    records = assembly.records.splits["train"]
    count = min(wanted, len(records))
    chosen = [records[i * len(records) // count] for i in range(count)]
    with counting("training questions", count) as advance:
        return evaluator.answer(objective.model, chosen, advance)


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
