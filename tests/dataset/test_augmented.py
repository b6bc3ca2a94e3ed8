"""Noisy questions: beside the clean ones or instead of them, the same wherever they stand, with the answers kept."""

import hashlib
from collections import Counter
from dataclasses import replace

import pytest

from fsqa.config.check import check_config
from fsqa.config.compose import compose_one
from fsqa.config.instantiate import build
from fsqa.dataset.augmented import RATES, VERSION, Augmented
from fsqa.errors import InputError
from tests.dataset.in_memory import InMemory, asked

TOWNS = ("Rome", "Oslo", "Lima", "Bern", "Kyiv", "Doha", "Male", "Riga")
FOUNDERS = asked(
    *(f"Who founded the town of {town}?" for town in TOWNS), answers=("Ann", "Bea"), context="A town.", kind="who"
)
CLEAN = InMemory(train=FOUNDERS, test=asked("Who governs the town of Rome now?", "Where is the old town of Paris?"))
RATE = {"repetitions": 0.1, "fillers": 0.1, "corrections": 0.5, "typos": 0.05, "careless": 0.3}
QUIET = dict.fromkeys(RATES, 0.0)


def noisy(**changes):
    options = {"questions": CLEAN, "splits": {"train": "both"}, "copies": 1, "seed": 0, **RATE}
    return Augmented(**{**options, **changes})


def read(dataset, split):
    dropped = Counter()
    records = list(dataset.records(split, dropped))
    assert not dropped
    return records


def test_both_has_each_question_and_then_its_copies():
    records = read(noisy(copies=2), "train")
    assert [record.id for record in records[:4]] == ["row-0", "row-0~1", "row-0~2", "row-1"]
    assert tuple(records[::3]) == CLEAN.train
    assert [replace(copy, id="row-0", question=CLEAN.train[0].question) for copy in records[1:3]] == [
        CLEAN.train[0]
    ] * 2
    assert len({record.question for record in records}) > 20


def test_noisy_has_copies_alone_and_clean_has_none():
    dataset = noisy(splits={"train": "clean", "test": "noisy"})
    assert read(dataset, "train") == list(CLEAN.train)
    assert [record.id for record in read(dataset, "test")] == ["row-0~1", "row-1~1"]
    assert [record.question for record in read(dataset, "test")] != [record.question for record in CLEAN.test]
    assert read(noisy(splits={}), "test") == list(CLEAN.test)


def test_noise_does_not_depend_on_the_order_or_the_split():
    turned = InMemory(train=tuple(reversed(CLEAN.train)), test=CLEAN.train[:2])
    first = {record.question for record in read(noisy(), "train")}
    assert {record.question for record in read(noisy(questions=turned), "train")} == first
    assert {record.question for record in read(noisy(questions=turned, splits={"test": "noisy"}), "test")} <= first


def test_another_seed_is_other_noise():
    first, second = (read(noisy(seed=seed, splits={"train": "noisy"}), "train") for seed in (0, 1))
    assert {record.question for record in first} != {record.question for record in second}


@pytest.mark.parametrize(
    ("rate", "as_expected"),
    [
        ("repetitions", lambda said, was: sorted(set(said.lower().split())) == sorted(set(was.lower().split()))),
        ("fillers", lambda said, was: len(said.split()) > len(was.split()) and said.startswith("Who ")),
        ("corrections", lambda said, was: sum(town in said for town in TOWNS) >= 1 and len(said) > len(was)),
        ("typos", lambda said, was: said[0] == was[0] and len(said.split()) == len(was.split())),
        ("careless", lambda said, was: said == was.lower().rstrip("?")),
    ],
    ids=RATES,
)
def test_each_rate_makes_noise_of_its_kind_alone(rate, as_expected):
    for clean, copy in zip(
        CLEAN.train, read(noisy(**{**QUIET, rate: 1}, splits={"train": "noisy"}), "train"), strict=True
    ):
        assert copy.question != clean.question
        assert as_expected(copy.question, clean.question), copy.question


def test_wrong_words_come_from_training_questions():
    dataset = noisy(**{**QUIET, "corrections": 1}, splits={"test": "noisy"}, copies=40)
    said = [record.question for record in read(dataset, "test")]
    assert any(town in question for question in said for town in TOWNS[1:])
    assert not any("Paris" in question for question in said[:40])
    begun = " ".join(said[40:])
    assert "governs" not in begun


