"""The real files: half of the dev set, two thirds of the training set, and the EfficientQA files beside them."""

from collections import Counter
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from fsqa.dataset.jsonl import JsonLines
from fsqa.types import Record

ROOT = Path(__file__).parents[2]
FOLDER = ROOT.parent / "shared" / "data" / "nq_open"

needs_files = pytest.mark.skipif(not FOLDER.is_dir(), reason="the NQ-open files are not in ../shared/data/nq_open")


@pytest.fixture(scope="module")
def options():
    with initialize_config_dir(str(ROOT / "conf"), version_base=None):
        options = OmegaConf.to_container(compose(overrides=["+dataset=nq_open"]).dataset)
    assert options.pop("_target_") == "fsqa.dataset.jsonl.JsonLines"
    return options


@pytest.fixture
def make(options):
    return lambda **changed: JsonLines(**{**options, "path": str(FOLDER), **changed})


def count(dataset, split):
    dropped = Counter()
    return sum(1 for _ in dataset.records(split, dropped)), dict(dropped)


def test_the_default_is_the_hub_with_its_dev_split_as_the_test(options):
    assert options["path"] is None
    assert options["hub"] == "google-research-datasets/nq_open"
    assert options["hub_splits"] == {"train": "train", "validation": None, "test": "validation"}
    assert options["answers"] == "first"


@needs_files
def test_the_splits_under_the_defaults(make):
    dataset = make()
    assert count(dataset, "train") == (57_624, {})
    assert count(dataset, "validation") == (1_000, {"over dataset.limit.validation": 176})
    assert count(dataset, "test") == (1_805, {})


@needs_files
def test_every_row_is_in_one_split_in_the_order_of_the_files(make):
    dataset = make(limit={})
    ids = {split: [record.id for record in dataset.records(split, Counter())] for split in ("train", "validation")}
    whole = [record.id for record in make(holdout={}).records("train", Counter())]
    assert len(whole) == len(set(whole)) == 3_211 + 55_589
    assert whole[0] == "NQ-open.train.extra:1"
    assert whole[3_211:3_213] == ["0", "2"]  # this file has ids: the line numbers of the official file
    assert len(ids["validation"]) == round(0.02 * len(whole)) == 1_176
    held_out = set(ids["validation"])
    assert ids["train"] == [identity for identity in whole if identity not in held_out]
    assert ids["validation"] == [identity for identity in whole if identity in held_out]


@needs_files
def test_the_answer_counts_are_the_published_ones(make):
    part = {"train": "NQ-open.train.part.*", "test": "NQ-open.dev*"}
    kept, dropped = count(make(files=part, holdout={}, answers="single"), "train")
    assert (kept, dropped) == (50_117, {"more than one answer": 5_472})
    assert f"{5_472 / 55_589:.2%}" == "9.84%"
    # The whole dev set has 1,534 such rows among 3,610, or 42.49 %; this is every other line of it.
    assert count(make(answers="single"), "test") == (1_008, {"more than one answer": 797})
    efficient = {"train": "*efficientqa.dev*", "test": "*efficientqa.test*"}
    dataset = make(files=efficient, holdout={}, answers="single")
    assert count(dataset, "train") == (1_800 - 708, {"more than one answer": 708})
    assert f"{708 / 1_800:.2%}" == "39.33%"
    assert count(dataset, "test") == (1_769 - 729, {"more than one answer": 729})
    assert f"{729 / 1_769:.2%}" == "41.21%"


@needs_files
@pytest.mark.parametrize(
    ("policy", "shortest", "train", "test"),
    [
        ("single", 2, (52_603, {"more than one answer": 5_791, "answer shorter than 2 characters": 406}), 1_001),
        ("first", 2, (58_389, {"answer shorter than 2 characters": 411}), 1_795),
        ("all", 1, (71_838, {}), 1_805),
        ("all", 2, (71_418, {"answer shorter than 2 characters": 420}), 1_795),
    ],
)
def test_records_under_each_policy(make, policy, shortest, train, test):
    dataset = make(answers=policy, shortest_answer=shortest, holdout={})
    assert count(dataset, "train") == train
    assert count(dataset, "test")[0] == test


@needs_files
def test_texts_are_kept_letter_for_letter(make):
    test = list(make().records("test", Counter()))
    assert test[0] == Record(
        id="NQ-open.dev.even:1",
        question="when was the last time anyone was on the moon",
        answers=("14 December 1972 UTC", "December 1972"),
    )
    assert sum(any("\u00a0" in answer for answer in record.answers) for record in test) == 48
    train = list(make(holdout={}).records("train", Counter()))
    assert sum(any("\u00a0" in answer for answer in record.answers) for record in train) == 1_090
    assert sum("\u200b" in record.question for record in train) == 31
    assert not any(record.kind or record.context for record in train)


@needs_files
def test_the_fingerprint_tells_the_policies_apart(make):
    digests = [make(answers=policy).fingerprint() for policy in ("single", "first", "all", "first")]
    assert len(set(digests)) == 3
    assert digests[1] == digests[3]
