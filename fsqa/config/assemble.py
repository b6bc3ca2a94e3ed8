"""From a checked config to the objects of a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from fsqa.config.instantiate import build
from fsqa.data.examples import Examples
from fsqa.data.prepare import PreparedRecords, check_every_row_counts, prepare_examples, prepare_records
from fsqa.data.records import Records
from fsqa.encode import Encoder
from fsqa.evaluation import Evaluator
from fsqa.generate import Greedy
from fsqa.loss.token_loss import TokenLoss
from fsqa.model.source import ModelSource
from fsqa.model.tokenizer import tokenizer_key
from fsqa.objective.causal import CausalObjective
from fsqa.types import Prompt, Record, Split


@dataclass(frozen=True)
class Assembly:
    """Everything a run is made of, but for the weights."""

    source: ModelSource
    tokenizer: Any
    tokenizer_key: str
    layout: Callable[[Record], Prompt]
    encoder: Encoder
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
    layout, loss = build(config["prompt"]), build(config["loss"])
    records = prepare_records(build(config["dataset"]), cache)
    tokenizer = source.tokenizer(records.splits["train"].texts)
    key = tokenizer_key(tokenizer)
    encoder = Encoder(tokenizer=tokenizer, max_length=config["max_length"])
    examples = prepare_examples(records, layout, encoder, key, cache)
    for split, split_examples in examples.items():
        check_every_row_counts(loss, split_examples, records.splits[split])
    return Assembly(
        source=source,
        tokenizer=tokenizer,
        tokenizer_key=key,
        layout=layout,
        encoder=encoder,
        loss=loss,
        records=records,
        examples=examples,
        evaluator=_evaluator(config, layout, encoder),
    )


def assemble_objective(config: Mapping[str, Any], assembly: Assembly) -> CausalObjective:
    """Build the model, make its weights trainable as the tuning says, and give it an objective."""
    model = assembly.source.model(assembly.tokenizer, config["max_length"], config["seed"])
    return _objective(config, build(config["tuning"])(model), assembly.loss)


def assemble_scoring(
    config: Mapping[str, Any], model: Any, tokenizer: Any, split: Split, cache: Path
) -> tuple[CausalObjective, Evaluator, Records, Examples]:
    """Build what scores a finished model on a split of its own data, with its own tokenizer."""
    layout = build(config["prompt"])
    records = prepare_records(build(config["dataset"]), cache)
    encoder = Encoder(tokenizer=tokenizer, max_length=config["max_length"])
    examples = prepare_examples(records, layout, encoder, tokenizer_key(tokenizer), cache)
    objective = _objective(config, model, build(config["loss"]))
    return objective, _evaluator(config, layout, encoder), records.splits[split], examples[split]


def _objective(config: Mapping[str, Any], model: Any, loss: TokenLoss) -> CausalObjective:
    objective: CausalObjective = build(
        config["objective"],
        model=model,
        loss=loss,
        optimizer=build(config["optimizer"]),
        scheduler=build(config["scheduler"]),
    )
    return objective.to(_device(config["trainer"]["accelerator"]))


def _evaluator(config: Mapping[str, Any], layout: Callable[[Record], Prompt], encoder: Encoder) -> Evaluator:
    generation: Greedy = build(config["generation"])
    return Evaluator(layout=layout, encoder=encoder, generation=generation, batch_size=4 * config["micro_batch_size"])


def _device(accelerator: str) -> torch.device:
    """Return where questions are answered outside of training: the GPU, unless the trainer leaves it alone."""
    return torch.device("cuda" if accelerator in ("auto", "gpu", "cuda") and torch.cuda.is_available() else "cpu")
