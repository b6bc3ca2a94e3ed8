import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as budget
from hypothesis import strategies as st

from fsqa.encode.base import row_name
from fsqa.encode.sequence import SequenceEncoder
from fsqa.errors import InputError
from fsqa.model.tokenizer import read_tokenizer
from fsqa.prompt import Template
from fsqa.types import Record, Role
from tests.builders import LETTERS, configured

LAYOUT = Template(start=True, segments=[{"context": "{context}"}, {"prompt": "{question}?"}, {"answer": "{answer}"}])
NO_START = Template(start=False, segments=[{"prompt": "{question}?"}, {"answer": "{answer}"}])


def record(question="ab", answer="xy", context=""):
    return Record(id="7", question=question, answers=(answer,), context=context)


def letters(example):
    names = {role: letter for letter, role in LETTERS.items()}
    return "".join(names[role] for role in example.roles.tolist())


@pytest.fixture
def encode(character_tokenizer):
    def encode(of, max_length=64, layout=LAYOUT):
        encoder = SequenceEncoder(tokenizer=character_tokenizer, max_length=max_length)
        (example,) = encoder.examples([layout(of)], [row_name(of)])
        return example

    return encode


@pytest.fixture
def ask(character_tokenizer):
    def ask(of, room, max_length=64, layout=LAYOUT):
        encoder = SequenceEncoder(tokenizer=character_tokenizer, max_length=max_length)
        (example,) = encoder.questions([layout(of)], room)
        return example

    return ask


@pytest.fixture
def spell(character_tokenizer):
    """Ids back to text, with ^ for the start and $ for the end token."""
    special = {0: "^", 1: "$"}
    return lambda ids: "".join(special.get(i) or character_tokenizer.decode([i]) for i in ids.tolist())


@pytest.mark.parametrize(
    ("of", "layout", "text", "roles"),
    [
        (record(), LAYOUT, "^ab?xy$", "ppppaae"),
        (record(context="cd "), LAYOUT, "^cd ab?xy$", "pcccpppaae"),
        (record(), NO_START, "ab?xy$", "pppaae"),
        (record(answer="x\ny"), LAYOUT, "^ab?x\ny$", "ppppaaae"),
    ],
)
def test_ids_and_roles(encode, spell, of, layout, text, roles):
    example = encode(of, layout=layout)
    assert spell(example.ids) == text
    assert letters(example) == roles
    assert (example.ids.dtype, example.roles.dtype, example.truncated) == (np.int32, np.uint8, 0)


@pytest.mark.parametrize(
    ("max_length", "text", "truncated"),
    [
        (12, "^cdefab?xyz$", 0),
        (11, "^defab?xyz$", 1),
        (8, "^ab?xyz$", 4),  # the context is gone before the prompt is touched
        (7, "^b?xyz$", 5),
        (5, "^xyz$", 7),  # the start token stays
    ],
)
def test_context_is_cut_before_prompt_from_the_left_and_the_answer_never(encode, spell, max_length, text, truncated):
    example = encode(record(answer="xyz", context="cdef"), max_length)
    assert spell(example.ids) == text
    assert example.truncated == truncated
    assert letters(example).endswith("aaae")


def test_the_segment_nearest_the_answer_is_cut_last(encode, spell):
    layout = Template(start=False, segments=[{"prompt": "{question}"}, {"prompt": " A:"}, {"answer": "{answer}"}])
    assert spell(encode(record("abcd"), 7, layout).ids) == "d A:xy$"
    assert spell(encode(record("abcd"), 5, layout).ids) == "A:xy$"


def test_answer_that_does_not_fit_names_the_row(encode):
    assert len(encode(record(answer="wxyz"), max_length=6).ids) == 6
    with pytest.raises(InputError, match=r"row '7' \('ab'\): the answer has 4 tokens .* max_length=5"):
        encode(record(answer="wxyz"), max_length=5)


def test_answer_without_a_token_names_the_row(encode):
    with pytest.raises(InputError, match=r"row '7' \('ab'\): the answer '' has no token"):
        encode(record(answer=""))


@pytest.mark.parametrize(
    ("room", "max_length", "text", "truncated"),
    [(4, 8, "^ab?", 1), (3, 8, "^cab?", 0), (4, 64, "^cab?", 0), (9, 10, "^", 4)],
)
def test_questions_leave_room_for_the_answer(ask, spell, room, max_length, text, truncated):
    example = ask(record(context="c"), room, max_length)
    assert spell(example.ids) == text
    assert example.truncated == truncated


