import json

import pytest
from transformers import GPT2Tokenizer

from fsqa.encode.sequence import SequenceEncoder
from fsqa.errors import InputError
from fsqa.finished import find_run, load_model
from fsqa.model.tokenizer import read_tokenizer, with_added_tokens
from fsqa.prompt import Template
from fsqa.types import Prompt, Record, Role, Segment
from tests.builders import configured, learned
from tests.commands.lines import call, read_lines, refusal, train

RECORD = Record(id="1", question="where does she live?", answers=("in Bergen,\nby the sea", "Bergen"))
TAGS = ["<QUESTION>", "<END>"]


def tagged(**changes: object):
    return configured("prompt", "tagged", **changes)


def tagged_text(**changes: object):
    return configured("prompt", "tagged_text", **changes)


def gpt2(shared):
    return GPT2Tokenizer.from_pretrained(shared / "models" / "gpt2-tokenizer")


def test_a_row_in_special_tokens(shared):
    tokenizer = with_added_tokens(gpt2(shared), TAGS)
    layout = tagged().bound(tokenizer)
    (row,) = SequenceEncoder(tokenizer=tokenizer, max_length=64).examples([layout(RECORD)], ["row"])
    question, end = tokenizer.convert_tokens_to_ids(TAGS)
    assert (question, end) == (50257, 50258)
    assert tokenizer.decode(row.ids) == "<|endoftext|>where does she live? <QUESTION>\nin Bergen,\nby the sea<END>"
    assert row.ids.tolist().count(question) == row.ids.tolist().count(end) == 1
    answer = tokenizer(RECORD.answers[0])["input_ids"]
    assert row.ids[-len(answer) - 1 :].tolist() == [*answer, end]
    given = len(row.ids) - len(answer) - 1
    assert row.roles.tolist() == [Role.PROMPT] * given + [Role.ANSWER] * len(answer) + [Role.END]


@pytest.mark.parametrize("make", [gpt2, lambda _: learned()], ids=["gpt2", "learned"])
def test_the_end_tag_is_the_end_token_also_of_a_saved_tokenizer(shared, tmp_path, make):
    tokenizer = with_added_tokens(make(shared), TAGS)
    start = tokenizer.bos_token
    layout = tagged().bound(tokenizer)
    assert (tokenizer.eos_token, tokenizer.bos_token) == ("<END>", start)
    tokenizer.save_pretrained(tmp_path)
    again = read_tokenizer(str(tmp_path), None)
    assert again.eos_token == "<END>"
    assert tagged().bound(again)(RECORD) == layout(RECORD)
    ids = again("Bergen<QUESTION><END>", add_special_tokens=False)["input_ids"]
    assert again.decode(ids, skip_special_tokens=True) == "Bergen"


@pytest.mark.parametrize(
    ("added", "lacking"), [([], "<QUESTION>"), (["<END>"], "<QUESTION>"), (["<QUESTION>"], "<END>")]
)
def test_a_tokenizer_without_the_tags_is_refused(added, lacking):
    with pytest.raises(InputError) as refused:
        tagged().bound(with_added_tokens(learned(), added))
    assert str(refused.value) == (
        f"prompt: the tokenizer has no special token '{lacking}'; set \"model.added_tokens=['<QUESTION>','<END>']\", "
        "or take prompt=tagged_text, which writes the tags as plain text"
    )


def test_a_row_in_plain_text(shared):
    tokenizer = gpt2(shared)
    layout = tagged_text().bound(tokenizer)
    assert layout(RECORD) == Prompt(
        given=(Segment(Role.PROMPT, "where does she live? <QUESTION>\n"),),
        answer=(Segment(Role.ANSWER, "in Bergen,\nby the sea <END>"),),
        start=True,
    )
    assert isinstance(layout, Template)
    (row,) = SequenceEncoder(tokenizer=tokenizer, max_length=64).examples([layout(RECORD)], ["row"])
    assert tokenizer.eos_token_id == row.ids[-1] == 50256
    assert tokenizer.convert_ids_to_tokens(row.ids[-4:-1].tolist()) == ["Ġ<", "END", ">"]


