"""Rewrites of the atlas: no clean question in two splits, something to learn in each, and the same every time."""

import dataclasses
import hashlib
import re
import tracemalloc
from collections import Counter
from itertools import islice
from pathlib import Path
from statistics import fmean

import pytest
from omegaconf import OmegaConf

from fsqa.dataset.atlas import RELATIONS
from fsqa.dataset.atlas_rewrites import VERSION, AtlasRewrites
from fsqa.dataset.atlas_world import PHRASINGS, World
from fsqa.dataset.disfluency import CUES
from fsqa.errors import InputError
from fsqa.metrics.answers import exact_match, with_words
from fsqa.types import SPLITS

CONF = Path(__file__).parents[2] / "conf" / "dataset" / "atlas_rewrites.yaml"
SLIPS = {"substitution", "retrace", "afterthought", "restart", "question_word", "hesitation"}


def default(**changes):
    options = OmegaConf.to_container(OmegaConf.load(CONF))
    assert options.pop("_target_") == "fsqa.dataset.atlas_rewrites.AtlasRewrites"
    return AtlasRewrites(**{**options, **changes})


def read(dataset, split):
    dropped = Counter()
    records = list(dataset.records(split, dropped))
    assert not dropped
    return records


@pytest.fixture(scope="module")
def splits():
    return {split: read(default(), split) for split in SPLITS}


def test_the_splits_under_the_defaults(splits):
    assert {split: len(records) for split, records in splits.items()} == {"train": 6000, "validation": 400, "test": 500}
    assert splits["test"][7].id == "atlas-rewrites-test-000007"


def test_no_clean_question_is_asked_twice(splits):
    clean = [record.answers[0].casefold() for records in splits.values() for record in records]
    assert len(set(clean)) == len(clean)
    assert all(len(record.answers) == 1 for records in splits.values() for record in records)


@pytest.fixture(scope="module")
def subject_of():
    """Return the number of the subject that a question names."""
    world = World(0, 60)
    numbers = {world.name(kind, index): index for kind in PHRASINGS for index in range(60)}
    pattern = re.compile(rf"(?<!\w)({'|'.join(map(re.escape, sorted(numbers, key=len, reverse=True)))})(?!\w)")

    def found(question):
        (name,) = pattern.findall(question)
        return numbers[name]

    return found


def test_half_of_the_held_out_questions_are_about_new_subjects_and_half_in_new_phrasings(splits, subject_of):
    assert {subject_of(record.answers[0]) for record in splits["train"]} == set(range(40))
    for split, unseen in (("validation", range(40, 50)), ("test", range(50, 60))):
        about = [subject_of(record.answers[0]) for record in splits[split]]
        new = [subject in unseen for subject in about]
        assert set(about) <= {*range(40), *unseen}
        assert sum(new) == pytest.approx(len(new) / 2, abs=len(RELATIONS) / 2)


def test_every_slip_comes_and_copying_is_never_right(splits):
    for records in splits.values():
        kinds = Counter(record.kind for record in records)
        assert set(kinds) == SLIPS
        assert min(kinds.values()) > len(records) / 12
        assert not any(exact_match(record.question, with_words(record.answers)) for record in records)


def after_the_last_cue(question):
    return question[max((found.end() for cue in CUES for found in re.finditer(rf"\b{cue}\b", question)), default=0) :]


def test_keeping_what_follows_the_last_cue_is_seldom_right(splits):
    for records in splits.values():
        right = [exact_match(after_the_last_cue(record.question), with_words(record.answers)) for record in records]
        assert fmean(right) == pytest.approx(0.25, abs=0.03)


def test_without_fillers_each_slip_holds_the_words_that_were_meant():
    for record in read(default(fillers=0.0), "test"):
        said, meant = Counter(words(record.question)), Counter(words(record.answers[0]))
        assert said >= meant, record


def words(text):
    return re.findall(r"\w+", text.lower())


def test_a_wrong_subject_is_of_the_same_kind():
    world = World(0, 60)
    for record in islice(default(fillers=0.0).records("train", Counter()), 560):
        if record.kind in {"substitution", "retrace", "afterthought"}:
            named = {
                kind
                for kind in PHRASINGS
                for index in range(40)
                if world.name(kind, index) in record.question and world.name(kind, index) not in record.answers[0]
            }
            assert len(named) == 1, record


def test_fillers_come_at_their_rate():
    with_them, without = (
        fmean(len(record.question.split()) for record in read(default(fillers=rate), "test")) for rate in (0.05, 0.0)
    )
    assert 0.15 < with_them - without < 0.6


def test_a_large_set_streams_in_flat_memory():
    dataset = default(questions=1_000_000, subjects=6000)
    stream = dataset.records("train", Counter())
    assert sum(1 for _ in islice(stream, 500)) == 500
    tracemalloc.start()
    try:
        assert sum(1 for _ in islice(stream, 3_000)) == 3_000
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1_000_000


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"questions": 0}, "dataset.questions must be at least 1, but is 0"),
        ({"subjects": 1}, "dataset.subjects must be at least 2, but is 1"),
        ({"questions": 7841}, "dataset.questions must be at most 7,840, but is 7,841: there are no more different"),
        ({"test_questions": 3921}, "dataset.test_questions must be at most 3,920, but is 3,921"),
        ({"validation_questions": 3921}, "dataset.validation_questions must be at most 3,920, but is 3,921"),
        ({"fillers": 1.0}, "dataset.fillers must be a share from 0 to below 1, but is 1.0"),
        ({"seed": -1}, "dataset.seed must be 0 or more, but is -1"),
    ],
    ids=["none", "subjects", "train", "test", "validation", "fillers", "seed"],
)
def test_bad_options_are_refused_in_one_line(changes, message):
    with pytest.raises(InputError) as caught:
        default(**changes)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_most_that_can_be_asked_is_asked_without_asking_twice():
    dataset = default(questions=7840, validation_questions=3920, test_questions=3920)
    for split in SPLITS:
        records = read(dataset, split)
        assert len({record.answers for record in records}) == len(records) == dataset.count(split)


def test_the_fingerprint_follows_every_parameter():
    digests = {default().fingerprint()}
    for field in dataclasses.fields(AtlasRewrites):
        value = getattr(default(), field.name)
        digests.add(default(**{field.name: value / 2 if field.name == "fillers" else value + 1}).fingerprint())
    assert len(digests) == 1 + len(dataclasses.fields(AtlasRewrites))


def test_records_change_only_with_the_version(splits):
    """When this fails on purpose, raise ``VERSION`` and take over the new digest: caches then know of the change."""
    digest = hashlib.sha256(repr([(r.id, r.question, r.answers, r.kind) for s in SPLITS for r in splits[s]]).encode())
    assert (VERSION, digest.hexdigest()) == (1, "b8de6051790cd5b0db0baac4fe38127ce9490d49c3e3b4e2c5ca795d20e6a602")
