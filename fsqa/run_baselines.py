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
from fsqa.encode.blocks import BlockEncoder
from fsqa.evaluation import document_rows
from fsqa.files import write_rows
from fsqa.metrics.scoring import Row, score_answer, score_continuation
from fsqa.objective.frozen import weights_key
from fsqa.objective.module import ObjectiveModule
from fsqa.progress import counting, working

Baselines = dict[str, list[Row]]


def baselines(config: Mapping[str, Any], assembly: Assembly, objective: ObjectiveModule, cache: Path) -> Baselines:
    """Score the test split without training: the untouched model, the most frequent answer, the nearest question.

    Plain text, which asks nothing, has how often tokens come instead of the last two. The run's scorers may add some of
    their own. Each is computed once for all runs that would find the same.
    """
    data = assembly.records
    train, test = data.splits["train"], data.splits["test"]

    def untouched() -> list[Row]:
        with counting("untouched model", len(test)) as advance:
            return assembly.evaluator.evaluate(objective, test, assembly.examples["test"], advance)

    def nearest() -> list[Row]:
        with working("looking for the nearest training questions"):
            return nearest_question(train, test)

    found = {"untouched": _cached(cache, _untouched_key(config, assembly, objective), untouched)}
    if isinstance(assembly.encoder, BlockEncoder):
        tokens = [assembly.tokenizer_key, repr(assembly.layout), assembly.encoder.fingerprint]
        found["unigram"] = _cached(cache, key_of("unigram", data.key, *tokens), lambda: _unigram(assembly))
    else:
        makers = {"most_frequent_answer": lambda: most_frequent_answer(train, test), "nearest_question": nearest}
        for name, make in makers.items():
            found[name] = _cached(cache, _said_key(name, config, data.key), partial(_scored, assembly, make))
    for name, texts in assembly.evaluator.scoring.baselines(train, test).items():
        said = partial(_said, assembly, texts)
        found[name] = _cached(cache, _said_key(name, config, data.key), partial(_scored, assembly, said))
    return found


def _said_key(name: str, config: Mapping[str, Any], data: str) -> str:
    """Return what the scores of a baseline depend on that is known without a model."""
    return key_of(name, data, config["metrics"])


def _scored(assembly: Assembly, make: Callable[[], list[Row]]) -> list[Row]:
    """Add what the run's own scorers have to say of a baseline's answers."""
    return assembly.evaluator.scoring.complete(assembly.records.splits["test"], make())


def _said(assembly: Assembly, texts: Sequence[str]) -> list[Row]:
    score = score_continuation if isinstance(assembly.encoder, BlockEncoder) else score_answer
    return [score(record, text) for record, text in zip(assembly.records.splits["test"], texts, strict=True)]


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
