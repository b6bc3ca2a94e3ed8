"""The loop against ``generate()`` itself, for every decoder that there is a preset for."""

from functools import cache

import numpy as np
import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM

from fsqa.generation import Greedy
from fsqa.generation.greedy_search import Reading, can_forget, can_search, greedy_search
from fsqa.types import Role
from tests.builders import configured, example
from tests.generation.stretched import ENCODER, END, QUESTIONS, ROOM, one_by_one
from tests.speed.architectures import DIFFERENT, small

MIXED = [*QUESTIONS, QUESTIONS[3], QUESTIONS[0], QUESTIONS[3]]
"""Questions of many lengths, some of them asked again."""
PAD = 2
READ = [name for name in DIFFERENT if name != "phi3"]
"""Models that can forget: the small Phi-3 remembers its last eight tokens alone."""


@cache
def decoder(name: str):
    """A random model of one architecture that says different words and now and then the end."""
    model = small(name)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.mul_(4)
        model.get_output_embeddings().weight[END] *= 2
    return model.eval()


@cache
def wanted(name: str) -> list[list[int]]:
    return [one_by_one(decoder(name), question, do_sample=False) for question in MIXED]


def cut(said: list[int]) -> list[int]:
    return said[: said.index(END) + 1] if END in said else said


def ids_of(answer) -> list[int]:
    return [*answer.ids, *[END] * answer.stopped]


@pytest.mark.parametrize("batch_size", [1, 3, 64])
@pytest.mark.parametrize("name", DIFFERENT)
def test_the_tokens_of_generate(name, batch_size):
    model = decoder(name)
    assert can_search(model, 64)
    answers = Greedy(max_new_tokens=ROOM, batch_size=batch_size)(model, ENCODER, MIXED)
    assert [ids_of(answer) for answer in answers] == [cut(said) for said in wanted(name)]
    assert len({answer.ids for answer in answers}) > 3


def test_rows_stop_at_different_steps():
    lengths = {len(cut(said)) for name in DIFFERENT for said in wanted(name)}
    assert len(lengths) > 4
    assert ROOM in lengths


@pytest.mark.parametrize("name", DIFFERENT)
def test_a_text_that_ends_answers(name):
    model, tokenizer = decoder(name), ENCODER.tokenizer
    letters = "".join(tokenizer.decode(said[1:4], skip_special_tokens=True) for said in wanted(name))
    stop = max(sorted(set(letters) - set("<s>/pad ")), key=letters.count)
    answers = Greedy(max_new_tokens=ROOM, batch_size=3, stop=stop)(model, ENCODER, MIXED)
    for question, answer in zip(MIXED, answers, strict=True):
        said = cut(one_by_one(model, question, do_sample=False, stop_strings=stop, tokenizer=tokenizer))
        text = tokenizer.decode([i for i in said if i != END], skip_special_tokens=True)
        assert answer.text == text.partition(stop)[0].strip()
        assert answer.stopped == (END in said or stop in text)


def search(model, answers, room=ROOM, questions=MIXED):
    def over(_, said):
        return len(said) == room or said[-1] == END

    return greedy_search(model, [q.ids for q in questions], [np.array(a, np.int32) for a in answers], PAD, over)


def spoilt(said: list[int], at: int) -> list[int]:
    return [*said[:at], 3 + (said[at] - 2) % 50, *said[at + 1 :]]


@pytest.mark.parametrize("name", READ)
def test_what_is_read_along_does_not_change_what_is_said(name):
    """Right answers, ones that go wrong somewhere, longer ones than are generated, and none."""
    said = [cut(one) for one in wanted(name)]
    read = [[i for i in one if i != END] for one in said]
    mixed = [spoilt(one, i % len(one)) if one and i % 3 else one * (1 + i % 2) for i, one in enumerate(read)]
    for answers in (read, mixed, mixed[::-1], [[]] * len(read)):
        assert [found.said for found in search(decoder(name), answers)] == said


