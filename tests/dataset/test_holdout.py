import json
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fsqa.dataset.holdout import Draw, carve, carve_whole, quotas
from fsqa.dataset.jsonl import JsonLines
from fsqa.errors import InputError

SPLITS = ("train", "validation", "test")
STRATA = st.dictionaries(st.sampled_from("abcde"), st.integers(1, 40), min_size=1)


def drawn(rows, seed=0):
    draw = Draw(seed=seed, purpose="test")
    for kind, text in rows:
        draw.add(kind, text)
    return draw


def rows_of(strata):
    return [(kind, f"{kind} {number}") for kind, size in strata.items() for number in range(size)]


@pytest.mark.parametrize(
    ("sizes", "total", "wanted"),
    [
        ([10, 10], 4, [2, 2]),
        ([90, 9, 1], 10, [9, 1, 0]),
        ([50, 30, 20], 7, [4, 2, 1]),  # 3.5, 2.1, 1.4: the one left over goes to the largest remainder
        ([5, 5, 5], 2, [1, 1, 0]),  # a tie goes to the earlier stratum
        ([3, 0, 1], 4, [3, 0, 1]),
        ([7], 0, [0]),
        ([], 0, []),
    ],
)
def test_quotas_are_the_floor_then_the_largest_remainder(sizes, total, wanted):
    assert quotas(np.array(sizes, dtype=np.int64), total).tolist() == wanted


@given(STRATA, st.floats(0, 1))
def test_quotas_add_up_stay_within_their_strata_and_within_one_of_the_exact_share(strata, share):
    sizes = np.array(list(strata.values()), dtype=np.int64)
    total = int(share * sizes.sum())
    given_out = quotas(sizes, total)
    assert given_out.sum() == total
    assert ((given_out >= 0) & (given_out <= sizes)).all()
    assert (np.abs(given_out - sizes * total / sizes.sum()) < 1).all()


@given(STRATA, st.integers(0, 3), st.randoms(use_true_random=False))
@settings(max_examples=50, deadline=None)
def test_a_sample_fills_its_quotas_and_does_not_depend_on_the_order_of_the_rows(strata, seed, random):
    rows = rows_of(strata)
    total = len(rows) // 3
    shuffled = random.sample(rows, len(rows))
    first, again = (
        {row for row, picked in zip(order, drawn(order, seed).sample(total), strict=True) if picked}
        for order in (rows, shuffled)
    )
    assert first == again
    names = sorted(strata)
    wanted = quotas(np.array([strata[name] for name in names], dtype=np.int64), total)
    assert [sum(kind == name for kind, _ in first) for name in names] == wanted.tolist()


def test_a_sample_depends_on_the_seed_and_is_no_head():
    rows = rows_of({"a": 1000})
    first, second = (np.flatnonzero(drawn(rows, seed).sample(100)) for seed in (0, 1))
    assert len(set(first) & set(second)) < 30
    assert 400 < first.mean() < 600


def test_a_smaller_sample_is_part_of_a_larger_one():
    draw = drawn(rows_of({"a": 200}))
    small, large = draw.sample(20), draw.sample(60)
    assert (small & large).sum() == 20


def test_the_rows_drawn_today_are_the_rows_drawn_tomorrow():
    assert np.flatnonzero(drawn(rows_of({"a": 20})).sample(5)).tolist() == [0, 1, 4, 8, 19]


def test_equal_rows_stay_on_one_side():
    rows = [("", f"question {number % 50}") for number in range(100)]
    picked = drawn(rows).sample(20)
    assert (picked[:50] == picked[50:]).all()


@given(STRATA.filter(lambda strata: sum(strata.values()) > 9), st.floats(0, 0.3), st.floats(0, 0.3))
@settings(max_examples=50, deadline=None)
def test_parts_have_their_sizes_and_hold_every_row_once(strata, validation, test):
    rows = rows_of(strata)
    parts = carve(drawn(rows), {"validation": validation, "test": test})
    assert (sum(parts[split].astype(int) for split in SPLITS) == 1).all()
    for split, share in (("validation", validation), ("test", test)):
        assert parts[split].sum() == (max(1, round(share * len(rows))) if share else 0)


