import gzip
import json
from collections import Counter
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from fsqa.config.compose import compose_config
from fsqa.config.instantiate import build
from fsqa.dataset.own_test import REPLACED, WithTest, read_questions
from fsqa.errors import InputError
from fsqa.export.records import write_records
from fsqa.types import SPLITS, Record
from tests.builders import configured


@pytest.fixture
def write(tmp_path):
    def write(*rows: object, name: str = "mine.jsonl") -> Path:
        text = "".join((row if isinstance(row, str) else json.dumps(row, ensure_ascii=False)) + "\n" for row in rows)
        file = tmp_path / name
        file.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
        return file

    return write


def atlas(**changes):
    sizes = {"questions": 196, "validation_questions": 20, "test_questions": 30}
    return configured("dataset", "atlas", **sizes, **changes)


def records(dataset, split):
    dropped = Counter()
    return list(dataset.records(split, dropped)), dict(dropped)


# --- the file -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["mine.jsonl", "mine.jsonl.gz"])
def test_rows(write, name):
    file = write(
        {"question": " Who? ", "answer": " Ada "},
        "",
        {"id": 7, "question": "Where?", "answers": ["here", "there"], "kind": "place", "more": 1},
        {"id": "x", "question": "When?", "answer": "1843", "patterns": ["18[0-9]+"]},
        {"question": "Which?", "answer": "b", "candidates": ["a", "b"], "relevance": [0, 2]},
        name=name,
    )
    assert list(read_questions(file)) == [
        Record(id="mine:1", question="Who?", answers=("Ada",)),
        Record(id="7", question="Where?", answers=("here", "there"), kind="place"),
        Record(id="x", question="When?", answers=("1843",), patterns=("18[0-9]+",)),
        Record(id="mine:5", question="Which?", answers=("b",), candidates=("a", "b"), relevance=(0, 2)),
    ]


