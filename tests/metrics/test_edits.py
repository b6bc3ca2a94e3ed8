import gzip
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from torchmetrics.functional.text import char_error_rate, word_error_rate

from fsqa.metrics.edits import edit_distance, edit_rate

texts = st.text("ab c", max_size=90)


def by_the_table(said, wanted):
    row = list(range(len(wanted) + 1))
    for i, symbol in enumerate(said, 1):
        row, before = [i], row
        for j, other in enumerate(wanted, 1):
            row.append(min(before[j] + 1, row[-1] + 1, before[j - 1] + (symbol != other)))
    return row[-1]


@pytest.mark.parametrize(
    ("said", "wanted", "edits"),
    [
        ("", "", 0),
        ("", "abc", 3),
        ("abc", "", 3),
        ("kitten", "sitting", 3),
        ("intention", "execution", 5),
        ("ab", "ba", 2),  # no transposition
        ("x" * 200, "x" * 100 + "y" * 100, 100),  # longer than a word of the machine
    ],
)
def test_by_hand(said, wanted, edits):
    assert edit_distance(said, wanted) == edits


@given(texts, texts)
def test_as_the_table_has_it(said, wanted):
    assert edit_distance(said, wanted) == by_the_table(said, wanted) == edit_distance(wanted, said)
    assert edit_distance(said.split(), wanted.split()) == by_the_table(said.split(), wanted.split())


@given(texts, texts, texts)
def test_the_way_round_is_no_shorter(one, two, three):
    assert edit_distance(one, three) <= edit_distance(one, two) + edit_distance(two, three)


def test_real_rewrites_as_torchmetrics(shared):
    with gzip.open(shared / "data/rewrite/disfl_qa.jsonl.gz", "rt", encoding="utf-8") as stream:
        rows = [row for row in map(json.loads, stream) if row["split"] == "dev"][:200]
    inputs, targets = [row["input"] for row in rows], [row["target"] for row in rows]
    for theirs, parts in ((word_error_rate, str.split), (char_error_rate, list)):
        rates = [edit_rate(parts(said), [parts(wanted)]) for said, wanted in zip(inputs, targets, strict=True)]
        whole = sum(rate * length for rate, length in rates) / sum(length for _, length in rates)
        assert whole == pytest.approx(float(theirs(inputs, targets)), abs=1e-6)


def test_rate_takes_the_reference_with_the_lowest():
    assert edit_rate("abcd", ["abcde"]) == (1 / 5, 5)
    assert edit_rate("abcd", ["abcde", "abx"]) == (1 / 5, 5)
    assert edit_rate("abcd", ["abx", "abcd"]) == (0, 4)


def test_empty_reference_counts_as_one():
    assert edit_rate("abc", [""]) == (3, 1)
    assert edit_rate("", [""]) == (0, 1)
