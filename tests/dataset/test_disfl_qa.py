import json

import pytest

from fsqa.types import Record
from tests.dataset.presets import counts, error, preset, read

PAIR = ("Who no when did it end?", "When did it end? ")


def official(*pairs):
    return {f"id{number}": {"original": clean, "disfluent": said} for number, (said, clean) in enumerate(pairs)}


def write(folder, name, value):
    (folder / name).write_text(json.dumps(value))
    return folder / name


def test_the_official_files(tmp_path):
    for name, count in (("train", 3), ("dev", 2), ("test", 1)):
        write(tmp_path, f"{name}.json", official(*[PAIR] * count))
    dataset = preset("disfl_qa", tmp_path)
    assert counts(dataset) == (3, 2, 1)
    assert read(dataset, "test")[0] == [Record("id0", "Who no when did it end?", ("When did it end?",))]


def test_the_list_form(tmp_path):
    rows = [{"input_disfluent": said, "output_original": clean} for said, clean in [PAIR] * 3]
    dataset = preset("disfl_qa", write(tmp_path, "pairs.json", rows), "holdout.validation=1", "holdout.test=1")
    assert counts(dataset) == (1, 1, 1)
    dataset = preset("disfl_qa", tmp_path / "pairs.json", "holdout.validation=0", "holdout.test=0")
    assert read(dataset)[0][:1] == [Record("pairs:[0]", "Who no when did it end?", ("When did it end?",))]


def test_an_empty_side_is_left_out_and_counted(tmp_path):
    write(tmp_path, "train.json", official(PAIR, ("", "When?"), ("Who", " ")))
    records, dropped = read(preset("disfl_qa", tmp_path, "holdout.validation=0", "holdout.test=0"))
    assert [r.id for r in records] == ["id0"]
    assert dropped == {"the question is empty": 1, "the answer is empty": 1}
    assert error(preset("disfl_qa", tmp_path, "empty=refuse")) == (
        "train.json:id1: question: the text is empty; fill it in or remove the row"
    ).replace("train.json", f"{tmp_path.name}/train.json")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "train.json",
            '{"id0": {"original": "x", "disfluant": "y"}}',
            "train.json:id0: wanted the fields 'disfluent' and 'original', or 'input_disfluent' and 'output_original', "
            "or 'input' and 'target', came id, original, disfluant; mend the row",
        ),
        (
            "train.json",
            '{"id0": {"original": "x", "disfluent": 3}}',
            "train.json:id0: question: wanted a text, came int 3;",
        ),
        (
            "a.jsonl",
            '{"input": "x", "target": "y", "split": "tst"}',
            "a.jsonl:1: split: 'tst' stands nowhere in dataset.",
        ),
        ("a.jsonl", '{"input": "x", "target": "y"}\n{', "a.jsonl:2:2: broken JSON"),
    ],
    ids=["fields", "text", "split", "json"],
)
def test_broken_files(tmp_path, name, content, message):
    (tmp_path / name).write_text(content)
    assert error(preset("disfl_qa", tmp_path / name)).startswith(message)


def test_the_real_file_has_one_row_with_an_empty_side(shared):
    dataset = preset("disfl_qa", shared / "data/rewrite/disfl_qa.jsonl.gz")
    train, dropped = read(dataset)
    assert (len(train), dropped) == (5_710, {"the question is empty": 1})
    validation, test = (read(dataset, split) for split in ("validation", "test"))
    assert (len(validation[0]), validation[1]) == (775, {})
    assert (len(test[0]), test[1]) == (2_890, {})
    records = [*train, *validation[0], *test[0]]
    assert all(r.answers == (r.answers[0].strip(),) for r in records)
    assert sum(r.question == r.answers[0] for r in records) == 3
    assert train[0] == Record(
        id="5ad4f40c5b96ef001a10a774",
        question="What is the second level of territorial division in Poland no make that the basic unit of "
        "territorial division in Warsaw?",
        answers=("What is the basic unit of territorial division in Warsaw?",),
    )
