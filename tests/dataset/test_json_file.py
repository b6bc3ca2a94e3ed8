import json

import pytest

from fsqa.types import Record
from tests.dataset.presets import counts, error, preset, read


def write(tmp_path, value, name="a.json"):
    (tmp_path / name).write_text(value if isinstance(value, str) else json.dumps(value))
    return tmp_path / name


NO_HOLDOUT = ("holdout.validation=0", "holdout.test=0")


def test_a_list_of_rows(tmp_path):
    file = write(tmp_path, [{"question": "a", "answer": "b"}, {"id": "x", "question": "c", "answer": ["d", "e"]}])
    assert read(preset("json", file, *NO_HOLDOUT))[0] == [
        Record("a:[0]", "a", ("b",)),
        Record("x", "c", ("d", "e")),
    ]


def test_rows_under_their_ids(tmp_path):
    file = write(tmp_path, {"7": {"question": "a", "answer": "b"}, "8": {"id": "own", "question": "c", "answer": "d"}})
    assert [r.id for r in read(preset("json", file, *NO_HOLDOUT))[0]] == ["7", "own"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[\n1,", "a.json:2:3: broken JSON (Expecting value); fetch the file again"),
        ("3", "a.json: wanted a list of rows, or an object of rows by their ids, came a whole number"),
        ("[]", "a.json has no rows; remove it, or give other files in dataset.files.train"),
        ('{"7": []}', "a.json:7: wanted an object, came a list; mend the row"),
        ('[{}, "x"]', "a.json:[1]: wanted an object, came a text; mend the row"),
        ('[{"question": "a"}]', "a.json:[0]: no field 'answer' (dataset.fields.answers) among question"),
        (
            '{"7": {"question": "a", "answer": "b"}, "7": {"question": "c", "answer": "d"}}',
            "a.json: JSON that cannot be read ('7' stands twice in one object, and only one of them would be read); "
            "mend it or fetch the file again",
        ),
    ],
    ids=["broken", "number", "empty", "row_of_object", "row_of_list", "field", "id_twice"],
)
def test_broken_files(tmp_path, content, message):
    if content.startswith("[{}"):
        content = content.replace("{}", '{"question": "a", "answer": "b"}')
    assert error(preset("json", write(tmp_path, content))) == message


def test_pubmed_qa(shared):
    dataset = preset("pubmed_qa", shared / "data/refusal/pubmedqa.ori_pqal.json.gz")
    assert counts(dataset) == (850, 50, 100)
    test, _ = read(dataset, "test")
    assert {kind: sum(r.kind == kind for r in test) for kind in ("yes", "no", "maybe")} == {
        "yes": 55,
        "no": 34,
        "maybe": 11,
    }
    assert all(r.answers == (r.kind,) for r in test)
    record = next(r for r in test if r.id == "21645374")
    assert record.question.startswith("Do mitochondria play a role")
    assert [line[:25] for line in record.context.split("\n")] == [
        "Programmed cell death (PC",
        "The following paper eluci",
    ]
