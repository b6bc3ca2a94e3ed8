import pytest
import torch
from transformers import RepetitionPenaltyLogitsProcessor

from fsqa.errors import InputError
from fsqa.generation import Greedy
from tests.builders import configured
from tests.generation.stretched import ARCHITECTURES, ENCODER, END, QUESTIONS, ROOM, one_by_one, stretched


@pytest.fixture(scope="module", params=ARCHITECTURES)
def model(request):
    return stretched(request.param)


def beams(**changes: object):
    return configured("generation", "beams", **{"max_new_tokens": ROOM, "batch_size": 4, **changes})


def likelihood(model, question, said):
    """Sum of the log-probabilities of an answer, its end included if it has one."""
    ids = torch.tensor([[*question.ids.tolist(), *said]])
    with torch.no_grad():
        logits = model(input_ids=ids, use_cache=False).logits[0].double().log_softmax(-1)
    first = len(question.ids)
    return sum(float(logits[first + i - 1, token]) for i, token in enumerate(said))


@pytest.mark.parametrize("changes", [{}, {"length_penalty": 2.0, "early_stopping": True}, {"early_stopping": "never"}])
def test_batched_answers_are_those_of_one_by_one(model, changes):
    answers = beams(num_beams=3, **changes)(model, ENCODER, QUESTIONS)
    rule = {"num_beams": 3, "do_sample": False, "length_penalty": 1.0, "early_stopping": False} | changes
    for question, answer in zip(QUESTIONS, answers, strict=True):
        wanted = one_by_one(model, question, **rule)
        assert [*answer.ids, *[END] * answer.stopped] == wanted
    assert len({answer.ids for answer in answers}) > len(QUESTIONS) // 2


def test_answers_are_likelier_than_greedy_ones():
    model = stretched("gpt2")
    searched = beams(num_beams=8, length_penalty=0.0, early_stopping="never")(model, ENCODER, QUESTIONS)
    greedy = Greedy(max_new_tokens=ROOM, batch_size=4)(model, ENCODER, QUESTIONS)
    gained = [
        likelihood(model, question, [*ours.ids, *[END] * ours.stopped])
        - likelihood(model, question, [*theirs.ids, *[END] * theirs.stopped])
        for question, ours, theirs in zip(QUESTIONS, searched, greedy, strict=True)
    ]
    assert sum(gained) > 1
    assert sum(gain >= -1e-4 for gain in gained) >= len(gained) - 1


def test_one_beam_is_greedy():
    model = stretched("llama")
    greedy = Greedy(max_new_tokens=ROOM, batch_size=4)(model, ENCODER, QUESTIONS)
    assert beams(num_beams=1)(model, ENCODER, QUESTIONS) == greedy


@pytest.mark.parametrize("num_beams", [1, 3])
def test_repetition_penalty_counts_the_answer_alone(num_beams):
    model = stretched("opt")
    answers = beams(num_beams=num_beams, repetition_penalty=1e6)(model, ENCODER, QUESTIONS)
    for question, answer in zip(QUESTIONS, answers, strict=True):
        penalty = RepetitionPenaltyLogitsProcessor(1e6, prompt_ignore_length=len(question.ids))
        wanted = one_by_one(model, question, num_beams=num_beams, do_sample=False, logits_processor=[penalty])
        assert [*answer.ids, *[END] * answer.stopped] == wanted
    assert any(set(a.ids) & set(q.ids.tolist()) for q, a in zip(QUESTIONS, answers, strict=True))
    assert answers != beams(num_beams=num_beams)(model, ENCODER, QUESTIONS)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"num_beams": 0}, "generation.num_beams: wanted 1 or more, got 0"),
        ({"max_new_tokens": 0}, "generation.max_new_tokens: wanted 1 or more, got 0"),
        ({"repetition_penalty": -1.0}, "generation.repetition_penalty: wanted a number above 0, got -1.0"),
        ({"length_penalty": float("nan")}, "generation.length_penalty: wanted a finite number, got nan"),
    ],
)
def test_refused(changes, told):
    with pytest.raises(InputError) as refused:
        beams(**changes)
    assert str(refused.value) == told
