"""What every dataset of files can do with its rows: splits in one file, groups, filters, empty texts, refusals."""

import json

import datasets
import pytest

from fsqa.types import REFUSAL, Record
from tests.dataset.presets import counts, error, preset, read


@pytest.fixture
def write(tmp_path):
    def write(*rows, name="a.jsonl"):
        (tmp_path / name).write_text("".join(json.dumps(row) + "\n" for row in rows))
        return tmp_path / name

    return write


def row(question, **more):
    return {"question": question, "answer": f"{question}!", **more}


# --- splits in one file -------------------------------------------------------------------------------------------


def test_rows_go_to_the_split_that_they_say(write):
    file = write(
        row("a", part="train"), row("b", part="dev"), row("c", part="test"), row("d", part=None), row("e", part=7)
    )
    dataset = preset("jsonl", file, "fields.split=part", "split_values.test=[test,'7']")
    assert [r.question for r in read(dataset)[0]] == ["a", "d"]
    assert [r.id for r in read(dataset, "validation")[0]] == ["a:2"]
    assert [r.question for r in read(dataset, "test")[0]] == ["c", "e"]


def test_a_split_that_no_row_says_is_held_out_of_the_training_rows(write):
    file = write(*(row(f"q{i}", part="train") for i in range(20)), row("x", part="test"))
    assert counts(preset("jsonl", file, "fields.split=part", "holdout.validation=5", "holdout.test=3")) == (15, 5, 1)


def test_files_of_a_folder_may_hold_rows_of_other_splits(write, tmp_path):
    write(row("a", part="test"), row("b", part=None), name="train.jsonl")
    write(row("c", part="train"), row("d", part=None), name="dev.jsonl")
    dataset = preset("jsonl", tmp_path, "fields.split=part")
    found = [[r.id for r in read(dataset, split)[0]] for split in ("train", "validation", "test")]
    assert found == [["train:2", "dev:1"], ["dev:2"], ["train:1"]]


def test_an_unknown_split_is_named_with_its_line(write):
    dataset = preset("jsonl", write(row("a", part="train"), row("b", part="eval")), "fields.split=part")
    assert error(dataset) == (
        "a.jsonl:2: split: 'eval' stands nowhere in dataset.split_values, which has train, validation, valid, val, "
        "dev, test; add it to the split it belongs to, or leave such rows out with dataset.only"
    )
    assert error(preset("jsonl", write(row("a", part="train")), "fields.split=prt")) == (
        "a.jsonl:1: no field 'prt' (dataset.fields.split) among question, answer, part; did you mean 'part'?"
    )


# --- groups -------------------------------------------------------------------------------------------------------


def test_rows_of_one_group_are_held_out_together(write):
    rows = [row(f"{form} {number}", of=number) for number in "abcdefghij" for form in range(4)]
    parts = {}
    for seed in (0, 1):
        overrides = ["fields.group=of", "holdout.validation=0.2", "holdout.test=0.3", f"holdout_seed={seed}"]
        for name, order in (("there", rows), ("back", rows[::-1])):
            dataset = preset("jsonl", write(*order, name=f"{name}.jsonl"), *overrides)
            assert counts(dataset) == (20, 8, 12)
            split = {s: {r.question[-1] for r in read(dataset, s)[0]} for s in ("train", "validation", "test")}
            assert sum(map(len, split.values())) == 10
            assert parts.setdefault(seed, split) == split
    assert parts[0] != parts[1]


# --- which rows there are ------------------------------------------------------------------------------------------


def test_only_the_rows_asked_for_are_taken_before_any_is_held_out(write):
    file = write(*(row(f"q{i}", source="web" if i % 2 else "news", good=i != 3) for i in range(40)))
    dataset = preset("jsonl", file, "only.source=[web]", "only.good=[true]", "holdout.validation=4", "holdout.test=0")
    records, dropped = read(dataset)
    assert (len(records), dropped) == (15, {"not among dataset.only": 21})
    validation, dropped = read(dataset, "validation")
    assert (len(validation), dropped) == (4, {})
    assert all(int(r.question[1:]) % 2 for r in (*records, *validation))
    assert error(preset("jsonl", file, "only.sorce=[web]")) == (
        "a.jsonl:1: no field 'sorce' (dataset.only) among question, answer, source, good; did you mean 'source'?"
    )


def test_empty_rows_are_left_out_and_counted_once_where_that_is_asked_for(write):
    rows = [row(f"q{i}") for i in range(10)]
    file = write(
        row(" "), *rows, {"question": "x", "answer": ""}, {"question": "y", "answer": []}, row("z", answer=["", "b"])
    )
    dataset = preset("jsonl", file, "empty=drop", "holdout.validation=2", "holdout.test=0")
    records, dropped = read(dataset)
    assert len(records) == 8
    assert dropped == {"the question is empty": 1, "the answer is empty": 2, "no answer": 1}
    validation, dropped = read(dataset, "validation")
    assert (len(validation), dropped) == (2, {})


def test_questions_without_answers(write):
    file = write({"question": "who"}, {"question": "what"})
    overrides = ["fields.answers=null", "holdout.validation=0", "holdout.test=0"]
    assert read(preset("jsonl", file, *overrides)) == ([], {"no answer": 2})
    records, dropped = read(preset("jsonl", file, *overrides, "shortest_answer=0", "limit.train=1"))
    assert dropped == {"over dataset.limit.train": 1}
    assert [(r.answers, r.kind) for r in records] == [((), "")]


# --- refusals and contexts -----------------------------------------------------------------------------------------


def test_the_reply_that_refuses_makes_a_refusal(write):
    file = write(
        row("a", answer="Sorry, ask  about\nships."),
        row("b", answer=["sorry, ask about SHIPS."]),
        row("c", answer="Sorry"),
    )
    overrides = ["refusal='Sorry, ask about ships.'", "fields.kind=null", "holdout.validation=0", "holdout.test=0"]
    assert [r.kind for r in read(preset("jsonl", file, *overrides))[0]] == [REFUSAL, REFUSAL, ""]
    overrides[0] = "refusal='Sorry, ask about boats.'"
    assert error(preset("jsonl", file, *overrides)) == (
        "dataset.refusal: no training row has the answer 'Sorry, ask about boats.'; copy it from the data"
    )


def test_a_list_of_texts_as_context_becomes_lines(write):
    file = write(row("a", said=["one", " two "]), row("b", said=[]), row("c", said="three"))
    records, _ = read(preset("jsonl", file, "fields.context=said", "holdout.validation=0", "holdout.test=0"))
    assert [r.context for r in records] == ["one\ntwo", "", "three"]
    assert error(preset("jsonl", write(row("a", said=["one", 2])), "fields.context=said")) == (
        "a.jsonl:1: context: wanted a text, came int 2; mend the row"
    )


def test_a_dataset_on_the_hub_may_have_configurations(monkeypatch):
    splits = {"train": datasets.Dataset.from_list([{"question": "q", "answer": ["x"]}])}
    asked = []
    monkeypatch.setattr(datasets, "load_dataset", lambda *names: asked.append(names) or splits)
    dataset = preset("jsonl", None, "hub=some/set", "hub_config=small", "holdout.validation=0", "holdout.test=0")
    assert read(dataset)[0] == [Record("train:1", "q", ("x",))]
    assert asked == [("some/set", "small")]
