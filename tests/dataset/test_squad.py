import gzip
import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from fsqa.dataset.holdout import carve_whole
from fsqa.dataset.squad import Squad
from fsqa.errors import InputError
from fsqa.types import SPLITS

CONTEXT = "  Emma was written by Jane Austen, in Hampshire. Jane Austen  died in 1817. "


def question(identity, text="who wrote it", answers=((" Jane", 21),), **more):
    pairs = [{"text": answer, "answer_start": start} for answer, start in answers]
    return {"id": identity, "question": text, "answers": pairs, **more}


def article(title, *questions, context=CONTEXT):
    return {"title": title, "paragraphs": [{"context": context, "qas": list(questions)}]}


def write(path: Path, *articles):
    text = json.dumps({"version": "1.1", "data": list(articles)})
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


def squad(path, **changes):
    """The options of conf/dataset/squad.yaml, without a holdout or a limit."""
    options = {
        "path": str(path),
        "files": {"train": "train*", "test": "dev*"},
        "hub": None,
        "hub_config": None,
        "hub_splits": {},
        "fields": {"id": "id", "question": "question", "answers": "answers", "context": "context", "kind": None},
        "split_values": {},
        "only": {},
        "empty": "refuse",
        "refusal": None,
        "answers": "first",
        "shortest_answer": 0,
        "whole": "article",
        "holdout": {},
        "holdout_seed": 0,
        "limit": {},
    }
    return Squad(**{**options, **changes})


def read(dataset, split="train"):
    dropped = Counter()
    return list(dataset.records(split, dropped)), dropped


def test_texts_stay_as_they_are(tmp_path):
    file = write(
        tmp_path / "train.json",
        article(
            "Emma",
            question("1", " who wrote it \n"),
            question("2", "when", [("1817", 70), ("in 1817", 67), ("1817", 70)]),
        ),
    )
    records, dropped = read(squad(file))
    assert [(r.id, r.question) for r in records] == [("1", "who wrote it"), ("2", "when")]
    assert all(r.context == CONTEXT and r.kind == "answerable" for r in records)
    assert [r.answers for r in records] == [(" Jane",), ("1817", "in 1817")]
    assert [r.answer_starts for r in records] == [(21,), (70, 67)]
    assert not dropped
    for record in records:
        for answer, start in zip(record.answers, record.answer_starts, strict=True):
            assert record.context.startswith(answer, start)


def test_unanswerable_questions(tmp_path):
    file = write(tmp_path / "x.json.gz", article("Emma", question("1", answers=(), is_impossible=True), question("2")))
    records, _ = read(squad(file))
    assert [(r.kind, r.answers, r.answer_starts) for r in records] == [
        ("unanswerable", ("",), ()),
        ("answerable", (" Jane",), (21,)),
    ]


def test_answers_that_do_not_stand_where_the_file_says(tmp_path):
    """Another answer of the question steps in; without one the question is left out, and counted."""
    file = write(
        tmp_path / "x.json",
        article("Emma", question("1", answers=(("Jane", 0), ("Austen", 27))), question("2", answers=(("Jane", 1),))),
    )
    records, dropped = read(squad(file))
    assert [(r.answers, r.answer_starts) for r in records] == [(("Austen", "Jane"), (27, -1))]
    assert dropped == {"the answer does not stand at its answer_start": 1}
    records, dropped = read(squad(file, answers="all"))
    assert [(r.id, r.answers) for r in records] == [("1#1", ("Austen", "Jane"))]
    assert dropped.total() == 2


def test_every_answer_is_trained_on_with_its_own_place(tmp_path):
    file = write(tmp_path / "x.json", article("Emma", question("1", answers=(("Jane", 22), ("Austen", 27)))))
    records, _ = read(squad(file, answers="all"))
    assert [(r.id, r.answers[0], r.answer_starts[0]) for r in records] == [("1#1", "Jane", 22), ("1#2", "Austen", 27)]


def test_rows_as_on_the_hub(tmp_path, monkeypatch):
    rows = [
        {
            "id": "1",
            "title": "Emma",
            "context": CONTEXT,
            "question": "who",
            "answers": {"text": [], "answer_start": []},
        },
        {
            "id": "2",
            "title": "Emma",
            "context": CONTEXT,
            "question": "who",
            "answers": {"text": ["Jane"], "answer_start": [22]},
        },
    ]
    dataset = squad("", hub="somebody/squad", hub_splits={"train": "train"})
    monkeypatch.setattr(type(dataset), "_rows", lambda self, source: enumerate(rows, 1))
    records, _ = read(dataset)
    assert [(r.id, r.answers, r.answer_starts) for r in records] == [("1", ("",), ()), ("2", ("Jane",), (22,))]


