import json

import pytest
import torch
from transformers import GPT2Tokenizer

from fsqa.encode.sequence import SequenceEncoder
from fsqa.errors import InputError
from fsqa.generation import Greedy
from fsqa.generation.stop import StopText, cut_at
from fsqa.model.tokenizer import with_added_tokens
from fsqa.types import Prompt, Role, Segment
from tests.builders import characters, configured
from tests.generation.stretched import ARCHITECTURES, ENCODER, END, QUESTIONS, ROOM, one_by_one, stretched

WAYS = ["greedy", "sampling", "beams", "beam_sampling"]


def way(option: str, **changes: object):
    return configured("generation", option, **{"max_new_tokens": ROOM, "batch_size": 4, **changes})


@pytest.fixture
def gpt2(shared):
    return GPT2Tokenizer.from_pretrained(shared / "models" / "gpt2-tokenizer")


def most_said(answers) -> str:
    """The character that most answers hold somewhere after their first."""
    said = [set(answer.text[1:]) - {" "} for answer in answers]
    return max(sorted(set().union(*said)), key=lambda letter: sum(letter in letters for letters in said))


@pytest.mark.parametrize("option", ["greedy", "sampling"])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_an_answer_is_the_same_one_cut_at_the_text(architecture, option):
    model = stretched(architecture)
    whole = way(option)(model, ENCODER, QUESTIONS)
    stop = most_said(whole)
    answers = way(option, stop=stop)(model, ENCODER, QUESTIONS)
    assert sum(stop in answer.text for answer in whole) >= 2
    for long, short in zip(whole, answers, strict=True):
        text = ENCODER.tokenizer.decode(long.ids, skip_special_tokens=True)
        assert short.text == text.partition(stop)[0].strip()
        assert short.stopped == (long.stopped or stop in text)
        assert ENCODER.tokenizer.decode(short.ids) == ENCODER.tokenizer.decode(long.ids).partition(stop)[0]
    for batch_size in (1, 64):
        assert way(option, stop=stop, batch_size=batch_size)(model, ENCODER, QUESTIONS) == answers


@pytest.mark.parametrize("architecture", ["gpt2", "llama"])
def test_beams_end_at_the_text_as_those_of_transformers(architecture):
    """A search with another end is another search, so its answers are not the others cut."""
    model, tokenizer = stretched(architecture), characters()
    stop = most_said(way("beams")(model, ENCODER, QUESTIONS))
    answers = way("beams", stop=stop)(model, ENCODER, QUESTIONS)
    rule = {"num_beams": 4, "do_sample": False, "stop_strings": stop, "tokenizer": tokenizer}
    for question, answer in zip(QUESTIONS, answers, strict=True):
        wanted = one_by_one(model, question, **rule)
        text, _, _ = tokenizer.decode([i for i in wanted if i != END], skip_special_tokens=True).partition(stop)
        assert answer.text == text.strip()
    assert any(answer.stopped for answer in answers)


@pytest.mark.parametrize("option", WAYS)
def test_neither_batch_nor_order_matters(option):
    model = stretched("gpt_neo")
    stop = most_said(way(option)(model, ENCODER, QUESTIONS))
    answers = way(option, stop=stop)(model, ENCODER, QUESTIONS)
    assert way(option, stop=stop, batch_size=1)(model, ENCODER, QUESTIONS) == answers
    assert way(option, stop=stop, batch_size=64)(model, ENCODER, QUESTIONS[::-1]) == answers[::-1]
    assert all(stop not in answer.text for answer in answers)


def test_a_row_is_done_with_the_last_token_of_the_text():
    tokenizer = characters()
    rows = ["<END>ab<EN", "<END>a<END", "<END><END>", "<END>END>>"]
    ids = torch.tensor([tokenizer(row)["input_ids"] for row in rows])
    assert StopText("<END>", tokenizer, width=5)(ids, None).tolist() == [False, False, True, False]
    assert StopText("<END>", tokenizer, width=6)(ids, None).tolist() == [False] * 4  # half of it is the question's


