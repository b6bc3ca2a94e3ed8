from functools import partial

import pytest
import torch

from fsqa.errors import InputError
from fsqa.evaluation import Evaluator
from fsqa.generation import Greedy, Span
from fsqa.loss import SmoothedKL, SpanKL
from fsqa.metrics.scoring import Scoring
from fsqa.objective.extractive_module import ExtractiveModule
from fsqa.objective.self_check import check_objective
from fsqa.scheduler.warmup import Constant
from fsqa.types import Role
from tests.builders import apart, batch, configured, gradient
from tests.reading import pointer, prompt, reader, record, words

BATCH = batch("ppppcccaacccp", "pppccccp", "ppaaaap", "pccap")
EXTRACTIVE = configured("objective", "extractive")


def module(architecture="distilbert", smoothing=0.1, **options) -> ExtractiveModule:
    return EXTRACTIVE.module(
        model=pointer(120, architecture, **options),
        encoder=None,
        loss=SpanKL(smoothing=smoothing),
        optimizer=partial(torch.optim.SGD, lr=0.1),
        scheduler=Constant(warmup=0),
    )


def cut(rows, part):
    """Some rows of a batch, as a micro-batch of the same optimizer step."""
    return rows._replace(ids=rows.ids[part], roles=rows.roles[part], rows=rows.rows[part])


@pytest.mark.parametrize("architecture", ["distilbert", "bert"])
def test_passes_the_self_check(architecture):
    of = module(architecture)
    check_objective(of, BATCH)
    assert all(parameter.grad is None for parameter in of.parameters())


def test_a_model_that_looks_at_filler_is_refused():
    of = module()
    forward = of.model.forward
    of.model.forward = lambda **inputs: forward(**{**inputs, "attention_mask": torch.ones_like(inputs["input_ids"])})
    with pytest.raises(InputError, match="logits at the chosen positions differ"):
        check_objective(of, BATCH)


@pytest.mark.parametrize("cuts", [(1,), (2,), (1, 3)])
def test_accumulated_gradient_is_that_of_one_batch(cuts):
    whole, parts = module().double(), module().double()
    whole.weighted_loss(BATCH).loss.backward()
    for begin, end in zip((0, *cuts), (*cuts, 4), strict=True):
        parts.weighted_loss(cut(BATCH, slice(begin, end))).loss.backward()
    assert apart(gradient(parts.model), gradient(whole.model)) < 1e-12


def test_scores_are_those_of_each_row_alone():
    of = module(smoothing=0.3).eval()
    scores = of.score_answers(BATCH)
    assert scores.tokens.tolist() == [2, 2, 2, 2]
    for i in range(4):
        length = int((BATCH.roles[i] != Role.PAD).sum())
        ids, roles = BATCH.ids[i, :length], BATCH.roles[i, :length].tolist()
        with torch.no_grad():
            output = of.model(input_ids=ids[None])
        allowed = [0, *(j for j, role in enumerate(roles) if role in (Role.CONTEXT, Role.ANSWER))]
        answer = [j for j, role in enumerate(roles) if role == Role.ANSWER] or [0]
        nll, correct = 0.0, 0
        for logits, target in ((output.start_logits, answer[0]), (output.end_logits, answer[-1])):
            among = torch.log_softmax(logits[0, allowed], dim=0)
            nll -= float(among[allowed.index(target)])
            correct += allowed[int(among.argmax())] == target
        assert float(scores.nll[i]) == pytest.approx(nll, abs=1e-4)
        assert int(scores.correct[i]) == correct


def test_smoothing_changes_no_score():
    left, right = (module(smoothing=smoothing).eval().score_answers(BATCH) for smoothing in (0.0, 0.5))
    assert torch.equal(left.nll, right.nll)


@pytest.mark.parametrize(
    ("loss", "generation", "told"),
    [
        ("answer_end", "span", r"loss: objective=extractive cannot be trained with SmoothedKL; set loss=span$"),
        ("span", "greedy", "generation: objective=extractive cannot answer by Greedy; set generation=span$"),
    ],
)
def test_what_does_not_go_with_it_is_refused(loss, generation, told):
    with pytest.raises(InputError, match=told):
        EXTRACTIVE.check(configured("loss", loss), configured("generation", generation))


def test_what_goes_with_it():
    EXTRACTIVE.check(configured("loss", "span"), configured("generation", "span"))
    EXTRACTIVE.check_prompt(configured("prompt", "extractive"))


def test_other_objectives_refuse_its_loss():
    with pytest.raises(InputError, match="loss: objective=causal cannot be trained with SpanKL; set loss=answer_end"):
        configured("objective", "causal").check(SpanKL(smoothing=0.1), Greedy(max_new_tokens=3, batch_size=1))
    configured("objective", "causal").check(
        SmoothedKL(smoothing=0.1, weights={"answer": 1}, mean="token"), Greedy(max_new_tokens=3, batch_size=1)
    )


@pytest.mark.parametrize("option", ["closed_book", "question_answer"])
def test_prompts_without_a_document_are_refused(option):
    with pytest.raises(InputError, match="set prompt=extractive"):
        EXTRACTIVE.check_prompt(configured("prompt", option))


@pytest.mark.parametrize("name", ["stride", "max_question_tokens"])
def test_bad_settings(name):
    with pytest.raises(InputError, match=rf"objective\.{name}: wanted 1 or more, got 0"):
        configured("objective", "extractive", **{name: 0})


PEOPLE = ("anna", "bert", "carl", "dora", "emil")
PLACES = ("rome", "oslo", "lima", "bonn")


def test_it_learns_to_find_answers():
    """Twenty questions about documents that hold several people and places each, learned by heart."""
    asked = []
    for i, person in enumerate(PEOPLE):
        for j, place in enumerate(PLACES):
            others = [(PEOPLE[(i + k) % 5], PLACES[(j + k) % 4]) for k in (1, 2)]
            facts = [f"{who} lives in {where} ." for who, where in sorted([(person, place), *others])]
            asked.append(record(f"{i}{j}", f"where does {person} live ?", place, " ".join(facts)))
    tokenizer = words(*(f"{each.question} {each.context}" for each in asked))
    encoder = reader(tokenizer, max_length=40, stride=16)
    rows = encoder.examples([prompt(each) for each in asked], [each.id for each in asked])
    of = module(smoothing=0.1, scale=1.0)
    of.model = pointer(len(tokenizer), scale=1.0).train()
    optimizer = torch.optim.AdamW(of.parameters(), lr=3e-3)
    for _ in range(150):
        optimizer.zero_grad()
        of.weighted_loss(batch(*rows, pad_id=0)).loss.backward()
        optimizer.step()
    evaluator = Evaluator(
        layout=prompt,
        encoder=encoder,
        generation=Span(max_answer_tokens=5, batch_size=32),
        batch_size=32,
        scoring=Scoring(),
    )
    right = [row["exact_match"] for row in evaluator.answer(of.model, asked)]
    assert sum(right) / len(right) > 0.9
