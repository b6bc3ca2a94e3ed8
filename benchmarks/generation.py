"""Answering questions: fsqa's greedy decoding against transformers' ``generate()``, in turns in one process.

A random model never says that it is done, so everybody stops each answer at the length of the real one.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import machine, tables, workload
from benchmarks.arguments import positive
from fsqa.encode.sequence import SequenceEncoder
from fsqa.errors import InputError
from fsqa.generation import Greedy
from fsqa.types import Example, Prompt, Role, Segment

MOST = workload.LONGEST_ANSWER + 1
"""Tokens of the longest answer, its end included."""
ARRIVAL = "generate(), 32 as they come"
ALONE = "generate(), one by one"
Answers = dict[str, list[int]]
"""What was said to each question, by its text, in tokens."""
COLUMNS = ("way", "questions/s", "times 32 as they come", "lowest", "highest", "times one by one", "same answers")


@dataclass(frozen=True)
class Asked:
    """A question in tokens, and how long its answer is, the end token included."""

    text: str
    ids: tuple[int, ...]
    length: int


@dataclass(frozen=True, kw_only=True)
class KnownLengths(Greedy):
    """fsqa's greedy decoding, but for where an answer ends."""

    lengths: Mapping[tuple[int, ...], int]

    def ending(self, encoder: SequenceEncoder, questions: list[Example]) -> Callable[[int, list[int]], bool]:
        """End every answer where the real one ends."""
        lengths = [self.lengths[tuple(question.ids.tolist())] for question in questions]
        return lambda row, said: len(said) == lengths[row]


class Lengths:
    """Ends every row of ``generate()`` at its own length, as an end token would."""

    def __init__(self, width: int, lengths: Sequence[int]) -> None:
        import torch

        self.width, self.lengths = width, torch.tensor(lengths)

    def __call__(self, ids: Any, scores: Any, **_: Any) -> Any:
        """Say which rows are done."""
        return (ids.shape[1] - self.width) >= self.lengths.to(ids.device)


@dataclass(frozen=True)
class Race:
    """One model, its questions, and the ways of answering them."""

    plain: Any
    """The model as transformers makes it."""
    tuned: Any
    """The same weights with fsqa's activations."""
    encoder: SequenceEncoder
    questions: Sequence[Asked]
    batch_size: int
    route: str
    """How fsqa has torch multiply."""

    def generate(self, model: Any, questions: Sequence[Asked], batch_size: int) -> Answers:
        """Answer by transformers, in batches in the order given, padded on the left."""
        import torch

        said, filler = {}, self.encoder.end_id
        for first in range(0, len(questions), batch_size):
            batch = questions[first : first + batch_size]
            width = max(len(asked.ids) for asked in batch)
            ids = torch.tensor([[filler] * (width - len(asked.ids)) + list(asked.ids) for asked in batch])
            mask = torch.tensor([[0] * (width - len(asked.ids)) + [1] * len(asked.ids) for asked in batch])
            rows = model.generate(
                input_ids=ids.to(model.device),
                attention_mask=mask.to(model.device),
                max_new_tokens=MOST,
                eos_token_id=None,
                pad_token_id=filler,
                do_sample=False,
                stopping_criteria=[Lengths(width, [asked.length for asked in batch])],
            )[:, width:].tolist()
            said |= {asked.text: row[: asked.length] for asked, row in zip(batch, rows, strict=True)}
        return said

    def own(self, model: Any, questions: Sequence[Asked]) -> Answers:
        """Answer by fsqa, from the text of the questions on."""
        lengths = {asked.ids: asked.length for asked in questions}
        way = KnownLengths(max_new_tokens=MOST, batch_size=self.batch_size, lengths=lengths)
        prompts = [Prompt((Segment(Role.PROMPT, asked.text),), (), start=False) for asked in questions]
        answers = way(model, self.encoder, prompts)
        return {asked.text: list(answer.ids) for asked, answer in zip(questions, answers, strict=True)}

    def tuned_to(self, answer: Callable[[], Answers]) -> Callable[[], Answers]:
        """Return a way of answering under fsqa's route of matrix products."""
        import torch

        def answered() -> Answers:
            before, torch.backends.mkldnn.matmul.fp32_precision = (
                torch.backends.mkldnn.matmul.fp32_precision,
                self.route,
            )
            try:
                return answer()
            finally:
                torch.backends.mkldnn.matmul.fp32_precision = before

        return answered

    def ways(self, alone: int) -> dict[str, tuple[Callable[[], Answers], int]]:
        """Return each way with the number of questions it answers; one by one there are only so many."""
        every = list(self.questions)
        by_length = sorted(every, key=lambda asked: -len(asked.ids))
        return {
            ALONE: (lambda: self.generate(self.plain, every[:alone], 1), alone),
            ARRIVAL: (lambda: self.generate(self.plain, every, 32), len(every)),
            f"{ARRIVAL}, with fsqa's settings": (
                self.tuned_to(lambda: self.generate(self.tuned, every, 32)),
                len(every),
            ),
            f"generate(), {self.batch_size} sorted by length": (
                lambda: self.generate(self.plain, by_length, self.batch_size),
                len(every),
            ),
            "fsqa without its settings": (lambda: self.own(self.plain, every), len(every)),
            "fsqa": (self.tuned_to(lambda: self.own(self.tuned, every)), len(every)),
        }


