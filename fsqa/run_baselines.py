"""The do-nothing baselines of a run, each computed once for all runs that share it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from fsqa.baseline import most_frequent_answer, nearest_question, unigram
from fsqa.config.assemble import Assembly
from fsqa.data.cache import cached, key_of
from fsqa.data.prepare import PreparedRecords
from fsqa.encode.blocks import BlockEncoder
from fsqa.evaluation import document_rows
from fsqa.files import write_rows
from fsqa.metrics.scoring import Row, Scoring, score_answer, score_continuation
from fsqa.objective.frozen import weights_key
from fsqa.objective.module import ObjectiveModule
from fsqa.progress import counting, working
from fsqa.types import Record

Baselines = dict[str, list[Row]]


def baselines(config: Mapping[str, Any], assembly: Assembly, objective: ObjectiveModule, cache: Path) -> Baselines:
    """Score the test split without training: the untouched model, and what needs no model at all.

    Plain text, which asks nothing, has how often tokens come instead of what answers without a model. Each is computed
    once for all runs that would find the same.
    """
    data, scoring = assembly.records, assembly.evaluator.scoring
    train, test = data.splits["train"], data.splits["test"]

    def untouched() -> list[Row]:
        with counting("untouched model", len(test)) as advance:
            return assembly.evaluator.evaluate(objective, test, assembly.examples["test"], advance)

    own = {"untouched": _cached(cache, _untouched_key(config, assembly, objective), untouched)}
    if not isinstance(assembly.encoder, BlockEncoder):
        return own | without_model(data, scoring, config["metrics"], cache)
    tokens = [assembly.tokenizer_key, repr(assembly.layout), assembly.encoder.fingerprint]
    own["unigram"] = _cached(cache, key_of("unigram", data.key, *tokens), lambda: _unigram(assembly))
    said = scoring.baselines(train, test)
    made = {name: partial(_said, score_continuation, test, texts) for name, texts in said.items()}
    return own | _scored(made, data, scoring, config["metrics"], cache)


def without_model(data: PreparedRecords, scoring: Scoring, metrics: Mapping[str, Any], cache: Path) -> Baselines:
    """Answer the test split without a model: the most frequent answer, the nearest question, what the scorers add.

    ``metrics`` is the config that the scoring was made of.
    """
    train, test = data.splits["train"], data.splits["test"]

    def nearest() -> list[Row]:
        with working("looking for the nearest training questions"):
            return nearest_question(train, test)

    said = scoring.baselines(train, test)
    made: dict[str, Callable[[], list[Row]]] = {
        "most_frequent_answer": lambda: most_frequent_answer(train, test),
        "nearest_question": nearest,
        **{name: partial(_said, score_answer, test, texts) for name, texts in said.items()},
    }
    return _scored(made, data, scoring, metrics, cache)


def _said(score: Callable[[Record, str], Row], test: Sequence[Record], texts: Sequence[str]) -> list[Row]:
    return [score(record, text) for record, text in zip(test, texts, strict=True)]


def _scored(
    made: Mapping[str, Callable[[], list[Row]]],
    data: PreparedRecords,
    scoring: Scoring,
    metrics: Mapping[str, Any],
    cache: Path,
) -> Baselines:
    """Add what the run's own scorers have to say of every baseline's answers."""

    def rows(make: Callable[[], list[Row]]) -> list[Row]:
        return scoring.complete(data.splits["test"], make())

    return {name: _cached(cache, key_of(name, data.key, metrics), partial(rows, make)) for name, make in made.items()}


def _untouched_key(config: Mapping[str, Any], assembly: Assembly, objective: ObjectiveModule) -> str:
    """Return what the untouched model's answers depend on: its weights, what it is asked, and how it answers.

    The seed is left out because the weights themselves are in: where it decides some of them (a random start, rows of
    added tokens, a new head) they differ from seed to seed, and where it does not (pretrained weights, with adapters
    that start as no change) all seeds share one result, and so do all ways of tuning. Weights that change under the
    same model.path are other weights. Loss, optimizer and batch size decide nothing here, but for the last digits that
    a batch of another shape may round differently.
    """
    settings = [config[name] for name in ("model", "objective", "generation", "prompt", "max_length", "metrics")]
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