def test_the_test_rows_stay_whatever_the_size_of_validation():
    draw = drawn(rows_of({"a": 60, "b": 40}))
    tests = [carve(draw, {"validation": size, "test": 0.1})["test"] for size in (0, 0.1, 30)]
    assert tests[0].sum() == 10
    assert all((test == tests[0]).all() for test in tests)


@pytest.mark.parametrize("holdout", [{"validation": 6, "test": 4}, {"test": 10}, {"validation": 0.5, "test": 0.5}])
def test_a_holdout_that_leaves_nothing_to_train_on_is_refused(holdout):
    with pytest.raises(InputError, match=r"dataset\.holdout takes .* of 10 rows and leaves none to train on"):
        carve(drawn(rows_of({"a": 10})), holdout)


def test_no_rows_are_no_parts():
    parts = {"train": 0, "validation": 0, "test": 0}
    assert {split: len(mask) for split, mask in carve(drawn([]), {"validation": 0.1}).items()} == parts
    assert {split: len(mask) for split, mask in carve_whole(np.zeros(0, np.int64), [], {"test": 3}).items()} == parts


def make(path, rows, **options):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return JsonLines(
        **{
            "path": str(path),
            "files": {},
            "hub": None,
            "hub_config": None,
            "hub_splits": {},
            "fields": {"question": "q", "answers": "a", "kind": "kind"},
            "split_values": {},
            "only": {},
            "empty": "refuse",
            "refusal": None,
            "answers": "first",
            "shortest_answer": 1,
            "holdout": {"validation": 0.1, "test": 0.2},
            "holdout_seed": 0,
            "limit": {},
            **options,
        }
    )


def questions(dataset, split):
    return [record.question for record in dataset.records(split, Counter())]


def rows_in_file():
    sizes = {"person": 60, "place": 30, "year": 10}
    rows = [{"q": q, "a": ["x", "y"][: 1 + len(q) % 2], "kind": kind} for kind, q in rows_of(sizes)]
    return [rows[number * 37 % 100] for number in range(100)]


def test_splits_of_a_file_part_it_by_kind_in_the_order_of_the_file(tmp_path):
    rows = rows_in_file()
    dataset = make(tmp_path / "a.jsonl", rows)
    split_questions = {split: questions(dataset, split) for split in SPLITS}
    kinds = {split: Counter(question.split()[0] for question in split_questions[split]) for split in SPLITS}
    assert kinds == {
        "train": {"person": 42, "place": 21, "year": 7},
        "validation": {"person": 6, "place": 3, "year": 1},
        "test": {"person": 12, "place": 6, "year": 2},
    }
    order = [row["q"] for row in rows]
    for found in split_questions.values():
        assert found == sorted(found, key=order.index)
    assert sorted(question for found in split_questions.values() for question in found) == sorted(order)


def test_splits_are_the_same_in_another_order_and_other_under_another_seed(tmp_path):
    rows = rows_in_file()
    first = make(tmp_path / "a.jsonl", rows)
    turned = make(tmp_path / "b.jsonl", rows[::-1])
    other = make(tmp_path / "c.jsonl", rows, holdout_seed=1)
    for split in SPLITS:
        assert set(questions(first, split)) == set(questions(turned, split))
        assert set(questions(first, split)) != set(questions(other, split))


def test_no_row_changes_sides_with_the_answer_policy(tmp_path):
    rows = rows_in_file()
    policies = [make(tmp_path / f"{policy}.jsonl", rows, answers=policy) for policy in ("first", "single", "all")]
    for split in SPLITS:
        first, single, each = (set(questions(dataset, split)) for dataset in policies)
        assert single < first
        assert each == first


def test_a_limit_is_stratified_too(tmp_path):
    dataset = make(tmp_path / "a.jsonl", rows_in_file(), holdout={}, limit={"train": 20})
    assert Counter(question.split()[0] for question in questions(dataset, "train")) == {
        "person": 12,
        "place": 6,
        "year": 2,
    }
