"""``fsqa data``: what a dataset holds, how long its rows are, and what a run would do to it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import OmegaConf, open_dict

from fsqa.commands.arguments import Arguments, parse
from fsqa.config.check import check_config
from fsqa.config.compose import compose_config, refuse_sweeps
from fsqa.config.compose import parse as parse_overrides
from fsqa.errors import InputError
from fsqa.types import SPLITS, Split

if TYPE_CHECKING:
    from fsqa.commands.inspection import Inspected
    from fsqa.data.examples import Examples
    from fsqa.data.prepare import PreparedRecords
    from fsqa.data.row_lengths import Tokenised

EPILOG = """Further words are overrides as in fsqa train:
  fsqa data dataset=jsonl dataset.path=my/questions.jsonl
  fsqa data dataset=nq_open dataset.path=FOLDER model=gpt2 prompt=question_answer max_length=32 loss=balanced
  fsqa data dataset=squad dataset.path=FOLDER --split test --output squad-test.jsonl
  fsqa data dataset=jsonl dataset.path=records.jsonl dataset.fields.context=context dataset.fields.kind=kind
                                                                 reads back what --output has written
"""


def run(words: list[str]) -> int:
    """Inspect a dataset under the composed config, or write the records of a split as JSON lines."""
    parser = Arguments(
        "fsqa data",
        "Tell what a dataset holds: counts, lengths, what is there twice or in two splits, what is cut, and samples.",
        epilog=EPILOG,
    )
    parser.add_argument("--samples", type=int, default=5, metavar="N", help="how many samples to show (default 5)")
    parser.add_argument("--split", choices=SPLITS, default="train", help="of which split (default train)")
    parser.add_argument("--json", action="store_true", help="print all of it as one JSON object")
    parser.add_argument("--output", type=Path, metavar="FILE", help="write the split's records as JSON lines instead")
    parser.add_argument("overrides", nargs="*", metavar="key=value")
    options = parse(parser, words)
    if options.samples < 0:
        raise InputError(f"--samples: wanted 0 or more, got {options.samples}")
    if options.json and options.output is not None:
        raise InputError("--json prints what a dataset holds and --output writes its records; take one of them")
    config, choices = _composed(options.overrides)
    if options.output is not None:
        _write(config, options.split, options.output)
        return 0
    inspected = _inspected(config, choices, options.split, options.samples)
    if options.json:
        print(json.dumps(inspected.summary(), ensure_ascii=False))
    else:
        inspected.show()
    return 0


def _composed(overrides: list[str]) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the checked config, and the options of groups that were chosen."""
    refuse_sweeps(parse_overrides(overrides), "one is wanted here")
    cfg = compose_config(overrides, with_hydra=True)
    choices: dict[str, str] = OmegaConf.to_container(cfg.hydra.runtime.choices)  # type: ignore[assignment]
    with open_dict(cfg):
        del cfg["hydra"]
    return check_config(cfg), choices


def _write(config: Mapping[str, Any], split: Split, target: Path) -> None:
    from fsqa.config.dataset import build_dataset
    from fsqa.export.records import write_records
    from fsqa.progress import working

    with working(f"writing {split} records"):
        written = write_records(build_dataset(config), split, target)
    print(f"{target}  {written.records:,} {split} records")
    for reason, count in written.dropped.items():
        print(f"  {count:,} left out: {reason}")


def _inspected(config: Mapping[str, Any], choices: Mapping[str, str], split: Split, count: int) -> Inspected:
    from fsqa.commands.inspection import Inspected
    from fsqa.config.dataset import build_dataset
    from fsqa.config.instantiate import build
    from fsqa.config.rehearse import rehearsed
    from fsqa.data.inspection import inspect_records
    from fsqa.data.prepare import check_every_row_counts, prepare_records
    from fsqa.data.samples import draw_records, plain_sample, tokenised_sample
    from fsqa.progress import working

    config, cache = rehearsed(config), Path(config["outputs"]) / ".cache"
    records = prepare_records(build_dataset(config), cache)
    with working("looking at the questions"):
        facts = inspect_records(records)
    loss = build(config["loss"])
    tokenised, refusal = None, None
    try:
        tokenised = _tokenised(config, records, cache)
        refusal = tokenised.refusal
        for name, examples in tokenised.examples.items():
            check_every_row_counts(loss, examples, records.splits[name])
    except InputError as error:
        refusal = str(error)
    own = records.splits[split]
    samples = [
        tokenised_sample(own[number], number, split, tokenised, loss)
        if tokenised and tokenised.examples
        else plain_sample(own[number])
        for number in draw_records(own, count)
    ]
    return Inspected(choices, config["max_length"], facts, tokenised, refusal, split, samples)


def _tokenised(config: Mapping[str, Any], records: PreparedRecords, cache: Path) -> Tokenised:
    """Tokenise the data as a run would; raises InputError for what leaves nothing to measure, such as the model."""
    from transformers.utils import logging

    from fsqa.config.instantiate import build
    from fsqa.data.learned import prepare_tokenizer
    from fsqa.data.prepare import prepare_examples
    from fsqa.data.row_lengths import Tokenised, row_lengths
    from fsqa.model.tokenizer import tokenizer_key
    from fsqa.progress import working

    logging.set_verbosity_error()  # a tokenizer warns of texts longer than its model; what is cut is told below
    source, layout, objective = build(config["model"]), build(config["prompt"]), build(config["objective"])
    source = source.shrunk() if config["rehearse"] else source
    with working("learning or loading the tokenizer"):
        tokenizer = prepare_tokenizer(source, objective.tokenizer_kind, records, cache)
    bound = layout.bound(tokenizer)
    objective = objective.decided(tokenizer, bound, records.splits["train"])
    encoder = objective.encoder(tokenizer, config["max_length"])
    examples: dict[Split, Examples] = {}
    refusal = None
    try:
        examples = prepare_examples(records, bound, encoder, tokenizer_key(tokenizer), cache)
    except InputError as error:  # of one row; from the lengths of all one sees what to do
        refusal = str(error)
    with working("measuring the rows"):
        lengths = {
            split: row_lengths(own, examples.get(split), bound, encoder) for split, own in records.splits.items()
        }
    return Tokenised(lengths=lengths, examples=examples, encoder=encoder, layout=bound, refusal=refusal)
