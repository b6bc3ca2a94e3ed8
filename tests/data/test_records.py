import hashlib
from collections import Counter

import pytest

from fsqa.data.records import CHUNK, Records, shared_questions, write_records
from fsqa.types import Record

RECORDS = [
    Record(id="1", question="who wrote emma", answers=("jane austen", "austen"), kind="author"),
    Record(id="2", question="où est né zola ? 🚁\n\t", answers=("Paris",), context="Émile Zola, né à Paris…"),
    Record(id="3", question='"quoted" \\ {braces}', answers=("", "\u2028", "日本"), candidates=("a", "b")),
    Record(id="", question="", answers=("x",), kind="author"),
    Record(id="5", question="how long", answers=(), candidates=("c", "c", "d"), relevance=(0, 3, 1)),
    Record(id="6", question="when", answers=("Sept?|Feb",), patterns=("Sept?|Feb", r"\d+")),
]


def write(folder, records, **dropped):
    write_records(folder, iter(records), Counter(dropped))
    return Records(folder)


def test_round_trip(tmp_path):
    records = write(tmp_path / "train", RECORDS)
    assert list(records) == RECORDS
    assert [records[i] for i in range(len(records))] == RECORDS
    assert list(records.column("question")) == [record.question for record in RECORDS]
    assert list(records.column("answers")) == [record.answers for record in RECORDS]
    with pytest.raises(IndexError):
        records[len(RECORDS)]


def test_rows_are_found_across_chunks(tmp_path):
    wanted = [Record(id=str(i), question=f"q{i}", answers=(f"a{i}",)) for i in range(2 * CHUNK + 3)]
    records = write(tmp_path / "train", wanted)
    assert len(records) == len(wanted)
    for i in (0, CHUNK - 1, CHUNK, 2 * CHUNK - 1, 2 * CHUNK, 2 * CHUNK + 2):
        assert records[i] == wanted[i]


def test_empty(tmp_path):
    records = write(tmp_path / "train", [])
    assert len(records) == 0
    assert list(records) == list(records.column("id")) == list(records.texts()) == []


def test_summary_counts(tmp_path):
    summary = write(tmp_path / "train", RECORDS, several=2, empty=1).summary
    assert summary["records"] == 6
    assert summary["dropped"] == {"empty": 1, "several": 2}
    assert summary["kinds"] == {"": 4, "author": 2}
    assert len(summary["sha256"]) == len(hashlib.sha256().hexdigest())


def test_hash_is_of_the_content(tmp_path):
    def digest(name, records):
        return write(tmp_path / name, records).summary["sha256"]

    assert digest("a", RECORDS) == digest("b", RECORDS)
    changed = [*RECORDS[:-1], Record(id="", question="", answers=("y",), kind="author")]
    assert digest("c", changed) != digest("a2", RECORDS)
    assert digest("d", RECORDS[::-1]) != digest("a3", RECORDS)


def test_texts_are_all_there_is_to_read(tmp_path):
    assert list(write(tmp_path / "train", RECORDS[:2]).texts()) == [
        "who wrote emma",
        "jane austen",
        "austen",
        "où est né zola ? 🚁\n\t",
        "Émile Zola, né à Paris…",
        "Paris",
    ]


@pytest.mark.parametrize(
    ("left", "right", "count"),
    [
        ([], ["a"], 0),
        (["a"], [], 0),
        (["who wrote emma"], ["Who  wrote\nEMMA ", "who wrote persuasion"], 1),
        (["a", "b"], ["b", "b", "c", "B"], 3),
        (["straße"], ["STRASSE"], 1),
        (["who wrote emma"], ["who wrote emma?"], 0),
    ],
)
def test_shared_questions_but_for_case_and_white_space(left, right, count):
    assert shared_questions(left, right) == count