@pytest.mark.parametrize("whole", ["article", "paragraph"])
def test_no_paragraph_stands_in_two_splits(tmp_path, whole):
    def paragraphs(number):
        return [
            {
                "context": f"{number} {part} Jane",
                "qas": [question(f"{number}-{part}-{i}", answers=()) for i in range(5)],
            }
            for part in range(2)
        ]

    data = [{"title": f"article {i}", "paragraphs": paragraphs(i)} for i in range(20)]
    file = write(tmp_path / "dev.json", *data)
    holdout = {"validation": 0.1, "test": 33}
    splits = {split: read(squad(file, whole=whole, holdout=holdout), split)[0] for split in SPLITS}
    assert sum(map(len, splits.values())) == 200
    assert (len(splits["validation"]), len(splits["test"])) == ((20, 40) if whole == "article" else (20, 35))
    place = 1 if whole == "article" else 2
    keys = [{" ".join(r.context.split()[:place]) for r in records} for records in splits.values()]
    assert sum(map(len, keys)) == len(set.union(*keys))
    larger = read(squad(file, whole=whole, holdout={"validation": 0.5, "test": 33}), "test")[0]
    assert larger == splits["test"], "whatever the size of validation"
    moved = write(tmp_path / "moved.json", *reversed(data))
    again = {r.id for r in read(squad(moved, whole=whole, holdout=holdout), "test")[0]}
    assert again == {r.id for r in splits["test"]}, "in whatever order the articles come"
    other = {r.id for r in read(squad(file, whole=whole, holdout=holdout, holdout_seed=1), "test")[0]}
    assert other != again


def test_carve_whole():
    groups = np.array([0, 1, 1, 2, 3, 3, 3])
    parts = carve_whole(groups, [3, 1, 0, 2], {"test": 2, "validation": 1})
    assert {split: np.flatnonzero(mask).tolist() for split, mask in parts.items()} == {
        "test": [4, 5, 6],
        "validation": [3],
        "train": [0, 1, 2],
    }
    with pytest.raises(InputError, match=r"dataset\.holdout takes all 4 groups"):
        carve_whole(groups, [3, 1, 0, 2], {"test": 6, "validation": 1})


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("[]", "FILE: wanted an object, came a list"),
        ("{}", "FILE: no field 'data' among none"),
        ('{"data": {}}', "FILE:data: wanted a list, came an object"),
        ('{"data": [3]}', r"FILE:data\[0\]: wanted an object, came a whole number"),
        ('{"data": [{"paragraphs": [{"qas": []}]}]}', r"FILE:data\[0\]\.paragraphs\[0\]: no field 'context' among qas"),
        (
            '{"data": [{"paragraphs": [{"context": null, "qas": []}]}]}',
            r"FILE:data\[0\]\.paragraphs\[0\]\.context: wanted a text, came null",
        ),
        ('{"data": [', "FILE:1:11: broken JSON"),
        ("\ud800", "FILE: not UTF-8"),
        ('{"data": []}', "FILE has no rows"),
    ],
)
def test_broken_files(tmp_path, content, told):
    file = tmp_path / "x.json"
    file.write_bytes(content.encode(errors="surrogatepass"))
    with pytest.raises(InputError, match=told.replace("FILE", str(file))):
        read(squad(file))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"question": 3}, "question: wanted a text, came a whole number"),
        ({"question": " "}, "question: the text is empty"),
        ({"question": "\ud800"}, "question: half a surrogate pair"),
        ({"id": 5}, "id: wanted a text, came a whole number"),
        ({"answers": "Jane"}, "answers: wanted a list of answers, came a text"),
        (
            {"answers": {"text": ["Jane", "Jane Austen"], "answer_start": [0]}},
            "answers: wanted an answer_start for every text, came 1 for 2",
        ),
        ({"answers": [{"text": "Jane"}]}, r"answers\[0\]: no field 'answer_start' among text"),
        ({"answers": [{"text": "", "answer_start": 0}]}, r"answers\[0\]\.text: the text is empty"),
        ({"answers": [{"text": "Jane", "answer_start": "9"}]}, r"answers\[0\]\.answer_start: wanted a whole number"),
        ({"is_impossible": True}, "is_impossible is true and there are answers"),
    ],
)
def test_broken_questions(tmp_path, changes, told):
    file = write(tmp_path / "x.json", article("Emma", question("0"), {**question("1"), **changes}))
    with pytest.raises(InputError, match=rf"x\.json:data\[0\]\.paragraphs\[0\]\.qas\[1\][.:] ?{told}"):
        read(squad(file))


def test_two_questions_with_one_id(tmp_path):
    file = write(tmp_path / "x.json", article("Emma", question("1"), question("1")))
    with pytest.raises(InputError, match=r"qas\[1\]: the id '1' stands at .*qas\[0\] already"):
        read(squad(file))


def test_broken_gzip(tmp_path):
    file = write(tmp_path / "x.json.gz", article("Emma", question("1")))
    file.write_bytes(file.read_bytes()[:-20])
    with pytest.raises(InputError, match="broken gzip data"):
        read(squad(file))


def test_articles_without_a_title(tmp_path):
    file = write(tmp_path / "x.json", article("", question("1")), article("b", question("2")))
    with pytest.raises(InputError, match=r"no title; set dataset\.whole=paragraph"):
        read(squad(file, holdout={"validation": 1}))


def test_the_real_files(shared):
    """The official counts, and a paragraph of one split in no other."""
    folder = shared / "data/squad"
    dataset = squad(folder / "dev-v2.0.json.gz", holdout={"validation": 0.1, "test": 0.2})
    splits = {split: read(dataset, split)[0] for split in SPLITS}
    kinds = Counter(record.kind for records in splits.values() for record in records)
    assert kinds == {"answerable": 5928, "unanswerable": 5945}
    contexts = [{record.context for record in records} for records in splits.values()]
    assert sum(map(len, contexts)) == len(set.union(*contexts)) == 1204
    files = {"train": "dev-v2*", "validation": None, "test": "dev-v1*"}
    test, dropped = read(squad(folder, files=files), "test")
    assert len(test) == 10570
    assert not dropped
