"""The atlas: no phrasing crosses a split, every tested fact is trained, and a million questions stream."""

import dataclasses
import hashlib
import pickle
import tracemalloc
from collections import Counter
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf

from fsqa.dataset.atlas import HELD_OUT, RELATIONS, TRAIN_PHRASINGS, VERSION, Atlas
from fsqa.dataset.atlas_names import NameMaker, Shuffle, mix
from fsqa.dataset.atlas_words import SYLLABLES
from fsqa.dataset.atlas_world import PHRASINGS, World
from fsqa.errors import InputError
from fsqa.types import SPLITS

CONF = Path(__file__).parents[2] / "conf" / "dataset" / "atlas.yaml"
KINDS = {relation: kind for kind, relation in RELATIONS}


def default(**changes):
    parameters = OmegaConf.to_container(OmegaConf.load(CONF))
    assert parameters.pop("_target_") == "fsqa.dataset.atlas.Atlas"
    return Atlas(**{**parameters, **changes})


def read(atlas, split):
    dropped = Counter()
    records = list(atlas.records(split, dropped))
    assert not dropped
    return records


def subject_names(atlas, kind):
    subjects = -(-atlas.facts // len(RELATIONS))
    world = World(atlas.seed, subjects)
    return {world.name(kind, index) for index in range(subjects)}


def parse(atlas, split, record, names):
    """Return the phrasing and the subject's name of a question; exactly one pair must fit."""
    fits = []
    for form in atlas.phrasings_of(split, record.kind):
        before, after = form.split("{}")
        name = record.question.removeprefix(before).removesuffix(after)
        if before + name + after == record.question and name in names[KINDS[record.kind]]:
            fits.append((form, name))
    assert len(fits) == 1, record
    return fits[0]


@pytest.fixture(scope="module")
def atlas():
    return default()


@pytest.fixture(scope="module")
def splits(atlas):
    return {split: read(atlas, split) for split in SPLITS}


@pytest.fixture(scope="module")
def parsed(atlas, splits):
    """Split → (relation, phrasing, subject) of each of its questions."""
    names = {kind: subject_names(atlas, kind) for kind in PHRASINGS}
    return {
        split: [(record.kind, *parse(atlas, split, record, names)) for record in records]
        for split, records in splits.items()
    }


def test_default_is_small_and_named_as_configured(atlas, splits):
    assert {split: len(records) for split, records in splits.items()} == {"train": 2100, "validation": 400, "test": 500}
    assert atlas.facts == 300


def test_same_parameters_give_the_same_records(splits):
    again = default()
    assert {split: read(again, split) for split in SPLITS} == splits
    assert again.fingerprint() == default().fingerprint()


def test_another_seed_is_another_world(atlas, splits):
    other = default(seed=1)
    facts = {(record.question, record.answers) for record in splits["train"]}
    assert sum((record.question, record.answers) in facts for record in read(other, "train")) < 20
    assert any(
        set(atlas.phrasings_of("test", relation)) != set(other.phrasings_of("test", relation)) for relation in KINDS
    )


def test_no_question_and_no_phrasing_is_shared_between_splits(splits, parsed):
    questions = [record.question.lower() for records in splits.values() for record in records]
    assert len(questions) == len(set(questions))
    forms = {split: {form for _, form, _ in facts} for split, facts in parsed.items()}
    assert forms["train"].isdisjoint(forms["validation"])
    assert forms["train"].isdisjoint(forms["test"])
    assert forms["validation"].isdisjoint(forms["test"])


def test_every_phrasing_is_used(atlas, parsed):
    for split, facts in parsed.items():
        assert {form for _, form, _ in facts} == {
            form for relation in KINDS for form in atlas.phrasings_of(split, relation)
        }


@pytest.mark.parametrize("split", ["validation", "test"])
def test_every_held_out_fact_is_asked_in_training_with_the_same_answers(splits, parsed, split):
    trained = {
        (relation, name): record.answers
        for (relation, _, name), record in zip(parsed["train"], splits["train"], strict=True)
    }
    for (relation, _, name), record in zip(parsed[split], splits[split], strict=True):
        assert trained[relation, name] == record.answers


def test_training_asks_each_fact_in_as_many_phrasings_as_configured(atlas, parsed):
    asked = Counter((relation, name) for relation, _, name in parsed["train"])
    assert len(asked) == atlas.facts
    assert set(asked.values()) == {atlas.phrasings}


def test_every_relation_has_a_near_equal_share_of_each_split(splits):
    for records in splits.values():
        counts = Counter(record.kind for record in records)
        assert set(counts) == set(KINDS)
        assert max(counts.values()) - min(counts.values()) <= TRAIN_PHRASINGS


def test_a_question_names_its_subject_once_and_reads_as_one(splits, parsed):
    for split, records in splits.items():
        for record, (_, _, name) in zip(records, parsed[split], strict=True):
            assert record.question.count(name) == 1
            assert record.question.endswith("?")
            assert record.question[0].isupper()
            assert "  " not in record.question
            assert record.question.isascii()


def test_answers_are_clean_and_not_given_away_by_the_question(splits):
    for records in splits.values():
        for record in records:
            assert record.answers
            assert len(set(record.answers)) == len(record.answers)
            for answer in record.answers:
                assert answer == answer.strip() != ""
                assert len(answer.split()) <= 4
                assert answer not in record.question


def test_some_questions_have_several_answers(splits):
    assert {record.kind for record in splits["test"] if len(record.answers) > 1} == {"language", "neighbour", "novel"}


def test_ids_are_unique_and_readable(splits):
    ids = [record.id for records in splits.values() for record in records]
    assert len(set(ids)) == len(ids)
    assert splits["test"][123].id == "atlas-test-000123"


def test_phrasings_are_plentiful_and_distinct():
    every = [form for relations in PHRASINGS.values() for forms in relations.values() for form in forms]
    assert len(RELATIONS) >= 16
    assert len(KINDS) == len(RELATIONS), "a relation's name is its stratum: no two kinds of subject may share one"
    assert {form.count("{}") for form in every} == {1}
    for relations in PHRASINGS.values():
        assert all(len(forms) >= 12 for forms in relations.values())
        of_kind = [form for forms in relations.values() for form in forms]
        assert len(set(of_kind)) == len(of_kind), "one question would have two meanings"


@pytest.mark.parametrize("subjects", [1, 40, 4000])
def test_no_two_things_share_a_name(subjects):
    maker = NameMaker(5)
    coined = ("country", "city", "river", "mountain", "currency", "language")
    names = [maker.coined(kind, subjects) for kind in coined]
    names += [maker.people(subjects), maker.novels(subjects), maker.paintings(subjects)]
    every = [kind[index] for kind in names for index in range(subjects)]
    assert len(set(every)) == len(every)


def test_the_world_does_not_contradict_itself():
    world = World(2, 60)
    by_name = {kind: {world.name(kind, index): index for index in range(60)} for kind in PHRASINGS}
    for index in range(60):
        me = world.name("person", index)
        (spouse,) = world.answers("spouse", index)
        partner = by_name["person"][spouse]
        assert world.answers("spouse", partner) == (me,)
        for shared in ("wedding_year", "wedding_city"):
            assert world.answers(shared, index) == world.answers(shared, partner)
        assert int(world.answers("wedding_year", index)[0]) >= int(world.answers("birth_year", index)[0]) + 20
        country = world.name("country", index)
        for neighbour in world.answers("neighbour", index):
            assert country in world.answers("neighbour", by_name["country"][neighbour])
        (author,) = world.answers("author", index)
        writer = by_name["person"][author]
        assert world.name("novel", index) in world.answers("novel", writer)
        assert int(world.answers("writing_year", index)[0]) >= int(world.answers("birth_year", writer)[0]) + 20


def test_a_million_questions_stream_in_flat_memory():
    atlas = default(questions=1_000_000, test_questions=100_000)
    stream = atlas.records("train", Counter())
    assert sum(1 for _ in islice(stream, 190_000)) == 190_000  # tracing is slow: only the last stretch is traced
    tracemalloc.start()
    try:
        assert sum(1 for _ in islice(stream, 10_000)) == 10_000
        assert sum(1 for _ in islice(atlas.records("test", Counter()), 10_000)) == 10_000
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1_000_000
    assert atlas.count("train") == 1_000_000
    assert atlas.count("test") == 100_000


@settings(max_examples=25, deadline=None)
@given(
    questions=st.integers(TRAIN_PHRASINGS * len(RELATIONS), 1200),
    phrasings=st.integers(1, TRAIN_PHRASINGS),
    validation_questions=st.integers(1, 300),
    test_questions=st.integers(1, 300),
    seed=st.integers(0, 2**40),
)
def test_any_size_keeps_the_promises(**parameters):
    atlas = Atlas(**parameters)
    records = {split: read(atlas, split) for split in SPLITS}
    assert len(records["train"]) == parameters["questions"]
    for split, most in HELD_OUT.items():
        assert len(records[split]) == min(parameters[f"{split}_questions"], most * atlas.facts) == atlas.count(split)
    questions = [record.question for of_split in records.values() for record in of_split]
    assert len(set(questions)) == len(questions)
    answers = {(record.kind, record.answers) for record in records["train"]}
    assert all((record.kind, record.answers) in answers for record in records["validation"] + records["test"])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"questions": 10}, "dataset.questions must be at least 196, but is 10"),
        ({"questions": -1}, "dataset.questions must be at least 196, but is -1"),
        ({"phrasings": 0}, "dataset.phrasings must be from 1 to 7, but is 0"),
        ({"phrasings": 8}, "dataset.phrasings must be from 1 to 7, but is 8"),
        ({"validation_questions": 0}, "dataset.validation_questions must be at least 1, but is 0"),
        ({"test_questions": -5}, "dataset.test_questions must be at least 1, but is -5"),
        ({"seed": -1}, "dataset.seed must be 0 or more, but is -1"),
    ],
)
def test_bad_parameters_are_refused_in_one_line(changes, message):
    with pytest.raises(InputError) as caught:
        default(**changes)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_fingerprint_follows_every_parameter():
    digests = {default().fingerprint()}
    for field in dataclasses.fields(Atlas):
        changed = default(**{field.name: getattr(default(), field.name) + (-1 if field.name == "phrasings" else 1)})
        digests.add(changed.fingerprint())
    assert len(digests) == 1 + len(dataclasses.fields(Atlas))


