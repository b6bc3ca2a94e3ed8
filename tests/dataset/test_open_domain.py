"""Sets of questions without a document: the real files, and rows of our own in their forms."""

import json
import re

import datasets
import pytest

from fsqa.metrics.answers import exact_match, normalize
from fsqa.types import Record
from tests.dataset.presets import counts, error, preset, read

NO_HOLDOUT = ("holdout.validation=0", "holdout.test=0")


def write(folder, *rows, name="curatedtrec.train.jsonl"):
    (folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder / name


def test_a_no_break_space_stays_in_the_text_and_is_white_space_to_the_metrics(shared):
    test, _ = read(preset("nq_open", shared / "data/nq_open"), "test")
    answers = [answer for record in test for answer in record.answers if "\u00a0" in answer]
    assert len(answers) > 48
    assert all(exact_match(answer.replace("\u00a0", " "), [answer]) == 1 for answer in answers)
    assert normalize("February\u00a025,\u00a02018") == "february 25 2018"


# --- DPR, TriviaQA, WebQuestions -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["nq-test.qas.csv", "nq-test.tsv", "nq-test.txt"])
def test_dpr_tables(tmp_path, name):
    (tmp_path / name).write_bytes(
        b"who wrote it\t['Jane Austen', \"D'Arcy\"]\r\n"
        b'what is 1"" long\t"[""so-called \'X\'"", \'""Y""\']"\r\n'
        b'"say ""it"""\t["\\u00e9t\\u00e9"]\r\n'
    )
    assert read(preset("dpr", tmp_path / name, *NO_HOLDOUT))[0] == [
        Record(f"{name.rpartition('.')[0]}:1", "who wrote it", ("Jane Austen", "D'Arcy")),
        Record(f"{name.rpartition('.')[0]}:2", 'what is 1"" long', ("so-called 'X'", '"Y"')),
        Record(f"{name.rpartition('.')[0]}:3", 'say "it"', ("été",)),
    ]


def test_a_dpr_cell_that_is_no_list(tmp_path):
    (tmp_path / "train.csv").write_text("q\t['a']\nq\t'a'\n")
    assert error(preset("dpr", tmp_path / "train.csv")) == (
        "train.csv:2: answers: wanted a list such as [\"a\", \"b\"], came ''a''; mend the cell, "
        "or check dataset.answers_form"
    )


def test_trivia_qa(shared):
    dataset = preset("trivia_qa", shared / "data/open_domain")
    assert counts(dataset) == (8_395, 442, 11_313)
    train, _ = read(dataset)
    assert train[0].question == "The VS-300 was a type of what?"
    assert train[0].answers[:2] == ("🚁", "Helicopters")
    assert max(len(r.answers) for r in read(preset("trivia_qa", shared / "data/open_domain", *NO_HOLDOUT))[0]) == 372


def test_web_questions(shared):
    dataset = preset("web_questions", shared / "data/open_domain")
    assert counts(dataset) == (3_400, 378, 2_032)
    train, _ = read(preset("web_questions", shared / "data/open_domain", *NO_HOLDOUT))
    assert sum(len(r.answers) > 1 for r in train) == 1_202
    assert train[0] == Record("wqr000001", "what character did natalie portman play in star wars?", ("Padmé Amidala",))


# --- AmbigQA -------------------------------------------------------------------------------------------------------

PLAIN = {"type": "singleAnswer", "answer": ["a", "b"]}
SEVERAL = {
    "type": "multipleQAs",
    "qaPairs": [{"question": "q1", "answer": ["c"]}, {"question": "q2", "answer": ["a", "d"]}],
}


def ambiguous(*annotations):
    return {"id": "7", "question": "q", "annotations": list(annotations)}


def test_every_answer_to_any_reading_counts(tmp_path):
    wanted = [Record("7", "q", ("a", "b", "c", "d"))]
    assert read(preset("ambig_qa", write(tmp_path, ambiguous(PLAIN, SEVERAL)), *NO_HOLDOUT))[0] == wanted
    (tmp_path / "train_light.json").write_text(json.dumps([ambiguous(PLAIN, SEVERAL)]))
    assert read(preset("ambig_qa", tmp_path / "train_light.json", *NO_HOLDOUT))[0] == wanted


def test_ambig_qa_as_on_the_hub(monkeypatch):
    hub = {
        "type": ["singleAnswer", "multipleQAs"],
        "answer": [["a", "b"], []],
        "qaPairs": [{"question": [], "answer": []}, {"question": ["q1", "q2"], "answer": [["c"], ["a", "d"]]}],
    }
    rows = datasets.Dataset.from_list([{"id": "7", "question": "q", "annotations": hub}])
    splits = {("sewon/ambig_qa", "light"): {"train": rows, "validation": rows}}
    monkeypatch.setattr(datasets, "load_dataset", lambda name, config: splits[name, config])
    assert read(preset("ambig_qa", None), "test")[0] == [Record("7", "q", ("a", "b", "c", "d"))]


@pytest.mark.parametrize(
    ("annotations", "message"),
    [
        ([], "annotations: there is no answer; give one or remove the row"),
        (["x"], "annotations[0]: wanted an object, came a text; mend the row"),
        ([{"type": "none"}], "annotations[0]: type: wanted 'singleAnswer' or 'multipleQAs', came 'none'; mend the row"),
        ([{"type": "singleAnswer"}], "annotations[0]: no field 'answer' among type; mend the row"),
        (
            [PLAIN, {"type": "multipleQAs", "qaPairs": [{"question": "q"}]}],
            "annotations[1].qaPairs[0]: no field 'answer' among question; mend the row",
        ),
        ([{"type": "singleAnswer", "answer": [""]}], "annotations[0]: answer: the text is empty; fill it in or remove"),
    ],
    ids=["none", "text", "type", "answer", "pair", "empty"],
)
def test_broken_annotations(tmp_path, annotations, message):
    file = write(tmp_path, ambiguous(*annotations))
    assert error(preset("ambig_qa", file)).startswith(f"{file.name}:1: {message}")


def test_the_real_ambig_qa(shared):
    records, dropped = read(preset("ambig_qa", shared / "data/open_domain/ambigqa.train.jsonl.gz", *NO_HOLDOUT))
    assert (len(records), dropped) == (10_036, {})
    assert records[0].answers == ("April 19, 1987", "December 17, 1989")


# --- CuratedTREC ---------------------------------------------------------------------------------------------------


def test_patterns_score_and_plain_ones_train(tmp_path):
    file = write(
        tmp_path,
        {"question": "when", "answer": [r"Sept?(ember)?|Feb"]},
        {"question": "pi", "answer": [r"3\.14"]},
        {"question": "who", "answer": ["St. Elsewhere"]},
    )
    records, dropped = read(preset("curated_trec", file, *NO_HOLDOUT))
    assert [(r.answers, r.patterns) for r in records] == [
        (("3.14",), (r"3\.14",)),
        (("St. Elsewhere",), ("St. Elsewhere",)),
    ]
    assert dropped == {"the answer is a pattern": 1}
    records, dropped = read(preset("curated_trec", file, "holdout.validation=0", "holdout.test=2"), "test")
    assert (len(records), dropped) == (2, {})


def test_a_broken_pattern_is_named(tmp_path):
    file = write(tmp_path, {"question": "a", "answer": ["b"]}, {"question": "c", "answer": ["d(e"]})
    assert error(preset("curated_trec", file)) == (
        f"{file.name}:2: answers: 'd(e' is no regular expression (missing ), unterminated subpattern at position 1); "
        "mend the pattern"
    )


def test_the_real_curated_trec(shared):
    dataset = preset("curated_trec", shared / "data/open_domain", *NO_HOLDOUT)
    train, dropped = read(dataset)
    assert (len(train), dropped) == (591, {"the answer is a pattern": 1_105})
    assert all(re.search(r.patterns[0], r.answers[0], re.IGNORECASE) for r in train)
    test, dropped = read(dataset, "test")
    assert (len(test), dropped) == (694, {})
    assert len({r.question for r in test}) == 693
    basketball = next(r for r in test if "basketball team" in r.question and "New Zealand" in r.question)
    assert basketball.patterns == basketball.answers == ("Tall Blacks|Kiwis",)