@pytest.mark.parametrize(
    ("make", "changes", "told"),
    [
        (tagged, {"end": "<END> "}, "prompt.tags, prompt.end: wanted tokens without blanks around them, such as <END>"),
        (tagged, {"tags": [""]}, "prompt.tags, prompt.end: wanted tokens without blanks around them, such as <END>"),
        (tagged, {"tags": ["<Q>"]}, "prompt.tags: '<Q>' stands in none of prompt.segments; take it out, or put it in"),
        (
            tagged,
            {"segments": [{"prompt": "{question} <QUESTION>"}, {"answer": "{answer} <END>"}]},
            "prompt.segments: the end token '<END>' follows every answer by itself; take it out of them",
        ),
        (tagged_text, {"end": " "}, "prompt.end: wanted a text that ends answers, such as ' <END>', got ' '"),
        (tagged_text, {"segments": []}, "prompt.segments: wanted at least a prompt and an answer segment, got none"),
    ],
)
def test_refused(make, changes, told):
    with pytest.raises(InputError) as refused:
        make(**changes)
    assert str(refused.value).startswith(told)


LEARN = (
    "trainer.max_steps=60",
    "trainer.val_check_interval=30",
    "optimizer.lr=0.01",
    "callbacks.best.monitor=val/answer_nll",
    "callbacks.best.mode=min",
    "generation.max_new_tokens=24",
)
SPECIAL = ("prompt=tagged", "model.added_tokens=['<QUESTION>','<END>']")
PLAIN = ("prompt=tagged_text", "generation.stop='<END>'", "max_length=96")


@pytest.mark.parametrize("words", [SPECIAL, PLAIN], ids=["special", "plain"])
def test_a_run_ends_its_answers_at_the_tag(words, tmp_path):
    """From training to asking again: answers end, hold no tag, and are those of transformers on the saved model."""
    run = train(tmp_path / "outputs", *LEARN, *words)
    rows = read_lines(run / "predictions.jsonl")
    assert sum(row["stopped"] for row in rows) > len(rows) / 2
    assert not any("<END" in row["prediction"] or "<QUESTION" in row["prediction"] for row in rows)
    again = call("evaluate", run, "--json")
    assert again.code == 0, again.err
    assert json.loads(again.out) == json.loads((run / "metrics.json").read_text())["test"]
    asked = call("ask", run, rows[0]["question"], "--json")
    assert json.loads(asked.out) == {
        "question": rows[0]["question"], "answer": rows[0]["prediction"], "stopped": rows[0]["stopped"],
    }  # fmt: skip

    model, tokenizer = load_model(find_run(run))
    for row in rows[:5]:
        given = f"<|start|>{row['question']} <QUESTION>\n"
        ids = tokenizer(given, add_special_tokens=False, return_tensors="pt")["input_ids"]
        said = model.generate(input_ids=ids, do_sample=False, max_new_tokens=24)[0, ids.shape[1] :]
        text = tokenizer.decode(said, skip_special_tokens=True)
        assert row["prediction"] == text.partition("<END>")[0].strip()


def test_the_special_form_is_refused_without_its_tokens_and_the_plain_one_without_its_stop(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert "set \"model.added_tokens=['<QUESTION>','<END>']\"" in refusal(call("train", "prompt=tagged"))
    assert refusal(call("train", "prompt=tagged_text")) == (
        "generation.stop: answers are learned with ' <END>' behind them, which is plain text and would be taken for a "
        "part of them; set \"generation.stop='<END>'\""
    )
    assert "generation.stop='<END>'" in refusal(call("train", "prompt=tagged_text", "generation.stop='<QUESTION>'"))