def test_the_likest_question_is_what_could_have_been_meant():
    others = asked("When is noon?", *(f"Who founded the town of {town}?" for town in TOWNS), "How far is it?")
    dataset = noisy(
        questions=InMemory(train=others), **{**QUIET, "corrections": 1}, splits={"train": "noisy"}, copies=30
    )
    said = [record.question for record in read(dataset, "train") if record.id.startswith("row-1~")]
    assert not [question for question in said if "noon" in question or "far" in question]


def test_a_set_of_one_question_has_nothing_to_confuse_it_with():
    alone = InMemory(train=asked("Who founded Rome?"))
    dataset = noisy(questions=alone, **{**QUIET, "corrections": 1}, splits={"train": "noisy"})
    assert read(dataset, "train")[0].question == "Who founded Rome?"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"splits": {"tset": "noisy"}}, "dataset.splits has no key 'tset'; wanted train, validation, test; did you"),
        ({"splits": {"test": "nosy"}}, "dataset.splits.test is 'nosy'; wanted clean, noisy, both; did you mean"),
        ({"copies": 0}, "dataset.copies is 0; wanted 1 or more"),
        ({"typos": 1.5}, "dataset.typos is 1.5; wanted a share from 0 to 1"),
        (QUIET, "are all 0, so there is no noise; set one of them above 0"),
    ],
    ids=["split", "choice", "copies", "rate", "quiet"],
)
def test_bad_options(changes, message):
    with pytest.raises(InputError) as caught:
        noisy(**changes)
    assert message in str(caught.value)


def test_what_is_wrong_with_the_dataset_below_is_told_by_its_own_keys(tmp_path):
    words = ("dataset@dataset.questions=atlas_with_refusals", "dataset@dataset.questions.off_topic=self_aware")
    path = f"dataset.questions.off_topic.path={tmp_path}/none"
    dataset = build(check_config(compose_one(["dataset=atlas_augmented", *words, path]))["dataset"])
    for read_it in (dataset.fingerprint, lambda: read(dataset, "train")):
        with pytest.raises(InputError) as caught:
            read_it()
        assert str(caught.value) == f"dataset.questions.off_topic.path: there is no file or folder {tmp_path}/none"


def test_the_fingerprint_covers_all():
    changed = [noisy(), noisy(questions=InMemory()), noisy(splits={}), noisy(copies=2), noisy(seed=1)]
    changed += [noisy(**{name: 0.01}) for name in RATES]
    assert len({dataset.fingerprint() for dataset in changed}) == len(changed)


@pytest.fixture(scope="module")
def copies():
    """Each training question of the preset with its noisy copy."""
    records = read(composed(), "train")
    return list(zip(records[::2], records[1::2], strict=True))


def composed(*words):
    return build(check_config(compose_one(["dataset=atlas_augmented", *words]))["dataset"])


def test_the_preset_and_what_it_says_of_training_on_clean_questions():
    dataset = composed()
    assert {split: len(read(dataset, split)) for split in ("train", "validation", "test")} == {
        "train": 4200,
        "validation": 400,
        "test": 500,
    }
    clean = composed("dataset.splits.train=clean", "dataset.splits.test=noisy", "dataset.questions.seed=1")
    assert {len(read(clean, "train")), len(read(clean, "test"))} == {2100, 500}
    assert all(record.id.endswith("~1") for record in read(clean, "test"))


def test_the_noise_of_the_preset_is_as_much_as_it_says(copies):
    same = sum(clean.question == copy.question for clean, copy in copies)
    lower = sum(copy.question == copy.question.lower() for _, copy in copies)
    assert same / len(copies) == pytest.approx(0.16, abs=0.05)
    assert lower / len(copies) == pytest.approx(0.2, abs=0.03)


def test_noise_changes_only_with_the_version(copies):
    """When this fails on purpose, raise ``VERSION`` and take over the new digest: caches then know of the change."""
    digest = hashlib.sha256(repr([copy.question for _, copy in copies]).encode()).hexdigest()
    assert (VERSION, digest) == (1, "67c57d4861d007226bf2e9260991b93cbc1bb5f491fa48778083b214a2e21a35")