def test_records_change_only_with_the_version(splits):
    """When this fails on purpose, raise ``VERSION`` and take over the new digest: caches then know of the change."""
    told = {split: [(r.id, r.question, r.answers, r.context, r.kind) for r in own] for split, own in splits.items()}
    digest = hashlib.sha256(repr(told).encode()).hexdigest()
    assert (VERSION, digest) == (1, "432d6b26c6dcc7735ac77b5114e3a402550aea2c5b3a5124618c199e50aadded")


def test_an_atlas_survives_pickling(atlas):
    again = pickle.loads(pickle.dumps(atlas))
    assert again == atlas
    assert again.fingerprint() == atlas.fingerprint()


@given(size=st.integers(1, 3000), seed=st.integers(0, 2**64))
def test_a_shuffle_is_one_to_one(size, seed):
    shuffle = Shuffle.of(size, seed, "test")
    assert sorted(shuffle[number] for number in range(size)) == list(range(size))


def test_mix_is_splitmix64():
    # The first two outputs of the reference generator seeded with 0 and with 1234567.
    assert mix(0) == 0xE220A8397B1DCDAF
    assert mix(1234567) == 6457827717110365317


def test_a_name_is_its_parts_by_the_low_digits_then_its_syllables():
    for names in (NameMaker(3).novels(50_000), NameMaker(3).people(400), NameMaker(3).coined("city", 70)):
        for index in range(0, 70, 7):
            rest = names.shuffle[index]
            chosen, stem = [], ""
            for part in names.parts:
                rest, digit = divmod(rest, len(part))
                chosen.append(part[digit])
            for _ in range(names.syllables):
                rest, digit = divmod(rest, len(SYLLABLES))
                stem += SYLLABLES[digit]
            assert names[index] == names.pattern.format(*chosen, stem=stem.capitalize())
