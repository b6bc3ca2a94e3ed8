"""Sources of questions without answers: CLINC150 and SelfAware."""

import json

import pytest

from fsqa.types import Record
from tests.dataset.presets import counts, error, preset, read


def clinc(folder, value):
    (folder / "data.json").write_text(json.dumps(value))
    return folder / "data.json"


def test_clinc150_has_splits_and_intents(tmp_path):
    value = {
        "oos_train": [["a broken shoe", "oos"]],
        "train": [["say hi", "greeting"], ["my balance", "balance"]],
        "oos_val": [["x", "oos"]],
        "test": [["hello", "greeting"]],
    }
    dataset = preset("clinc150", clinc(tmp_path, value), "holdout.test=0")
    assert read(dataset) == (
        [Record("data:oos_train[0]", "a broken shoe", (), kind="oos")],
        {"not among dataset.only": 3},
    )
    dataset = preset("clinc150", clinc(tmp_path, value), "only.intent=[oos,greeting]")
    assert [r.id for split in ("train", "validation", "test") for r in read(dataset, split)[0]] == [
        "data:oos_train[0]",
        "data:train[0]",
        "data:oos_val[0]",
        "data:test[0]",
    ]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([], "data.json: wanted an object of splits, came a list; is this CLINC150's JSON?"),
        ({"train": {}}, "data.json:train: wanted a list, came an object; is this CLINC150's JSON?"),
        ({"train": [["a"]]}, "data.json:train[0]: wanted [text, intent], came ['a']; mend the pair"),
        (
            {"train": [["a", "oos"], [3, "oos"]]},
            "data.json:train[1]: question: wanted a text, came int 3; mend the row",
        ),
        (
            {"trein": [["a", "oos"]]},
            "data.json:trein[0]: split: 'trein' stands nowhere in dataset.split_values, which has",
        ),
    ],
    ids=["list", "object", "pair", "text", "split"],
)
def test_broken_clinc150(tmp_path, value, message):
    assert error(preset("clinc150", clinc(tmp_path, value))).startswith(message)


def test_the_real_clinc150(shared):
    file = shared / "data/refusal/clinc150.data_full.json.gz"
    assert counts(preset("clinc150", file)) == (100, 100, 1_000)
    dataset = preset("clinc150", file, "only.intent=[oos,translate]")
    assert counts(dataset) == (200, 120, 1_030)
    assert {(r.kind, r.answers) for r in read(dataset)[0]} == {("oos", ()), ("translate", ())}


def test_the_real_self_aware(shared):
    dataset = preset("self_aware", shared / "data/refusal/selfaware.jsonl.gz")
    assert counts(dataset) == (877, 52, 103)
    records, dropped = read(dataset)
    assert dropped == {"not among dataset.only": 2_337}
    assert {(r.kind, r.answers) for r in records} == {("SelfAware", ())}