@pytest.mark.parametrize("name", READ)
def test_read_answers_are_scored_as_by_a_pass_of_their_own(name):
    model = decoder(name)
    answers = [example("a" * (1 + i % 5), seed=70 + i).ids.tolist() for i in range(len(MIXED))]
    answers[3] = [i for i in cut(wanted(name)[3]) if i != END]
    for question, answer, found in zip(MIXED, answers, search(model, answers), strict=True):
        ids = torch.tensor([[*question.ids.tolist(), *answer]])
        with torch.no_grad():
            logits = model(input_ids=ids, use_cache=False).logits[0, len(question.ids) - 1 : -1]
        targets = torch.tensor(answer, dtype=torch.long)
        nll = torch.nn.functional.cross_entropy(logits.double(), targets, reduction="sum") if answer else 0.0
        assert found.nll == pytest.approx(float(nll), rel=1e-5, abs=1e-5)
        assert found.correct == int((logits.argmax(-1) == targets).sum())


def passes(model, call) -> list[int]:
    """Rows of every pass through a model."""
    rows: list[int] = []
    hook = model.register_forward_pre_hook(
        lambda _, args, inputs: rows.append(len(inputs["input_ids"])), with_kwargs=True
    )
    try:
        call()
    finally:
        hook.remove()
    return rows


def test_only_what_goes_on_is_computed():
    """Each pass has the rows that have not ended; a question asked again is none."""
    said = [cut(one) for one in wanted("gpt_neo")][: len(QUESTIONS)]
    rows = passes(
        decoder("gpt_neo"), lambda: Greedy(max_new_tokens=ROOM, batch_size=64)(decoder("gpt_neo"), ENCODER, MIXED)
    )
    assert rows == [sum(len(one) > step for one in said) for step in range(max(map(len, said)))]
    assert len(set(rows)) > 2


def test_an_answer_that_the_model_says_itself_takes_one_pass():
    model = decoder("llama")
    read = [[i for i in cut(one) if i != END] for one in wanted("llama")]
    assert passes(model, lambda: search(model, read)) == [len(MIXED)]


def test_with_adapters():
    model = small("llama")
    tuned = configured("tuning", "lora", targets="all-linear")(model, ())
    with torch.no_grad():
        for parameter in tuned.parameters():
            if parameter.dim() > 1:
                parameter.copy_(torch.randn(parameter.shape, generator=torch.Generator().manual_seed(len(parameter))))
    tuned.eval()
    assert can_search(tuned, 64)
    answers = Greedy(max_new_tokens=ROOM, batch_size=3)(tuned, ENCODER, MIXED)
    assert [ids_of(answer) for answer in answers] == [cut(one_by_one(tuned, q, do_sample=False)) for q in MIXED]
    assert len({answer.ids for answer in answers}) > 3


@pytest.mark.parametrize("name", ["gpt2", "llama"])
def test_in_bfloat16(name):
    model = small(name).to(torch.bfloat16).eval()
    answers = Greedy(max_new_tokens=ROOM, batch_size=1)(model, ENCODER, MIXED)
    assert [ids_of(answer) for answer in answers] == [cut(one_by_one(model, q, do_sample=False)) for q in MIXED]


def of(architecture: str, **sizes: object):
    tiny = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "vocab_size": 103, "pad_token_id": PAD}
    return AutoModelForCausalLM.from_config(AutoConfig.for_model(architecture, **tiny, **sizes)).eval()


def test_what_generate_treats_otherwise_is_left_to_it():
    heads = {"num_attention_heads": 2, "num_key_value_heads": 2, "bos_token_id": 0, "eos_token_id": END}
    assert can_search(of("mistral", sliding_window=8, **heads), 64)
    assert not can_search(of("mamba", bos_token_id=0, eos_token_id=END), 7)
    turning = of("phi3", original_max_position_embeddings=16, max_position_embeddings=64, **heads)
    assert can_search(turning, 16)
    assert not can_search(turning, 17)
    plain = of("llama", **heads)
    assert can_search(plain, 64)
    plain.generation_config.repetition_penalty = 1.5
    assert not can_search(plain, 64)


