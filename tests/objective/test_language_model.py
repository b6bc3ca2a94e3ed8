"""Models of plain text that write on from its beginning; what they learn from is in tests/test_language_model.py."""

import pytest
import torch

from fsqa.config.check import check_config
from fsqa.config.compose import compose_config
from fsqa.config.together import check_asking
from fsqa.encode.opening import OpeningEncoder
from fsqa.errors import InputError
from fsqa.prompt import Text
from fsqa.types import Record, Role, Segment
from tests.builders import configured, learned, scratch

RECORDS = [
    Record(id=str(i), question=question, answers=(), context="It is a novel.")
    for i, question in enumerate(["who wrote emma?", "where is paris, the capital of france?", "who?"])
]
BLOCK, ROOM = 6, 20
"""What is generated is longer than a block, as 300 tokens are than blocks of 256."""
WORDS = ("experiment=language_model", "dataset=atlas", "prompt.text='{question} {context}'")
BEGINNING = "prompt.beginning='{question} '"


@pytest.fixture(scope="module")
def tokenizer():
    return learned(400)


@pytest.fixture(scope="module")
def model(tokenizer):
    source = scratch("gpt2", vocabulary=400)
    model = source.model(tokenizer, 64, seed=0).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.mul_(8)
    return model


@pytest.mark.parametrize("start", [False, True])
@pytest.mark.parametrize("option", ["greedy", "beams"])
def test_beginnings_are_written_on_as_by_transformers_one_by_one(model, tokenizer, start, option):
    layout = Text(start=start, text="{question} {context}", beginning="{question} ").bound(tokenizer)
    encoder = configured("objective", "language_model").asking_encoder(tokenizer, BLOCK)
    generate = configured("generation", option, max_new_tokens=ROOM, batch_size=2)
    answers = generate(model, encoder, [layout.opening(record) for record in RECORDS])
    for record, answer in zip(RECORDS, answers, strict=True):
        text = "<|start|>" * start + record.question
        ids = tokenizer(text, add_special_tokens=False, return_tensors="pt")["input_ids"]
        cut = max(0, ids.shape[1] - BLOCK)
        ids = torch.cat([ids[:, :start], ids[:, start + cut :]], dim=1)
        said = model.generate(input_ids=ids, max_new_tokens=ROOM, **generate.rule())[0, ids.shape[1] :].tolist()
        assert [*answer.ids, *[tokenizer.eos_token_id] * answer.stopped] == said
        assert answer.truncated == cut
    assert any(len(answer.ids) > BLOCK for answer in answers)
    assert any(answer.truncated for answer in answers)


def test_only_what_is_given_is_bound_by_a_block(tokenizer):
    encoder = OpeningEncoder(tokenizer=tokenizer, max_length=8)
    layout = Text(start=True, text="{question} {context}", beginning="{question} ").bound(tokenizer)
    long, short = encoder.questions([layout.opening(RECORDS[1]), layout.opening(RECORDS[2])], room=1000)
    whole = tokenizer(RECORDS[1].question)["input_ids"]
    assert long.ids.tolist() == [0, *whole[-7:]]
    assert long.truncated == len(whole) - 7
    assert short.ids.tolist() == [0, *tokenizer("who?")["input_ids"]]
    assert set(long.roles.tolist()) == {Role.PROMPT}


def test_what_is_learned_begins_with_what_is_given(tokenizer):
    layout = Text(start=False, text="{question} {context}", beginning="{question} ").bound(tokenizer)
    objective = configured("objective", "language_model")
    (block,) = objective.encoder(tokenizer, 64).examples([layout(RECORDS[0])], ["row"])
    (given,) = objective.asking_encoder(tokenizer, 64).questions([layout.opening(RECORDS[0])], room=8)
    assert layout(RECORDS[0]).answer == (Segment(Role.ANSWER, "who wrote emma? It is a novel."),)
    assert block.ids[: len(given.ids)].tolist() == given.ids.tolist()


@pytest.mark.parametrize("option", ["none", "greedy", "sampling", "beams", "beam_sampling"])
def test_with_a_beginning_every_way_of_a_decoder_goes(option):
    plain = check_config(compose_config([*WORDS, BEGINNING, f"generation={option}", "max_length=12"]))
    assert plain["prompt"]["beginning"] == "{question} "


def test_without_one_they_are_refused():
    with pytest.raises(InputError) as refused:
        check_config(compose_config([*WORDS, "generation=beam_sampling"]))
    assert str(refused.value) == (
        "generation: objective=language_model can only write on from the beginning of a text, and there is none; set "
        "prompt.beginning, as in \"prompt.beginning='{question} '\", or set generation=none"
    )
    plain = check_config(compose_config(WORDS))
    assert plain["generation"] == {"_target_": "fsqa.generation.NoAnswers"}


def test_a_finished_run_is_told_the_same():
    """Of a run from before there were beginnings, too."""
    plain = check_config(compose_config(WORDS))
    del plain["prompt"]["beginning"]
    check_asking(plain)
    with pytest.raises(InputError, match="can only write on from the beginning of a text"):
        check_asking({**plain, "generation": {"_target_": "fsqa.generation.Greedy", "max_new_tokens": 4}})


def test_spans_and_masks_stay_refused():
    with pytest.raises(InputError, match="objective=language_model cannot answer by Fill; set generation=none"):
        check_config(compose_config([*WORDS, BEGINNING, "generation=fill"]))


def test_a_question_needs_room_where_rows_are_questions_with_answers():
    with pytest.raises(InputError, match=r"generation\.max_new_tokens=64 leaves no room for a question in max_length"):
        check_config(compose_config(["generation.max_new_tokens=64"]))