@dataclass(frozen=True)
class Result:
    """What the rounds of one way gave."""

    rates: Sequence[float]
    """Questions a second, round by round."""
    answers: Answers


def run(race: Race, rounds: int, alone: int) -> dict[str, Result]:
    """Let every way answer once for practice and then once a round, there and back."""
    ways = race.ways(alone)
    answers = {name: answer() for name, (answer, _) in ways.items()}
    rates: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds):
        for name in list(ways)[:: -1 if number % 2 else 1]:
            answer, count = ways[name]
            started = time.perf_counter()
            answer()
            rates[name].append(count / (time.perf_counter() - started))
    return {name: Result(rates[name], answers[name]) for name in ways}


def row(way: str, results: Mapping[str, Result]) -> dict[str, object]:
    """Return a way's line of the table: speeds as medians, ratios as those of the rounds."""
    own, alone = results[way], results[ALONE]
    batched = [mine / other for mine, other in zip(own.rates, results[ARRIVAL].rates, strict=True)]
    single = [mine / other for mine, other in zip(own.rates, alone.rates, strict=True)]
    same = sum(own.answers[text] == said for text, said in alone.answers.items())
    cells = (way, statistics.median(own.rates), statistics.median(batched), min(batched), max(batched))
    return dict(zip(COLUMNS, (*cells, statistics.median(single), f"{same} of {len(alone.answers)}"), strict=True))


