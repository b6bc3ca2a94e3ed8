"""From a checked config to the objects of a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import torch

from fsqa.config.dataset import build_dataset
from fsqa.config.devices import home
from fsqa.config.instantiate import build
from fsqa.data.examples import Examples
from fsqa.data.learned import prepare_tokenizer
from fsqa.data.prepare import PreparedRecords, check_every_row_counts, prepare_examples, prepare_records
from fsqa.data.records import Records
from fsqa.encode.base import Encoder
from fsqa.encode.blocks import BlockEncoder
from fsqa.encode.windows import WindowEncoder
from fsqa.evaluation import DocumentEvaluator, Evaluator
from fsqa.generation.no_answers import NoAnswers
from fsqa.loss.base import Loss
from fsqa.metrics.scoring import Scoring
from fsqa.model.source import ModelSource, Wanted
from fsqa.model.tokenizer import tokenizer_key
from fsqa.objective.base import Objective
from fsqa.objective.language_model import LanguageModel
from fsqa.objective.module import ObjectiveModule
from fsqa.optimizer.parameter_groups import GroupedOptimizer, ParameterGroups
from fsqa.prompt.base import BoundLayout
from fsqa.speed import PLAIN, Speed
from fsqa.speed.process import tune
from fsqa.tuning.base import Tuning
from fsqa.types import Split

PLAIN_GROUPS: dict[str, Any] = {"decay_norms_and_biases": False, "layer_decay": None}
"""For optimizers whose config does not say which parameters differ."""


@dataclass(frozen=True)
class Assembly:
    """Everything a run is made of, but for the weights."""

    source: ModelSource
    tokenizer: Any
    tokenizer_key: str
    layout: BoundLayout
    encoder: Encoder
    objective: Objective
    decided: dict[str, Any]
    """Config keys that the data decided, by their dotted names, with their values."""
    loss: Loss
    tuning: Tuning
    records: PreparedRecords
    examples: dict[Split, Examples]
    evaluator: Evaluator

    def notes(self) -> list[str]:
        """Say what was left out, cut or found twice, one line each; empty when there is nothing to say."""
        notes = []
        asked = "documents" if isinstance(self.encoder, BlockEncoder) else "questions"
        for split, records in self.records.splits.items():
            for reason, count in records.summary["dropped"].items():
                notes.append(f"{count:,} {split} {asked} left out: {reason}")
            if cut := self.examples[split].summary["truncated_rows"]:
                notes.append(f"{cut:,} {split} {self._cut_to}")
            if cut := self.examples[split].summary["cut_answers"]:
                notes.append(f"{cut:,} {split} answers cut, with no end token: there is no place for all their tokens")
            windows = len(self.examples[split])
            if isinstance(self.encoder, WindowEncoder) and windows > len(records):
                notes.append(f"{len(records):,} {split} questions make {windows:,} windows of their documents")
        for pair, count in self.records.overlap.items():
            if count:
                left, right = pair.split("_")
                notes.append(f"{count:,} {right} {asked} stand in {left} too")
        return notes

    @property
    def _cut_to(self) -> str:
        """Say what was cut in rows that were too long, and which key decides."""
        if isinstance(self.encoder, WindowEncoder):
            most = self.encoder.max_question_tokens
            return f"windows have a question cut to its last objective.max_question_tokens={most} tokens"
        return f"rows cut to max_length={self.encoder.max_length}"


def assemble(config: Mapping[str, Any], cache: Path) -> Assembly:
    """Read and tokenise the data and build what scores it; the cache serves what was made before.

    Raises InputError for data that cannot be trained on, naming the row.
    """
    source = build(config["model"])
    if config["rehearse"]:
        source = source.shrunk()
    layout, loss, asked = build(config["prompt"]), build(config["loss"]), build(config["objective"])
    records = prepare_records(build_dataset(config), cache)
    tokenizer = prepare_tokenizer(source, asked.tokenizer_kind, records, cache)
    layout = layout.bound(tokenizer)  # before anything looks at the end token, which is the layout's to choose
    key = tokenizer_key(tokenizer)
    objective = asked.decided(tokenizer, layout, records.splits["train"])
    encoder = objective.encoder(tokenizer, config["max_length"])
    examples = prepare_examples(records, layout, encoder, key, cache)
    for split, split_examples in examples.items():
        check_every_row_counts(loss, split_examples, records.splits[split])
    return Assembly(
        source=source,
        tokenizer=tokenizer,
        tokenizer_key=key,
        layout=layout,
        encoder=encoder,
        objective=objective,
        decided=changed_fields("objective", asked, objective),
        loss=loss,
        tuning=build(config["tuning"]),
        records=records,
        examples=examples,
        evaluator=_evaluator(config, layout, encoder, objective),
    )


def assemble_objective(config: Mapping[str, Any], assembly: Assembly) -> ObjectiveModule:
    """Build the model, make its weights trainable as the tuning says, and give it its objective."""
    objective = assembly.objective
    wanted = Wanted(
        model_class=objective.model_class,
        new_head=objective.new_head,
        quantization=assembly.tuning.quantization,
        device=str(home(config["trainer"])),
    )
    model = assembly.source.model(assembly.tokenizer, config["max_length"], config["seed"], wanted)
    new_tokens = assembly.tokenizer.convert_tokens_to_ids(assembly.source.added_tokens)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config["seed"])  # adapters start at random
        tuned = assembly.tuning(model, new_tokens)
    return _module(config, objective, tuned, assembly.encoder, assembly.loss)


def assemble_scoring(
    config: Mapping[str, Any], model: Any, tokenizer: Any, split: Split, cache: Path
) -> tuple[ObjectiveModule, Evaluator, Records, Examples]:
    """Build what scores a finished model on a split of its own data, with its own tokenizer."""
    layout, objective = build(config["prompt"]).bound(tokenizer), build(config["objective"])
    records = prepare_records(build_dataset(config), cache)
    encoder = objective.encoder(tokenizer, config["max_length"])
    examples = prepare_examples(records, layout, encoder, tokenizer_key(tokenizer), cache)
    module = _module(config, objective, model, encoder, build(config["loss"]))
    return module, _evaluator(config, layout, encoder, objective), records.splits[split], examples[split]


def changed_fields(group: str, asked: Any, decided: Any) -> dict[str, Any]:
    """Return the settings in which two dataclasses of one group differ, by their dotted names in the config."""
    values = {field.name: getattr(decided, field.name) for field in fields(asked)}
    return {f"{group}.{name}": value for name, value in values.items() if value != getattr(asked, name)}


def _module(
    config: Mapping[str, Any], objective: Objective, model: Any, encoder: Encoder, loss: Loss
) -> ObjectiveModule:
    speed, device = assemble_speed(config), home(config["trainer"])
    if device.type == "cpu":
        tune(matrix_route=speed.matrix_route, kept_memory=speed.kept_memory)
    module = objective.module(
        model=model,
        encoder=encoder,
        loss=loss,
        optimizer=assemble_optimizer(config["optimizer"]),
        scheduler=build(config["scheduler"]),
        speed=speed,
    )
    return module.to(device)


def assemble_speed(config: Mapping[str, Any]) -> Speed:
    """Build the choice of shortcuts; a run from before there was one took none."""
    return build(config["speed"]) if config.get("speed") else PLAIN


def assemble_optimizer(node: Mapping[str, Any]) -> GroupedOptimizer:
    """Build the optimizer but for its parameters; a config that says nothing of groups spares norms and biases."""
    groups = build(node["params"]) if node.get("params") else ParameterGroups(**PLAIN_GROUPS)
    return GroupedOptimizer(build({name: value for name, value in node.items() if name != "params"}), groups)


def _evaluator(config: Mapping[str, Any], layout: BoundLayout, encoder: Encoder, objective: Objective) -> Evaluator:
    generation = build(config["generation"])
    settings: dict[str, Any] = {
        "layout": layout,
        "encoder": encoder,
        "generation": generation,
        "batch_size": 4 * config["micro_batch_size"],
        "scoring": assemble_scoring_of(config.get("metrics") or {}),
    }
    if not isinstance(objective, LanguageModel):
        return Evaluator(**settings)
    asks = not isinstance(generation, NoAnswers)
    asking = objective.asking_encoder(encoder.tokenizer, config["max_length"]) if asks else None
    return DocumentEvaluator(asking=asking, **settings)


def assemble_scoring_of(metrics: Mapping[str, Any]) -> Scoring:
    """Build the scorers that were asked for by name."""
    return Scoring({name: build(node) for name, node in metrics.items() if node is not None})