def test_a_model_that_penalises_repetition_does_so():
    """Its settings are followed by ``generate()``, to which the question is left."""
    model = small("gpt2").eval()
    plain = Greedy(max_new_tokens=ROOM, batch_size=3)(model, ENCODER, MIXED)
    model.generation_config.repetition_penalty = 1.9
    answers = Greedy(max_new_tokens=ROOM, batch_size=3)(model, ENCODER, MIXED)
    assert [ids_of(answer) for answer in answers] == [cut(one_by_one(model, q, do_sample=False)) for q in MIXED]
    assert answers != plain


def test_with_references_as_without():
    model, way = decoder("qwen2"), Greedy(max_new_tokens=ROOM, batch_size=3)
    references = [_reference(question, 1 + i % 6, i) for i, question in enumerate(MIXED)]
    told: list[int] = []
    answers, found = way.with_references(model, ENCODER, MIXED, references, told.append)
    assert answers == way(model, ENCODER, MIXED)
    assert sum(told) == len(MIXED)
    apart = search(
        model, [reference.ids[len(q.ids) : -1].tolist() for q, reference in zip(MIXED, references, strict=True)]
    )
    assert [one.nll for one in found] == pytest.approx([one.nll for one in apart], rel=1e-5)


def test_a_model_that_has_forgotten_by_itself_is_asked_apart():
    assert [name for name in DIFFERENT if can_forget(decoder(name), 64)] == READ
    sliding = of("mistral", sliding_window=8, num_attention_heads=2, num_key_value_heads=2)
    assert can_forget(sliding, 7)
    assert not can_forget(sliding, 8)
    references = [_reference(question, 2, i) for i, question in enumerate(QUESTIONS)]
    assert Greedy(max_new_tokens=ROOM, batch_size=3).with_references(sliding, ENCODER, QUESTIONS, references) is None


def test_without_positions_for_an_answer_after_the_reference_they_are_asked_apart():
    """GPT-Neo stops with an error where its cache is longer than its positions, forgotten tokens included."""
    model, way = decoder("gpt_neo"), Greedy(max_new_tokens=ROOM, batch_size=3)
    room = model.config.max_position_embeddings - len(QUESTIONS[0].ids) - ROOM
    fits, too_long = ([_reference(QUESTIONS[0], length, 0)] for length in (room - 1, room))
    answers, _ = way.with_references(model, ENCODER, QUESTIONS[:1], fits)
    assert answers == way(model, ENCODER, QUESTIONS[:1])
    assert way.with_references(model, ENCODER, QUESTIONS[:1], too_long) is None


def test_references_that_were_cut_otherwise_are_refused():
    way = Greedy(max_new_tokens=ROOM, batch_size=3)
    references = [_reference(question, 2, i) for i, question in enumerate(QUESTIONS)]
    references[4].ids[0] += 1
    assert way.with_references(decoder("qwen2"), ENCODER, QUESTIONS, references) is None
    without_end = example("p" * len(QUESTIONS[0].ids) + "aa")
    without_end.ids[: len(QUESTIONS[0].ids)] = QUESTIONS[0].ids
    assert way.with_references(decoder("qwen2"), ENCODER, QUESTIONS[:1], [without_end]) is None


def _reference(question, length: int, seed: int):
    row = example("p" * len(question.ids) + "a" * length + "e", seed=100 + seed)
    row.ids[: len(question.ids)] = question.ids
    assert row.roles[-1] == Role.END
    return row


def test_forgotten_tokens_leave_no_trace():
    """Rows that forget different numbers of tokens go on as if they had never read them, local windows included."""
    model = decoder("gpt_neo")
    ids = torch.from_numpy(np.stack([example("p" * 12, seed=i).ids for i in range(3)])).long()
    forgotten, following = torch.tensor([0, 3, 7]), torch.tensor([[5], [6], [7]])
    reading = Reading(model)
    with torch.no_grad():
        reading.read(ids)
        reading.forget_last(forgotten)
        logits = reading.read(following)[:, -1]
        for row, count in enumerate(forgotten.tolist()):
            whole = torch.cat([ids[row, : 12 - count], following[row]])[None]
            assert torch.allclose(
                logits[row], model(input_ids=whole, use_cache=False).logits[0, -1], atol=1e-4, rtol=1e-4
            )
