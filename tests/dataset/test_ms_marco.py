import json

import datasets
import pytest

from fsqa.errors import InputError
from fsqa.types import Record
from tests.dataset.presets import counts, error, preset, read

NO_HOLDOUT = ("holdout.validation=0", "holdout.test=0")
PASSAGES = {"passage_text": ["one", "two ", "one"], "is_selected": [0, 1, 1], "url": ["a", "b", "c"]}


def query(number, passages=PASSAGES, **more):
    row = {
        "query_id": number,
        "query": f"q{number}",
        "query_type": "NUMERIC",
        "answers": ["x", "y"],
        "passages": passages,
    }
    return {**row, **more}


@pytest.fixture
def write(tmp_path):
    def write(*rows, name="train.jsonl"):
        (tmp_path / name).write_text("".join(json.dumps(row) + "\n" for row in rows))
        return tmp_path / name

    return write


def test_training_has_one_record_for_each_selected_passage(write):
    unselected = {"passage_text": ["one"], "is_selected": [0]}
    file = write(query(7), query(8, unselected), query(9, answers=[""]))
    records, dropped = read(preset("ms_marco", file, *NO_HOLDOUT))
    assert records == [
        Record("7#2", "q7", ("x", "y"), context="two", kind="numeric"),
        Record("7#3", "q7", ("x", "y"), context="one", kind="numeric"),
        Record("9#2", "q9", (), context="two", kind="numeric"),
        Record("9#3", "q9", (), context="one", kind="numeric"),
    ]
    assert dropped == {"no selected passage": 1}
    _, dropped = read(preset("ms_marco", file, *NO_HOLDOUT, "shortest_answer=1"))
    assert dropped == {"no selected passage": 1, "no answer": 1}


def test_elsewhere_a_query_stands_with_all_its_passages(write, tmp_path):
    write(query(1))
    unselected = {"passage_text": ["one"], "is_selected": [False]}
    write(query(7), query(8, unselected, answers=["No Answer Present."]), name="test.jsonl")
    records, dropped = read(preset("ms_marco", tmp_path), "test")
    assert records == [
        Record("7", "q7", ("x", "y"), "two", "numeric", candidates=("one", "two", "one"), relevance=(0, 1, 1)),
        Record("8", "q8", (), "", "numeric", candidates=("one",), relevance=(0,)),
    ]
    assert dropped == {}


def test_passages_as_a_list_of_objects(write, tmp_path):
    passages = [{"passage_text": "one", "is_selected": 0}, {"passage_text": "two", "is_selected": 1}]
    write(query(7, passages), name="test.jsonl")
    write(query(1))
    records, _ = read(preset("ms_marco", tmp_path), "test")
    assert (records[0].candidates, records[0].relevance) == (("one", "two"), (0, 1))


@pytest.mark.parametrize(
    ("relevant", "context", "selected"),
    [(1, "one", ["7#1", "7#3"]), (2, "three", ["7#3"])],
    ids=["related", "relevant"],
)
def test_grades_go_before_selections_and_no_grade_is_none(write, tmp_path, relevant, context, selected):
    passages = {"passage_text": ["one", "two", "three"], "relevance": [1, None, 3], "is_selected": [0, 0, 1]}
    write(query(7, passages))
    write(query(7, passages), name="test.jsonl")
    dataset = preset("ms_marco", tmp_path, f"relevant={relevant}", "holdout.validation=0")
    record = read(dataset, "test")[0][0]
    assert (record.relevance, record.context) == ((1, 0, 3), context)
    assert [r.id for r in read(dataset)[0]] == selected


def test_a_holdout_never_parts_a_query(write):
    file = write(*(query(number) for number in range(30)))
    dataset = preset("ms_marco", file, "holdout.validation=5", "holdout.test=10")
    assert counts(dataset) == (30, 5, 10)
    ids = [{r.id.split("#")[0] for r in read(dataset, split)[0]} for split in ("train", "validation", "test")]
    assert len(set.union(*ids)) == sum(map(len, ids)) == 30