def main(argv: Sequence[str]) -> int:
    """Race and write the table; 0 where fsqa says what ``generate()`` says to every question."""
    options = _parser().parse_args(argv)
    race = assemble(options)
    results = run(race, options.rounds, options.alone)
    apart = sum(results["fsqa"].answers[text] != said for text, said in results[ARRIVAL].answers.items())
    count = len(race.questions)
    notes = [
        f"medians over {options.rounds} rounds in which the ways take turns; lowest and highest: of the rounds' ratios",
        f"answers of at most {MOST} tokens, the end included, each ended at the length of the real one",
        f"same answers: to the first {options.alone} questions as one by one, token for token; "
        f"{count - apart} of all {count} answers of fsqa are those of {ARRIVAL}",
        f"fsqa's settings: route of matrix products '{race.route}', chosen by measurement; fused activations",
        "freed memory is kept for all ways alike: it is a setting of the process",
    ]
    tables.write(
        options.output,
        f"generation_{options.model}",
        f"Answering {count} questions of nq_open, {options.model}, fp32, threads: {options.threads}",
        COLUMNS,
        [row(way, results) for way in results],
        notes,
        " ".join(["python -m benchmarks generation", *argv]),
        machine.facts(),
    )
    print((options.output / f"generation_{options.model}.md").read_text(encoding="utf-8"))
    return 1 if apart else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks generation", description=__doc__)
    given = machine.ROOT.parent / "shared"
    parser.add_argument("--model", default="gpt_neo_125m", help=f"one of {', '.join(workload.SHAPES)}")
    parser.add_argument("--questions", type=positive, default=384, help="questions in all (384)")
    parser.add_argument("--alone", type=positive, default=40, help="of them answered one by one too (40)")
    parser.add_argument("--threads", type=positive, default=1, help="of torch (1)")
    parser.add_argument("--rounds", type=positive, default=5, help="turns that every way has (5)")
    parser.add_argument("--batch-size", type=positive, default=64, help="questions that fsqa answers together (64)")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="where (cpu)")
    parser.add_argument("--data", type=Path, default=given / "data/nq_open", help="folder of the questions")
    parser.add_argument("--tokenizer", type=Path, default=given / "models/gpt2-tokenizer", help="its folder")
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results"), help="folder of the results")
    return parser


def assemble(options: argparse.Namespace) -> Race:
    """Draw the weights and read the questions; raises InputError where a folder or the device is missing."""
    import torch

    from fsqa.speed import process
    from fsqa.speed.activations import fuse_activations

    shape = workload.shape_named(options.model)
    _check_files(options)
    if options.device != "cpu" and not torch.cuda.is_available():
        raise InputError(f"--device: wanted {options.device}, but torch sees no GPU; leave it out to use the CPU")
    torch.set_num_threads(options.threads)
    process.tune(matrix_route=False, kept_memory=True)
    tokenizer = workload.tokenizer_of(options.tokenizer, shape.tokens)
    plain, tuned = (_model(shape, tokenizer.eos_token_id) for _ in range(2))
    tuned.load_state_dict(plain.state_dict(), assign=True)  # one set of weights for both
    fuse_activations(tuned)
    return Race(
        plain=plain.eval().to(options.device),
        tuned=tuned.eval().to(options.device),
        encoder=SequenceEncoder(tokenizer=tokenizer, max_length=plain.config.max_position_embeddings),
        questions=_questions(options, tokenizer),
        batch_size=options.batch_size,
        route=process.ONEDNN if process.try_route().is_taken else torch.backends.mkldnn.matmul.fp32_precision,
    )


def _check_files(options: argparse.Namespace) -> None:
    wanted = [(options.data, file, "--data") for file in workload.FILES]
    for folder, file, option in [*wanted, (options.tokenizer, "vocab.json", "--tokenizer")]:
        if not (folder / file).is_file():
            raise InputError(f"{option}: no {file} in {folder}; name the folder that holds it")


def _questions(options: argparse.Namespace, tokenizer: Any) -> list[Asked]:
    """Return the first questions, each once."""
    found: dict[tuple[int, ...], Asked] = {}
    for question in workload.chosen(options.data, tokenizer):
        ids, answer = workload.encoded(question, tokenizer)
        found.setdefault(tuple(ids), Asked(question.prompt, tuple(ids), len(answer) + 1))
    return list(found.values())[: options.questions]


def _model(shape: workload.Shape, end: int) -> Any:
    """Return a random start, the same each time."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM, GenerationConfig

    tokens = {"vocab_size": shape.vocabulary, "bos_token_id": end, "eos_token_id": end, "pad_token_id": end}
    torch.manual_seed(workload.SEED)
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model(shape.architecture, **{**shape.sizes, **tokens}))
    model.generation_config = GenerationConfig(bos_token_id=end, eos_token_id=end, pad_token_id=end)
    return model
