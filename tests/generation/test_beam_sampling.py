from collections import Counter
from contextlib import nullcontext

import numpy as np
import pytest
import torch
from scipy.stats import chi2_contingency, chisquare

from fsqa.errors import InputError
from fsqa.generation.beam_draws import BeamDraws, distinct
from tests.builders import configured, example
from tests.generation.stretched import ARCHITECTURES, ENCODER, END, QUESTIONS, ROOM, one_by_one, stretched

RULE = {
    "do_sample": True,
    "num_beams": 2,
    "temperature": 1.5,
    "top_k": 50,
    "top_p": 0.9,
    "length_penalty": 1.0,
    "early_stopping": False,
}
"""How seed 003 calls ``generate()``; top_k is transformers' default there."""


def beam_sampling(**changes: object):
    return configured("generation", "beam_sampling", **{"max_new_tokens": ROOM, "batch_size": 4, **changes})


def numbers_of(question, seed, beams):
    return torch.from_numpy(np.random.default_rng([seed, *question.ids.tolist()]).random((1, ROOM, 2 * beams)))


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("changes", [{}, {"num_beams": 3, "length_penalty": 2.0, "early_stopping": True, "seed": 4}])
def test_batched_answers_are_those_of_transformers_one_by_one(architecture, changes):
    model = stretched(architecture)
    answers = beam_sampling(**changes)(model, ENCODER, QUESTIONS)
    rule = RULE | changes
    seed = rule.pop("seed", 0)
    for question, answer in zip(QUESTIONS, answers, strict=True):
        with BeamDraws(numbers_of(question, seed, rule["num_beams"])):
            wanted = one_by_one(model, question, **rule)
        assert [*answer.ids, *[END] * answer.stopped] == wanted
    assert len({answer.ids for answer in answers}) > len(QUESTIONS) // 2


def test_neither_batch_nor_order_matters():
    model, told = stretched("gpt_neo"), []
    answers = beam_sampling()(model, ENCODER, QUESTIONS, told.append)
    assert told == [4, 4, 2]
    for batch_size in (1, 64):
        assert beam_sampling(batch_size=batch_size)(model, ENCODER, QUESTIONS) == answers
    assert beam_sampling()(model, ENCODER, QUESTIONS[::-1]) == answers[::-1]
    assert beam_sampling()(model, ENCODER, QUESTIONS[3:4]) == answers[3:4]


def test_the_seed_decides_and_no_other_random_state_is_touched():
    model = stretched("gpt2")
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first = beam_sampling(seed=0)(model, ENCODER, QUESTIONS)
    assert torch.equal(before, torch.get_rng_state())
    torch.manual_seed(2)
    assert beam_sampling(seed=0)(model, ENCODER, QUESTIONS) == first
    assert beam_sampling(seed=1)(model, ENCODER, QUESTIONS) != first


def test_the_answers_are_distributed_as_those_of_transformers():
    """Two tokens, so that the second is drawn along both beams: how often each answer comes, by both draws."""
    model, times = stretched("gpt2"), 2000
    ids = torch.from_numpy(example("p" * 6, seed=3).ids).long().expand(times, -1)
    rule = {**RULE, "top_k": 4}
    counted = []
    for draws in (BeamDraws(torch.from_numpy(np.random.default_rng(0).random((times, 2, 4)))), nullcontext()):
        torch.manual_seed(0)
        with draws:
            said = model.generate(input_ids=ids, attention_mask=torch.ones_like(ids), max_new_tokens=2, **rule)
        counted.append(Counter(map(tuple, said[:, 6:].tolist())))
    often = [answer for answer in counted[0] | counted[1] if sum(counts[answer] for counts in counted) >= 20]
    assert len(often) >= 5
    seen = [[counts[answer] for answer in often] for counts in counted]
    assert min(map(sum, seen)) > 0.9 * times
    assert chi2_contingency(seen).pvalue > 0.01


def test_distinct_draws_by_hand():
    weights = torch.tensor([[0.2, 0.0, 0.5, 0.3]]).double().expand(3, 4)
    numbers = torch.tensor([[0.1, 0.0, 0.9], [0.25, 0.9, 0.5], [0.99, 0.99, 0.99]]).double()
    # 0.1 of 1.0 is in the first; then 0.0 of 0.8 in the third, 0.9 of 0.3 in the last, and so on
    assert distinct(weights, numbers).tolist() == [[0, 2, 3], [2, 3, 0], [3, 2, 0]]


def test_distinct_draws_end_with_what_has_no_weight():
    drawn = distinct(torch.tensor([[0.0, 1.0, 0.0, 0.0]]).double(), torch.tensor([[0.5, 0.0, 0.5, 0.99]]).double())
    assert drawn.tolist() == [[1, 0, 3, 2]]


def test_distinct_draws_are_distributed_as_those_of_multinomial():
    """Every ordered pair against its probability p_i p_j / (1 - p_i)."""
    weights, draws = torch.tensor([0.4, 0.3, 0.2, 0.1], dtype=torch.float64), 20_000
    numbers = torch.from_numpy(np.random.default_rng(0).random((draws, 2)))
    counts = Counter(map(tuple, distinct(weights.expand(draws, 4), numbers).tolist()))
    p = weights.tolist()
    wanted = {(i, j): draws * p[i] * p[j] / (1 - p[i]) for i in range(4) for j in range(4) if i != j}
    assert set(counts) == set(wanted)
    assert chisquare([counts[pair] for pair in wanted], list(wanted.values())).pvalue > 0.01


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"num_beams": 1}, "generation.num_beams: wanted 2 or more, got 1; with one beam take generation=sampling"),
        ({"temperature": 0.0}, "generation.temperature: wanted a number above 0, got 0.0"),
        ({"top_k": 0}, "generation.top_k: wanted 1 or more, got 0"),
        ({"top_p": 1.5}, "generation.top_p: wanted a number above 0 and at most 1, got 1.5"),
        ({"seed": -1}, "generation.seed: wanted 0 or more, got -1"),
        ({"length_penalty": float("inf")}, "generation.length_penalty: wanted a finite number, got inf"),
        ({"max_new_tokens": 0}, "generation.max_new_tokens: wanted 1 or more, got 0"),
    ],
)
def test_refused(changes, told):
    with pytest.raises(InputError) as refused:
        beam_sampling(**changes)
    assert str(refused.value) == told