def test_rows_as_on_the_hub(monkeypatch):
    rows = [query(7, wellFormedAnswers=[]), query(8, wellFormedAnswers=[])]
    splits = {"train": datasets.Dataset.from_list(rows), "validation": datasets.Dataset.from_list(rows)}
    monkeypatch.setattr(
        datasets, "load_dataset", lambda name, config: {("microsoft/ms_marco", "v2.1"): splits}[name, config]
    )
    dataset = preset("ms_marco", None, "holdout.validation=1")
    assert counts(dataset) == (2, 1, 2)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"passages": []}, "passages: the list is empty; give the passages or remove the row"),
        ({"passages": "p"}, "passages: wanted a list of objects, came a text; mend the row"),
        ({"passages": ["p"]}, "passages[0]: wanted an object, came a text; mend the row"),
        (
            {"passages": {"passage_text": ["a", "b"], "is_selected": [1]}},
            "passages: wanted lists of one length, came passage_text 2, is_selected 1; mend the row",
        ),
        ({"passages": [{"text": "a"}]}, "passages[0]: no field 'passage_text' among text; mend the row"),
        ({"passages": [{"passage_text": "a"}]}, "passages[0]: no field 'is_selected' among passage_text; mend the row"),
        (
            {"passages": [{"passage_text": "a", "is_selected": "1"}]},
            "passages[0]: is_selected: wanted a whole number from 0 on, came '1'; mend the row",
        ),
        (
            {"passages": [{"passage_text": "a", "relevance": -1}]},
            "passages[0]: relevance: wanted a whole number from 0 on, came -1; mend the row",
        ),
        (
            {"passages": [{"passage_text": None, "is_selected": 0}]},
            "passages[0]: passage_text: wanted a text, came None",
        ),
        ({"answers": "x"}, "answers: wanted a list of texts, came a text; mend the row"),
        ({"answers": [3]}, "answers: wanted a text, came int 3; mend the row"),
    ],
    ids=["none", "text", "texts", "lengths", "no_text", "no_mark", "mark", "grade", "null", "answers", "number"],
)
def test_broken_rows(write, change, message):
    found = error(preset("ms_marco", write(query(1), {**query(2), **change})))
    assert found.startswith("train.jsonl:2: ")
    assert message in found


def test_a_row_without_passages(write):
    row = query(1)
    del row["passages"]
    assert error(preset("ms_marco", write(row))) == (
        "train.jsonl:1: no field 'passages' among query_id, query, query_type, answers; mend the row"
    )


def test_the_grade_of_a_selected_passage_is_at_least_1(write):
    with pytest.raises(InputError, match=r"dataset.relevant is 0; wanted the grade of a selected passage, 1 or more"):
        preset("ms_marco", write(query(1)), "relevant=0")


# --- the real files ------------------------------------------------------------------------------------------------


def test_the_real_sample(shared):
    file = shared / "data/ranking/msmarco_v1.1_sample.jsonl"
    records, dropped = read(preset("ms_marco", file, *NO_HOLDOUT))
    assert (len(records), dropped) == (129 + 2 * 14, {"no selected passage": 9})
    assert {r.kind for r in records} == {"description", "numeric", "location", "entity", "person"}
    dataset = preset("ms_marco", file)
    assert counts(dataset) == (137, 8, 15)
    test, _ = read(dataset, "test")
    assert all(len(r.candidates) == len(r.relevance) for r in test)
    whole = preset("ms_marco", file, "holdout.validation=0", "holdout.test=151")
    test, _ = read(whole, "test")
    assert sum(not r.answers for r in test) == 5
    assert sum(len(set(r.candidates)) < len(r.candidates) for r in test) == 4
    assert {len(r.candidates) for r in test} == set(range(3, 11))


def test_the_real_graded_passages_keep_their_order(shared):
    file = shared / "data/ranking/msmarco_dl19_bm25_top100.jsonl.gz"
    dataset = preset("passage_ranking", file, "holdout.validation=0", "holdout.test=42")
    train, dropped = read(dataset)
    test, _ = read(dataset, "test")
    assert len(test) == 42
    train_query = {r.id.split("#")[0] for r in train} | set()
    assert len(train_query) == 1 - sum(dropped.values())
    assert all(len(r.candidates) == len(r.relevance) == 100 for r in test)
    assert sum(not r.context for r in test) + sum(dropped.values()) == 1
    flea = next(r for r in test if r.id == "264014")
    assert flea.relevance[:3] == (2, 3, 3)
    assert flea.candidates[1].startswith("The life cycle of a flea can last anywhere from 20 days")
    whole, dropped = read(preset("passage_ranking", file, *NO_HOLDOUT))
    assert (len(whole), dropped) == (566 + 280, {"no selected passage": 1})


def test_the_real_wikiqa_and_noveleval(shared):
    dataset = preset("wikiqa", shared / "data/ranking")
    assert counts(dataset) == (1_040, 126, 243)
    test, _ = read(dataset, "test")
    assert (sum(len(r.candidates) for r in test), sum(map(sum, (r.relevance for r in test)))) == (2_351, 293)
    assert test[0].question == "HOW AFRICAN AMERICANS WERE IMMIGRATED TO THE US"
    novel = preset("passage_ranking", shared / "data/ranking/noveleval.jsonl.gz", *NO_HOLDOUT)
    assert len(read(novel)[0]) == 90