@pytest.mark.parametrize(
    ("said", "stop", "text", "kept"),
    [
        ("Paris <END>", "<END>", "Paris", "Paris"),
        ("Paris. <END>\nWho was it? <END>", "<END>", "Paris.", "Paris."),
        (" Paris<END>s", "<END>", "Paris", " Paris"),
        ("<END> Paris", "<END>", "", ""),
        (" two\nlines\nQuestion:", "\nQuestion:", "two\nlines", " two\nlines"),
        ("yes\n\nno", "\n", "yes", "yes"),
        ("a café 日本 <END>", "<END>", "a café 日本", "a café 日本"),
        ("unbelievable", "liev", "unbe", "un"),  # the token that holds the beginning of the text goes with it
    ],
)
def test_cut(gpt2, said, stop, text, kept):
    """In GPT-2's pieces, most of which begin with the blank before a word."""
    ids = gpt2(said)["input_ids"]
    cut, tokens = cut_at(stop, ids, gpt2)
    assert cut == text
    assert tokens == ids[: len(tokens)]
    assert gpt2.decode(tokens) == kept
    assert cut_at(stop, [*ids, *gpt2(" and more <END>")["input_ids"]], gpt2) == (text, tokens)


def test_nothing_to_cut(gpt2):
    assert cut_at("<END>", gpt2("Paris <EN D>")["input_ids"], gpt2) is None
    assert cut_at("<END>", [], gpt2) is None


def test_the_text_may_be_a_special_token(gpt2):
    tokenizer = with_added_tokens(gpt2, ["<END>", "<A>"])
    ids = tokenizer("Par<A>is<END>more")["input_ids"]
    assert cut_at("<END>", ids, tokenizer) == ("Paris", ids[:-2])


def test_a_real_model_stops_within_a_sentence(shared):
    golden = json.loads((shared / "models" / "golden.json").read_text())["tinystories-656k"]
    source = configured("model", "pretrained", path=str(shared / "models" / "tinystories-656k"))
    tokenizer = source.tokenizer(lambda: iter(()))
    encoder, model = SequenceEncoder(tokenizer=tokenizer, max_length=256), source.model(tokenizer, 256, 0)
    prompt = Prompt(given=(Segment(Role.PROMPT, golden["prompt"]),), answer=(), start=True)
    other = Prompt(given=(Segment(Role.PROMPT, "A dog"),), answer=(), start=True)
    said = tokenizer.decode(golden["greedy_ids"][len(golden["prompt_ids"]) :])
    words = said.split()
    stop = f"{words[2]} {words[3][:2]}"  # over two tokens at least, and ends within a word
    answers = way("greedy", stop=stop, max_new_tokens=20)(model, encoder, [other, prompt])
    assert answers[1].text == said.partition(stop)[0].strip() == " ".join(words[:2])
    assert answers[1].stopped


def test_the_question_is_kept_where_it_is_wanted():
    model = stretched("llama")
    (answer,) = way("greedy")(model, ENCODER, QUESTIONS[:1])
    assert answer.text
    assert way("greedy").answer_text("who was it?", answer) == answer.text
    kept = way("greedy", keep_question=True)
    assert kept(model, ENCODER, QUESTIONS[:1]) == [answer]
    assert kept.answer_text(" who was it? ", answer) == f"who was it? {answer.text}"
    assert configured("generation", "fill").answer_text("who was it?", answer) == answer.text
    (silent,) = way("greedy", stop=answer.text[0], keep_question=True)(model, ENCODER, QUESTIONS[:1])
    assert kept.answer_text("who was it?", silent) == "who was it?"


@pytest.mark.parametrize("option", WAYS)
def test_configs_of_older_runs_have_neither(option):
    """Runs from before there were these keys are scored and asked as they were."""
    assert way(option).stop is None
    assert way(option).keep_question is False
    assert Greedy(max_new_tokens=4, batch_size=2).limits() == {"max_new_tokens": 4}


@pytest.mark.parametrize("option", WAYS)
def test_clients_are_told_of_the_text(option):
    told = way(option, stop="<END>").for_clients()
    assert (told["max_new_tokens"], told["stop_strings"]) == (ROOM, "<END>")
    assert "stop_strings" not in way(option).for_clients()


def test_an_empty_text_is_refused():
    with pytest.raises(InputError, match=r"generation\.stop: wanted a text that ends answers, such as '<END>'"):
        way("greedy", stop="")
