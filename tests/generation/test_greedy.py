import json

import numpy as np
import pytest
import torch

from fsqa.encode.sequence import SequenceEncoder
from fsqa.errors import InputError
from fsqa.generation import Greedy
from fsqa.types import Example, Prompt, Role, Segment
from tests.builders import VOCABULARY, configured, example, tiny_model
from tests.generation.stretched import ARCHITECTURES, ENCODER, END, QUESTIONS, ROOM, one_by_one, stretched


@pytest.fixture(scope="module", params=ARCHITECTURES)
def model(request):
    return stretched(request.param)


def by_full_passes(model, question, room=ROOM):
    """Greedy decoding without a cache: the whole row again for each token."""
    ids = question.ids.tolist()
    for _ in range(room):
        with torch.no_grad():
            ids.append(int(model(input_ids=torch.tensor([ids]), use_cache=False).logits[0, -1].argmax()))
        if ids[-1] == END:
            break
    return ids[len(question.ids) :]


@pytest.mark.parametrize("batch_size", [1, 4, 64])
def test_batched_answers_are_those_of_one_by_one(model, batch_size):
    answers = Greedy(max_new_tokens=ROOM, batch_size=batch_size)(model, ENCODER, QUESTIONS)
    for question, answer in zip(QUESTIONS, answers, strict=True):
        wanted = one_by_one(model, question, do_sample=False, num_beams=1)
        assert wanted == by_full_passes(model, question)
        assert [*answer.ids, END][: len(wanted)] == wanted
        assert answer.stopped == (END in wanted)
        assert len(answer.ids) == len(wanted) - answer.stopped
    assert len({answer.ids for answer in answers}) > len(QUESTIONS) // 2


def test_some_answers_stop_and_some_do_not():
    model = stretched("gpt_neo")
    answers = Greedy(max_new_tokens=ROOM, batch_size=4)(model, ENCODER, [example("p" * 6, seed=i) for i in range(40)])
    assert {answer.stopped for answer in answers} == {True, False}
    for answer in answers:
        assert END not in answer.ids
        assert answer.stopped or len(answer.ids) == ROOM


def test_order_is_kept_and_progress_told():
    model, told = tiny_model("llama", scale=8.0), []
    answers = Greedy(max_new_tokens=3, batch_size=4)(model, ENCODER, QUESTIONS, told.append)
    backwards = Greedy(max_new_tokens=3, batch_size=4)(model, ENCODER, QUESTIONS[::-1])
    assert answers == backwards[::-1]
    assert told == [4, 4, 2]


@pytest.mark.parametrize("training", [True, False])
def test_mode_is_restored(training):
    model = tiny_model("gpt2").train(training)
    Greedy(max_new_tokens=1, batch_size=4)(model, ENCODER, QUESTIONS)
    assert model.training is training


def test_mode_is_restored_after_an_error():
    model = tiny_model("gpt2").train()
    unknown = Example(np.full(3, VOCABULARY, np.int32), np.full(3, Role.PROMPT, np.uint8), 0)
    with pytest.raises(IndexError):
        Greedy(max_new_tokens=1, batch_size=4)(model, ENCODER, [unknown])
    assert model.training is True


def test_more_tokens_than_the_model_has_positions_are_refused():
    model, question = tiny_model("gpt2"), example("p" * 60)
    assert len(Greedy(max_new_tokens=4, batch_size=4)(model, ENCODER, [question])) == 1
    with pytest.raises(InputError) as refused:
        Greedy(max_new_tokens=5, batch_size=4)(model, ENCODER, [QUESTIONS[0], question])
    assert str(refused.value).startswith(
        "generation.max_new_tokens=5 after a question of 60 tokens is more than the model's 64 positions; lower it"
    )


def test_dropout_is_off():
    model = tiny_model("gpt2", scale=8.0).train()
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.5
    generate = Greedy(max_new_tokens=ROOM, batch_size=4)
    assert generate(model, ENCODER, QUESTIONS) == generate(model, ENCODER, QUESTIONS)


def test_no_questions():
    assert Greedy(max_new_tokens=1, batch_size=4)(tiny_model("gpt2"), ENCODER, []) == []


@pytest.mark.parametrize("name", ["max_new_tokens", "batch_size"])
@pytest.mark.parametrize("value", [0, -3])
def test_refused(name, value):
    with pytest.raises(InputError, match=rf"generation\.{name}: wanted 1 or more, got {value}"):
        Greedy(**{"max_new_tokens": 4, "batch_size": 4, name: value})


def test_all_generated_ids_are_in_the_vocabulary(model):
    answers = Greedy(max_new_tokens=ROOM, batch_size=64)(model, ENCODER, QUESTIONS)
    assert all(0 <= i < VOCABULARY for answer in answers for i in answer.ids)


def test_a_real_model_says_what_it_is_known_to_say(shared):
    golden = json.loads((shared / "models" / "golden.json").read_text())["tinystories-656k"]
    source = configured("model", "pretrained", path=str(shared / "models" / "tinystories-656k"))
    tokenizer = source.tokenizer(lambda: iter(()))
    prompt = Prompt(given=(Segment(Role.PROMPT, golden["prompt"]),), answer=(), start=True)
    room = len(golden["greedy_ids"]) - len(golden["prompt_ids"])
    short = Prompt(given=(Segment(Role.PROMPT, "A dog"),), answer=(), start=True)
    encoder = SequenceEncoder(tokenizer=tokenizer, max_length=256)
    assert encoder.questions([short, prompt], room)[1].ids.tolist() == golden["prompt_ids"]
    answers = Greedy(max_new_tokens=room, batch_size=2)(source.model(tokenizer, 256, 0), encoder, [short, prompt])
    assert [*golden["prompt_ids"], *answers[1].ids] == golden["greedy_ids"]
    assert answers[1].stopped is False
