from collections import Counter

import numpy as np
import pytest
import torch
from scipy.stats import chisquare
from transformers import RepetitionPenaltyLogitsProcessor, TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper

from fsqa.errors import InputError
from fsqa.generation import Greedy
from fsqa.generation.sampling import Draw
from tests.builders import configured, example
from tests.generation.stretched import ARCHITECTURES, ENCODER, END, QUESTIONS, ROOM, stretched


def sampling(**changes: object):
    plain = {"max_new_tokens": ROOM, "batch_size": 4, "temperature": 1.0}
    return configured("generation", "sampling", **{**plain, **changes})


def by_full_passes(model, question, numbers, change=lambda said, logits: logits):
    """Sampling without a cache and without batches: the whole row again for each token."""
    ids = question.ids.tolist()
    for number in numbers:
        with torch.no_grad():
            logits = model(input_ids=torch.tensor([ids]), use_cache=False).logits[0, -1:]
        cumulative = np.cumsum(change(ids[len(question.ids) :], logits)[0].double().softmax(-1).numpy())
        ids.append(int(np.argmax(cumulative > number * cumulative[-1])))
        if ids[-1] == END:
            break
    return ids[len(question.ids) :]


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_batched_answers_are_those_of_one_by_one(architecture):
    model = stretched(architecture)
    answers = sampling(seed=5)(model, ENCODER, QUESTIONS)
    for question, answer in zip(QUESTIONS, answers, strict=True):
        numbers = np.random.default_rng([5, *question.ids.tolist()]).random(ROOM)
        assert [*answer.ids, *[END] * answer.stopped] == by_full_passes(model, question, numbers)


def test_temperature_top_k_and_top_p_in_the_order_of_transformers():
    model = stretched("gpt2")
    warpers = [TemperatureLogitsWarper(3.0), TopKLogitsWarper(9), TopPLogitsWarper(0.9)]

    def change(_, logits):
        for warper in warpers:
            logits = warper(None, logits)
        return logits

    answers = sampling(temperature=3.0, top_k=9, top_p=0.9)(model, ENCODER, QUESTIONS)
    for question, answer in zip(QUESTIONS, answers, strict=True):
        numbers = np.random.default_rng([0, *question.ids.tolist()]).random(ROOM)
        assert [*answer.ids, *[END] * answer.stopped] == by_full_passes(model, question, numbers, change)


def test_neither_batch_nor_order_matters():
    model, told = stretched("gpt_neo"), []
    answers = sampling()(model, ENCODER, QUESTIONS, told.append)
    assert told == [4, 4, 2]
    for batch_size in (1, 64):
        assert sampling(batch_size=batch_size)(model, ENCODER, QUESTIONS) == answers
    assert sampling()(model, ENCODER, QUESTIONS[::-1]) == answers[::-1]
    assert sampling()(model, ENCODER, QUESTIONS[3:4]) == answers[3:4]


def test_a_lower_limit_cuts_the_same_answers():
    model = stretched("gpt_neo")
    whole, cut = sampling()(model, ENCODER, QUESTIONS), sampling(max_new_tokens=3)(model, ENCODER, QUESTIONS)
    assert [answer.ids[:3] for answer in whole] == [answer.ids for answer in cut]


def test_the_seed_decides_and_no_other_random_state_is_touched():
    model = stretched("gpt2")
    torch.manual_seed(1)
    np.random.seed(1)
    before = torch.get_rng_state(), np.random.get_state()[1].tolist()
    first = sampling(seed=0)(model, ENCODER, QUESTIONS)
    assert torch.equal(before[0], torch.get_rng_state())
    assert before[1] == np.random.get_state()[1].tolist()
    torch.manual_seed(2)
    assert sampling(seed=0)(model, ENCODER, QUESTIONS) == first
    assert sampling(seed=1)(model, ENCODER, QUESTIONS) != first


def test_one_likeliest_token_is_greedy():
    model = stretched("qwen2")
    greedy = Greedy(max_new_tokens=ROOM, batch_size=4)(model, ENCODER, QUESTIONS)
    assert sampling(top_k=1)(model, ENCODER, QUESTIONS) == greedy
    assert sampling(top_p=1e-9)(model, ENCODER, QUESTIONS) == greedy
    assert sampling(temperature=1e-3)(model, ENCODER, QUESTIONS) == greedy


def test_first_tokens_follow_the_distribution_of_the_model():
    """Chi-squared against the model's own probabilities, over seeds; rare tokens are taken together."""
    model, question, seeds = stretched("gpt2"), example("p" * 6, seed=3), 1000
    with torch.no_grad():
        logits = model(input_ids=torch.from_numpy(question.ids).long()[None]).logits[0, -1]
    wanted = (logits.double() / 4).softmax(-1).numpy() * seeds
    generate = [sampling(seed=seed, max_new_tokens=1, temperature=4.0) for seed in range(seeds)]
    counts = Counter()
    for one in generate:
        (answer,) = one(model, ENCODER, [question])
        counts[END if answer.stopped else answer.ids[0]] += 1
    often = wanted >= 5
    seen = np.array([counts[token] for token in range(len(wanted))])
    assert often.sum() >= 5
    observed = [*seen[often], seen[~often].sum()]
    assert chisquare(observed, [*wanted[often], wanted[~often].sum()]).pvalue > 0.01


def test_draw_takes_the_first_token_above_the_number():
    logits = torch.tensor([[0.25, 0.0, 0.5, 0.25]]).log().expand(6, 4)
    numbers = torch.tensor([[0.0], [0.2499], [0.2501], [0.7499], [0.7501], [1 - 2**-53]], dtype=torch.float64)
    chosen = Draw(numbers, width=2)(torch.zeros(6, 2), logits)
    assert chosen.argmax(-1).tolist() == [0, 0, 2, 2, 3, 3], "an impossible token is never drawn"
    assert (chosen > -torch.inf).sum(-1).tolist() == [1] * 6


def test_repetition_penalty_counts_the_answer_alone():
    model = stretched("opt")
    penalty = RepetitionPenaltyLogitsProcessor(5.0)

    def change(said, logits):
        return penalty(torch.tensor([said], dtype=torch.long), logits)

    answers = sampling(repetition_penalty=5.0)(model, ENCODER, QUESTIONS)
    for question, answer in zip(QUESTIONS, answers, strict=True):
        numbers = np.random.default_rng([0, *question.ids.tolist()]).random(ROOM)
        assert [*answer.ids, *[END] * answer.stopped] == by_full_passes(model, question, numbers, change)
    assert answers != sampling()(model, ENCODER, QUESTIONS)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"temperature": 0.0}, "generation.temperature: wanted a number above 0, got 0.0"),
        ({"temperature": float("inf")}, "generation.temperature: wanted a number above 0, got inf"),
        ({"top_k": 0}, "generation.top_k: wanted 1 or more, got 0"),
        ({"top_p": 0.0}, "generation.top_p: wanted a number above 0 and at most 1, got 0.0"),
        ({"top_p": 1.1}, "generation.top_p: wanted a number above 0 and at most 1, got 1.1"),
        ({"repetition_penalty": 0.0}, "generation.repetition_penalty: wanted a number above 0, got 0.0"),
        ({"seed": -1}, "generation.seed: wanted 0 or more, got -1"),
        ({"batch_size": 0}, "generation.batch_size: wanted 1 or more, got 0"),
    ],
)
def test_refused(changes, told):
    with pytest.raises(InputError) as refused:
        sampling(**changes)
    assert str(refused.value) == told