def test_rows_are_encoded_apart(character_tokenizer, encode, ask):
    encoder = SequenceEncoder(tokenizer=character_tokenizer, max_length=64)
    records = [record("a" * i, "b" * (i + 1)) for i in range(1, 5)]
    together = encoder.examples([LAYOUT(r) for r in records], [row_name(r) for r in records])
    for example, of in zip(together, records, strict=True):
        assert example.ids.tolist() == encode(of).ids.tolist()
    asked = encoder.questions([LAYOUT(r) for r in records], room=5)
    assert [e.ids.tolist() for e in asked] == [ask(r, room=5).ids.tolist() for r in records]
    assert list(encoder.examples([], [])) == []
    assert encoder.questions([], 5) == []


def test_decode_leaves_out_special_tokens_and_outer_white_space(character_tokenizer, spell):
    encoder = SequenceEncoder(tokenizer=character_tokenizer, max_length=64)
    ids = character_tokenizer("  new york\n")["input_ids"]
    assert encoder.decode([0, *ids, 1, 2]) == "new york"
    assert encoder.decode([]) == ""


def test_end_token_stands_in_for_a_missing_start_token(character_tokenizer):
    tokenizer = type(character_tokenizer)(
        tokenizer_object=character_tokenizer.backend_tokenizer, eos_token="</s>", pad_token="<pad>"
    )
    (example,) = SequenceEncoder(tokenizer=tokenizer, max_length=64).examples([LAYOUT(record())], ["row"])
    assert example.ids[0] == example.ids[-1] == tokenizer.eos_token_id


def assert_prefix(tokenizer, name, question, answer, context=""):
    """What is asked is exactly what training saw before the answer, and the answer decodes to itself."""
    layout = configured("prompt", name)
    encoder = SequenceEncoder(tokenizer=tokenizer, max_length=2048)
    prompt = layout(record(question, answer, context))
    (trained,), (asked,) = encoder.examples([prompt], ["row"]), encoder.questions([prompt], room=64)
    before = len(asked.ids)
    assert trained.ids[:before].tolist() == asked.ids.tolist()
    assert trained.roles[:before].tolist() == asked.roles.tolist()
    assert set(trained.roles[before:-1].tolist()) == {Role.ANSWER}
    assert trained.roles[-1] == Role.END
    assert trained.ids[-1] == tokenizer.eos_token_id
    assert encoder.decode(trained.ids[before:-1]) == answer.strip()


QUESTIONS = st.text(max_size=40)
ANSWERS = st.text(min_size=1, max_size=20)


@pytest.mark.parametrize("name", ["closed_book", "joined", "question_answer"])
@given(question=QUESTIONS, answer=ANSWERS)
@budget(max_examples=50)
def test_the_prompt_is_the_prefix_of_the_row_with_a_learned_tokenizer(learned_tokenizer, name, question, answer):
    assert_prefix(learned_tokenizer, name, question, answer)


@pytest.fixture(scope="module")
def gpt2_tokenizer(shared):
    return read_tokenizer(str(shared / "models" / "gpt2-tokenizer"), revision=None)


@pytest.mark.parametrize("name", ["closed_book", "joined", "question_answer"])
@given(question=QUESTIONS, answer=ANSWERS)
@budget(max_examples=50)
def test_the_prompt_is_the_prefix_of_the_row_with_gpt2s_tokenizer(gpt2_tokenizer, name, question, answer):
    assert_prefix(gpt2_tokenizer, name, question, answer)


def test_joined_is_the_form_gpt_neo_was_first_trained_in(gpt2_tokenizer):
    layout = configured("prompt", "joined")
    encoder = SequenceEncoder(tokenizer=gpt2_tokenizer, max_length=36)
    (example,) = encoder.examples([layout(record("who wrote emma", "jane austen"))], ["row"])
    end = gpt2_tokenizer.convert_tokens_to_ids("<|endoftext|>")
    asked = gpt2_tokenizer("who wrote emma?")["input_ids"]
    answered = gpt2_tokenizer("jane austen")["input_ids"]
    assert example.ids.tolist() == [end, *asked, *answered, end]
    assert letters(example) == "p" * (1 + len(asked)) + "a" * len(answered) + "e"
    assert gpt2_tokenizer.decode(example.ids) == "<|endoftext|>who wrote emma?jane austen<|endoftext|>"
