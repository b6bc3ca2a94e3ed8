"""From a checked config to the objects of a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import torch

from fsqa.config.instantiate import build
from fsqa.data.examples import Examples
from fsqa.data.prepare import PreparedRecords, check_every_row_counts, prepare_examples, prepare_records
from fsqa.data.records import Records
from fsqa.encode.base import Encoder
from fsqa.evaluation import Evaluator
from fsqa.loss.token_loss import TokenLoss
from fsqa.model.source import ModelSource, Wanted
from fsqa.model.tokenizer import tokenizer_key
from fsqa.objective.base import Objective
from fsqa.objective.module import ObjectiveModule
from fsqa.types import Prompt, Record, Split


@dataclass(frozen=True)
class Assembly:
    """Everything a run is made of, but for the weights."""

    source: ModelSource
    tokenizer: Any
    tokenizer_key: str
    layout: Callable[[Record], Prompt]
    encoder: Encoder
    objective: Objective
    decided: dict[str, Any]
    """Config keys that the data decided, by their dotted names, with their values."""
    loss: TokenLoss
    records: PreparedRecords
    examples: dict[Split, Examples]
    evaluator: Evaluator

    def notes(self) -> list[str]:
        """Say what was left out, cut or found twice, one line each; empty when there is nothing to say."""
        notes = []
        for split, records in self.records.splits.items():
            for reason, count in records.summary["dropped"].items():
                notes.append(f"{count:,} {split} questions left out: {reason}")
            if cut := self.examples[split].summary["truncated_rows"]:
                notes.append(f"{cut:,} {split} rows cut to max_length={self.encoder.max_length}")
        for pair, count in self.records.overlap.items():
            if count:
                left, right = pair.split("_")
                notes.append(f"{count:,} {right} questions stand in {left} too")
        return notes


def assemble(config: Mapping[str, Any], cache: Path) -> Assembly:
    """Read and tokenise the data and build what scores it; the cache serves what was made before.

    Raises InputError for data that cannot be trained on, naming the row.
    """
    source = build(config["model"])
    if config["rehearse"]:
        source = source.shrunk()
    layout, loss, asked = build(config["prompt"]), build(config["loss"]), build(config["objective"])
    records = prepare_records(build(config["dataset"]), cache)
    tokenizer = source.tokenizer(records.splits["train"].texts, asked.tokenizer_kind)
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
        records=records,
        examples=examples,
        evaluator=_evaluator(config, layout, encoder),
    )


def assemble_objective(config: Mapping[str, Any], assembly: Assembly) -> ObjectiveModule:
    """Build the model, make its weights trainable as the tuning says, and give it its objective."""
    objective = assembly.objective
    wanted = Wanted(model_class=objective.model_class, new_head=objective.new_head)
    model = assembly.source.model(assembly.tokenizer, config["max_length"], config["seed"], wanted)
    tuned = build(config["tuning"])(model)
    return _module(config, objective, tuned, assembly.encoder, assembly.loss)


def assemble_scoring(
    config: Mapping[str, Any], model: Any, tokenizer: Any, split: Split, cache: Path
) -> tuple[ObjectiveModule, Evaluator, Records, Examples]:
    """Build what scores a finished model on a split of its own data, with its own tokenizer."""
    layout, objective = build(config["prompt"]), build(config["objective"])
    records = prepare_records(build(config["dataset"]), cache)
    encoder = objective.encoder(tokenizer, config["max_length"])
    examples = prepare_examples(records, layout, encoder, tokenizer_key(tokenizer), cache)
    module = _module(config, objective, model, encoder, build(config["loss"]))
    return module, _evaluator(config, layout, encoder), records.splits[split], examples[split]


def changed_fields(group: str, asked: Any, decided: Any) -> dict[str, Any]:
    """Return the settings in which two dataclasses of one group differ, by their dotted names in the config."""
    values = {field.name: getattr(decided, field.name) for field in fields(asked)}
    return {f"{group}.{name}": value for name, value in values.items() if value != getattr(asked, name)}


def _module(
    config: Mapping[str, Any], objective: Objective, model: Any, encoder: Encoder, loss: TokenLoss
) -> ObjectiveModule:
    module = objective.module(
        model=model,
        encoder=encoder,
        loss=loss,
        optimizer=build(config["optimizer"]),
        scheduler=build(config["scheduler"]),
    )
    return module.to(_device(config["trainer"]["accelerator"]))


def _evaluator(config: Mapping[str, Any], layout: Callable[[Record], Prompt], encoder: Encoder) -> Evaluator:
    size = 4 * config["micro_batch_size"]
    return Evaluator(layout=layout, encoder=encoder, generation=build(config["generation"]), batch_size=size)


def _device(accelerator: str) -> torch.device:
    """Return where questions are answered outside of training: the GPU, unless the trainer leaves it alone."""
    return torch.device("cuda" if accelerator in ("auto", "gpu", "cuda") and torch.cuda.is_available() else "cpu")