@pytest.mark.parametrize(
    ("row", "answers", "starts"),
    [
        ({"answer": "red"}, ("red",), (8,)),
        ({"answers": ["red", "is red"]}, ("red", "is red"), (8, 5)),
        ({"answer": "s"}, ("s",), ()),  # it stands there twice
        ({"answers": ["red", "blue"]}, ("red", "blue"), ()),
        ({"answer": "s", "answer_starts": [6]}, ("s",), (6,)),
        ({"answer": " is", "answer_starts": [4]}, (" is",), (4,)),  # as SQuAD has them, blanks and all
        ({"answer": ""}, ("",), ()),
    ],
)
def test_answers_in_a_context(write, row, answers, starts):
    (record,) = read_questions(write({"question": "colour?", "context": "suns is red ", **row}))
    assert (record.answers, record.answer_starts) == (answers, starts)
    assert record.context == "suns is red "


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ((), " has no questions; wanted one JSON object a line"),
        (("{",), ":1: broken JSON"),
        (("[1]",), ":1: wanted one JSON object a line, came a list"),
        (
            ({"questoin": "a", "answer": "b"},),
            ":1: no field 'question' among questoin, answer; did you mean 'questoin'",
        ),
        (({"question": "a", "anwser": "b"},), ":1: wanted one of 'answer' and 'answers', came neither among question,"),
        (({"question": "a", "answer": "b", "answers": ["b"]},), ":1: wanted one of 'answer' and 'answers', came both"),
        (({"question": "a", "answer": " "},), ":1: answer: the text is empty"),
        (({"question": "a", "answer": ""},), ":1: answer: the text is empty"),
        (('{"question": "a", "answer": "b", "answer": "c"}',), ":1: broken JSON ('answer' stands twice in one object"),
        (({"question": "a", "answer": 3},), ":1: answer: wanted a text or a list of texts, came a whole number"),
        (({"question": "a", "answer": []},), ":1: answer: the list is empty; give an answer"),
        (({"question": "a", "answers": ["b", 3]},), ":1: answers: wanted a text, came int 3"),
        (({"question": "", "answer": "b"},), ":1: question: the text is empty"),
        (({"question": "\ud800", "answer": "b"},), ":1: question: half a surrogate pair"),
        (({"question": "a", "answer": "b", "patterns": ["("]},), ":1: patterns: '(' is no regular expression"),
        (({"question": "a", "answer": "b", "patterns": "x"},), ":1: patterns: wanted a list, came a text"),
        (
            ({"question": "a", "answer": "b", "candidates": ["c"], "relevance": [1, 0]},),
            ":1: relevance: wanted one for each of the 1 candidates, came 2",
        ),
        (
            ({"question": "a", "answer": "b", "answer_starts": [-1]},),
            ":1: answer_starts: wanted whole numbers from 0, came -1",
        ),
        (
            ({"id": 1, "question": "a", "answer": "b"}, "", {"id": "1", "question": "c", "answer": "d"}),
            ":3: the id '1' stands in line 1 already",
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_line(tmp_path, rows, told):
    file = tmp_path / "mine.jsonl"
    file.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
    with pytest.raises(InputError) as caught:
        list(read_questions(file))
    message = str(caught.value)
    assert message.startswith(f"{file}{told}"), message
    assert "\n" not in message


# --- in place of a test split ---------------------------------------------------------------------------------------


def test_only_the_test_is_another(write):
    file = write({"question": "Who?", "answer": "Ada"})
    dataset = WithTest(questions=atlas(), file=str(file))
    for split in ("train", "validation"):
        assert records(dataset, split) == records(atlas(), split)
    assert records(dataset, "test") == ([Record(id="mine:1", question="Who?", answers=("Ada",))], {REPLACED: 30})


def test_rows_held_out_for_the_dataset_own_test_are_not_trained_on(write, tmp_path):
    own = tmp_path / "own.jsonl"
    own.write_text("".join(json.dumps({"question": f"who is {i}?", "answer": str(i)}) + "\n" for i in range(40)))
    inner = configured("dataset", "jsonl", path=str(own))
    dataset = WithTest(questions=inner, file=str(write({"question": "Who?", "answer": "Ada"})))
    train, _ = records(dataset, "train")
    test, dropped = records(dataset, "test")
    assert len(train) == 40 - 2 - 4
    assert len(test) == 1
    assert dropped == {REPLACED: 4}


def test_fingerprint_covers_both(write):
    row = {"question": "Who?", "answer": "Ada"}
    one = WithTest(questions=atlas(), file=str(write(row)))
    before = one.fingerprint()
    assert before == WithTest(questions=atlas(), file=str(write(row))).fingerprint()
    assert before != atlas().fingerprint()
    assert before != WithTest(questions=atlas(seed=1), file=one.file).fingerprint()
    assert before != WithTest(questions=atlas(), file=str(write(row, name="other.jsonl"))).fingerprint()
    write({**row, "answer": "Bob"})
    assert before != one.fingerprint()


def test_a_missing_file_names_the_nearest(write):
    write({"question": "Who?", "answer": "Ada"})
    with pytest.raises(InputError, match=r"test_questions: there is no file .*/mien.jsonl; did you mean 'mine.jsonl'"):
        WithTest(questions=atlas(), file=str(write("", name="x.jsonl").with_name("mien.jsonl"))).fingerprint()


# --- what `fsqa data --output` writes -------------------------------------------------------------------------------


@pytest.mark.parametrize("split", SPLITS)
def test_written_records_are_read_back(tmp_path, split):
    target = tmp_path / "written.jsonl"
    written = write_records(atlas(), split, target)
    wanted, _ = records(atlas(), split)
    assert written.records == len(wanted)
    assert list(read_questions(target)) == wanted


def test_squad_is_read_back_with_the_places_of_its_answers(shared, tmp_path):
    path = shared / "data" / "squad" / "dev-v2.0.json.gz"
    cfg = compose_config(["dataset=squad_v2", f"dataset.path={path}", "dataset.holdout.validation=500"])
    squad = build(OmegaConf.to_container(cfg.dataset))
    target = tmp_path / "squad.jsonl"
    write_records(squad, "validation", target)
    wanted, _ = records(squad, "validation")
    assert len(wanted) >= 500
    assert any(record.answers == ("",) for record in wanted)
    assert any(record.answer_starts for record in wanted)
    assert list(read_questions(target)) == wanted
