"""Answers and predictions of the references, in one pass over both, against two passes apart."""

from functools import partial

import pytest
import torch

from fsqa.data.examples import Examples, write_examples
from fsqa.encode.sequence import SequenceEncoder
from fsqa.evaluation import Evaluator
from fsqa.generation import Greedy
from fsqa.metrics.scoring import Scoring
from fsqa.scheduler.warmup import Constant
from fsqa.types import Record
from tests.builders import batch, characters, configured, tiny_model

RECORDS = [
    Record(id=str(i), question=question, answers=(answer,))
    for i, (question, answer) in enumerate(
        [
            ("who?", "ann"),
            ("what is it?", "a cat"),
            ("where?", "in a house by the sea"),
            ("when was that?", "1066"),
            ("who was she?", "eve"),
            ("why?", "because"),
        ]
    )
]
FIGURES = ("answer_nll", "token_accuracy", "reference_tokens")


def objective(architecture: str):
    return configured("objective", "causal").module(
        model=tiny_model(architecture),
        encoder=None,
        loss=configured("loss", "answer_end"),
        optimizer=partial(torch.optim.SGD, lr=0.1),
        scheduler=Constant(warmup=0),
    )


def evaluator(max_length: int = 64, **changes: object) -> Evaluator:
    tokenizer = characters()
    return Evaluator(
        layout=configured("prompt", "closed_book").bound(tokenizer),
        encoder=SequenceEncoder(tokenizer=tokenizer, max_length=max_length),
        generation=Greedy(**{"max_new_tokens": 8, "batch_size": 4, **changes}),
        batch_size=4,
        scoring=Scoring(),
    )


def examples_of(evaluator: Evaluator, folder) -> Examples:
    write_examples(folder, RECORDS, evaluator.layout, evaluator.encoder, lambda _: None)
    return Examples(folder)


def learn(of, examples: Examples, steps: int) -> None:
    """Learn the first four answers, so that some are right, some begin right and some are wrong."""
    rows = batch(*(examples[i] for i in range(4)))
    optimizer = torch.optim.AdamW(of.parameters(), lr=5e-3)
    for _ in range(steps):
        optimizer.zero_grad()
        of.weighted_loss(rows).loss.backward()
        optimizer.step()


def passes(of, call):
    rows: list[int] = []
    hook = of.model.register_forward_pre_hook(
        lambda _, args, inputs: rows.append(inputs["input_ids"].numel()), with_kwargs=True
    )
    try:
        return call(), sum(rows)
    finally:
        hook.remove()


def apart(of, evaluator: Evaluator, examples: Examples):
    """The answers by a call of their own, and the figures by the objective."""
    rows, sums = evaluator.answer(of.model, RECORDS), evaluator._predictions(of, examples)
    return rows, [(nll / tokens, correct / tokens, tokens) for nll, tokens, correct in sums.tolist()]


@pytest.mark.parametrize("steps", [0, 10, 80])
@pytest.mark.parametrize("architecture", ["gpt_neo", "llama"])
def test_one_pass_gives_what_two_give(tmp_path, architecture, steps):
    of, way = objective(architecture), evaluator()
    examples, told = examples_of(way, tmp_path / "split"), []
    learn(of, examples, steps)
    rows, tokens = passes(of, lambda: way.evaluate(of, RECORDS, examples, told.append))
    (wanted, figures), tokens_apart = passes(of, lambda: apart(of, way, examples))
    assert [{key: row[key] for key in row if key not in FIGURES} for row in rows] == wanted
    for row, own in zip(rows, figures, strict=True):
        assert [row[name] for name in FIGURES] == pytest.approx(own, rel=1e-5)
    assert sum(told) == len(RECORDS)
    assert tokens < 0.75 * tokens_apart
    if steps == 80:
        assert {row["exact_match"] for row in rows} == {0.0, 1.0}
        assert {row["stopped"] for row in rows} >= {True}


def test_rows_that_are_cut_are_scored_as_they_always_were(tmp_path):
    """A long answer leaves its question less room than the limit of new tokens does, so that the two differ."""
    of, way = objective("llama"), evaluator(max_length=26)
    examples = examples_of(way, tmp_path / "split")
    rows = way.evaluate(of, RECORDS, examples)
    wanted, figures = apart(of, way, examples)
    assert examples.summary["truncated_rows"] > 0
    assert [{key: row[key] for key in row if key not in FIGURES} for row in rows] == wanted
    assert [[row[name] for name in FIGURES] for row in rows] == [pytest.approx(own) for own in figures]


def test_the_mode_is_left_as_it_was(tmp_path):
    of, way = objective("llama"), evaluator()
    of.train()
    way.evaluate(of, RECORDS, examples_of(way, tmp_path / "split"))
    assert of.model.training
