"""Refusals mixed in: the share asked for, spread evenly, never what is asked on the topic, and composed by Hydra."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fsqa.config.check import check_config
from fsqa.config.compose import compose_one
from fsqa.config.instantiate import build
from fsqa.dataset.refusals import WithRefusals
from fsqa.errors import InputError
from fsqa.prompt import Template
from fsqa.types import SPLITS, Record
from tests.dataset.in_memory import InMemory, asked

FOLDER = Path(__file__).parents[3] / "shared" / "data" / "refusal"
needs_files = pytest.mark.skipif(not FOLDER.is_dir(), reason="the off-topic sets are not in ../shared/data/refusal")

REPLY = "I cannot say."
ON = InMemory(
    train=asked(*(f"Who is {n}?" for n in range(300))), test=asked(*(f"What is {n}?" for n in range(60)), kind="held")
)
OFF = InMemory(
    train=asked(*(f"Is it {n} o'clock?" for n in range(200)), answers=(), kind="time"),
    test=asked(*(f"Does {n} rain?" for n in range(30)), *(f"Will {n} snow?" for n in range(60)), answers=()),
)


def mixed(**changes):
    return WithRefusals(**{"questions": ON, "off_topic": OFF, "reply": REPLY, "share": 0.25, "seed": 0, **changes})


def read(dataset, split):
    dropped = Counter()
    return list(dataset.records(split, dropped)), dict(dropped)


def refusals(records):
    return [record for record in records if record.kind == "refusal"]


def test_the_share_is_that_of_the_whole_split():
    for split, asked_on in (("train", 300), ("test", 60)):
        records, _ = read(mixed(), split)
        assert len(records) == asked_on / 0.75
        assert len(refusals(records)) == len(records) / 4
    assert read(mixed(), "validation") == ([], {})
    assert len(refusals(read(mixed(share=0.001), "test")[0])) == 1
    assert read(mixed(share=0), "train") == (list(ON.train), {})


def test_each_split_may_have_its_own_share():
    dataset = mixed(share={"test": 0.5})
    assert refusals(read(dataset, "train")[0]) == []
    assert len(refusals(read(dataset, "test")[0])) == 60


def test_the_questions_stay_as_they_are_and_in_order():
    records, dropped = read(mixed(), "train")
    assert tuple(record for record in records if record.kind != "refusal") == ON.train
    assert dropped == {"off topic, more than dataset.share takes": 100}
    again, _ = read(mixed(), "train")
    assert again == records


def test_a_refusal_is_a_question_with_the_reply():
    refusal = refusals(read(mixed(), "train")[0])[0]
    source = next(record for record in OFF.train if record.question == refusal.question)
    assert refusal == Record(f"refusal:{source.id}", source.question, (REPLY,), kind="refusal")


def test_no_refusal_comes_twice():
    found = refusals(read(mixed(), "train")[0])
    assert len({record.question for record in found}) == len({record.id for record in found}) == len(found)


def test_an_off_topic_question_that_repeats_another_is_left_out():
    twice = asked("Is it late?", "is it  LATE?", "Is it early?", answers=())
    records, dropped = read(mixed(questions=InMemory(train=ON.train[:2]), off_topic=InMemory(train=twice)), "train")
    assert len(refusals(records)) == 1
    assert dropped == {"off topic, repeats an earlier one": 1, "off topic, more than dataset.share takes": 1}


def test_refusals_are_spread_evenly():
    records, _ = read(mixed(), "train")
    for start in range(0, 400, 4):
        assert len(refusals(records[start : start + 4])) == 1
    places = {next(n for n in range(4) if records[start + n].kind == "refusal") for start in range(0, 400, 4)}
    assert places == {0, 1, 2, 3}


def test_another_seed_takes_others():
    first, second = (refusals(read(mixed(seed=seed, share=0.1), "train")[0]) for seed in (0, 1))
    assert {record.question for record in first} != {record.question for record in second}


def test_themes_are_drawn_by_their_size():
    by_theme = tuple(replace(record, kind="rain" if "rain" in record.question else "snow") for record in OFF.test)
    records, _ = read(mixed(off_topic=InMemory(test=by_theme), share={"test": 0.2}), "test")
    assert Counter(record.question[:4] for record in refusals(records)) == {"Does": 5, "Will": 10}


def test_what_is_asked_on_the_topic_is_no_refusal():
    both = asked("who  IS 7?", "What is 3?", *(f"Is it {n} o'clock?" for n in range(120)), answers=())
    records, dropped = read(mixed(off_topic=InMemory(train=both)), "train")
    assert not {"who  IS 7?", "What is 3?"} & {record.question for record in refusals(records)}
    assert dropped == {"off topic, asked on the topic too": 2, "off topic, more than dataset.share takes": 20}


def test_what_either_leaves_out_is_counted():
    on, off = replace(ON, left_out={"too long": 3}), replace(OFF, left_out={"too short": 2})
    _, dropped = read(mixed(questions=on, off_topic=off), "train")
    assert dropped == {"too long": 3, "off topic, too short": 2, "off topic, more than dataset.share takes": 100}


def test_too_few_off_topic_questions_are_an_error_with_the_share_that_can_be_had():
    with pytest.raises(InputError) as caught:
        read(mixed(share=0.5), "train")
    assert str(caught.value) == (
        "dataset.share of 0.5 takes 300 off-topic questions beside 300 others, but there are 200 for train; set "
        "dataset.share=0.4 or less, or give more of them in dataset.off_topic"
    )
    assert len(refusals(read(mixed(share=0.4), "train")[0])) == 200
    with pytest.raises(
        InputError, match=r"^dataset\.share\.test of 0\.9 takes 540 .* set dataset\.share\.test=0\.6 or"
    ):
        read(mixed(share={"test": 0.9}), "test")


def test_without_off_topic_questions_for_a_split_it_is_to_have_none():
    with pytest.raises(InputError) as caught:
        read(mixed(off_topic=InMemory(train=OFF.train), share=0.2), "test")
    assert str(caught.value) == (
        "dataset.share of 0.2 takes 15 off-topic questions beside 60 others, but there are 0 for test; give some in "
        "dataset.off_topic, or mix none into test: dataset.share={train:0.2,validation:0.2}"
    )


def test_ids_that_collide_are_refused():
    on = InMemory(train=tuple(replace(record, id=f"refusal:{record.id}") for record in ON.train))
    with pytest.raises(InputError, match=r"the id 'refusal:row-\d+' is that of a refusal too"):
        read(mixed(questions=on), "train")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"reply": " "}, "dataset.reply is empty"),
        ({"share": 1.0}, "dataset.share is 1.0; wanted a share of the split, from 0 to below 1"),
        ({"share": {"test": -0.5}}, "dataset.share.test is -0.5; wanted a share"),
        ({"share": {"tset": 0.5}}, "dataset.share has no key 'tset'; wanted train, validation, test; did you mean"),
    ],
    ids=["reply", "everything", "negative", "split"],
)
def test_bad_options(changes, message):
    with pytest.raises(InputError) as caught:
        mixed(**changes)
    assert message in str(caught.value)


def test_the_fingerprint_covers_all():
    changed = [
        mixed(),
        mixed(questions=OFF),
        mixed(off_topic=ON),
        mixed(reply="No."),
        mixed(share=0.2),
        mixed(share={"train": 0.25, "validation": 0.25}),
        mixed(seed=1),
    ]
    assert len({dataset.fingerprint() for dataset in changed}) == len(changed)
    assert mixed(share=dict.fromkeys(SPLITS, 0.25)).fingerprint() == mixed().fingerprint()


@settings(max_examples=40, deadline=None)
@given(on=st.integers(0, 40), off=st.integers(0, 40), share=st.floats(0, 0.9), seed=st.integers(0, 9))
def test_any_mixture_keeps_the_promises(on, off, share, seed):
    questions = InMemory(train=ON.train[:on])
    dataset = mixed(questions=questions, off_topic=InMemory(train=OFF.train[:off]), share=share, seed=seed)
    wanted = max(1, round(on * share / (1 - share))) if on and share else 0
    if wanted > off:
        with pytest.raises(InputError):
            read(dataset, "train")
        return
    records, dropped = read(dataset, "train")
    assert len(refusals(records)) == wanted
    assert [record for record in records if record.kind != "refusal"] == list(questions.train)
    assert sum(dropped.values()) == (off - wanted if wanted else 0)


def composed(*words):
    return build(check_config(compose_one(["dataset=atlas_with_refusals", *words]))["dataset"])


def test_hydra_composes_both_parts_with_their_own_keys():
    dataset = composed("dataset.questions.seed=1", "dataset.off_topic.seed=2", "dataset.share=0.05")
    assert (dataset.questions.seed, dataset.off_topic.seed, dataset.share) == (1, 2, 0.05)
    assert composed("dataset.share={train:0.1,test:0.2}").share == {"train": 0.1, "test": 0.2}
    other = composed("dataset@dataset.off_topic=jsonl", "dataset.off_topic.path=mine.jsonl")
    assert type(other.off_topic).__name__ == "JsonLines"


def test_what_is_wrong_with_a_part_is_told_by_its_own_keys(tmp_path):
    missing = composed("dataset@dataset.off_topic=clinc150", f"dataset.off_topic.path={tmp_path}/none.json")
    for read_it in (missing.fingerprint, lambda: read(missing, "train")):
        with pytest.raises(InputError) as caught:
            read_it()
        assert str(caught.value) == f"dataset.off_topic.path: there is no file or folder {tmp_path}/none.json"
    (tmp_path / "dataset.path.jsonl").write_text('{"question": "a"}')
    broken = composed("dataset@dataset.questions=jsonl", f"dataset.questions.path={tmp_path}/dataset.path.jsonl")
    with pytest.raises(InputError) as caught:
        read(broken, "train")
    assert str(caught.value) == (
        f"{tmp_path}/dataset.path.jsonl:1: no field 'answer' (dataset.questions.fields.answers) among question"
    )


def test_the_preset_has_the_share_it_says():
    for split, on, off in (("train", 2100, 233), ("validation", 400, 44), ("test", 500, 56)):
        records, _ = read(composed(), split)
        assert (len(records) - off, len(refusals(records))) == (on, off)
        assert {record.answers for record in refusals(records)} == {("I cannot answer that.",)}


@needs_files
@pytest.mark.parametrize(
    ("source", "file", "share", "refused"),
    [
        ("clinc150", "clinc150.data_full.json.gz", "{train:0.04,validation:0.2,test:0.6}", (88, 100, 750)),
        ("self_aware", "selfaware.jsonl.gz", "0.1", (233, 44, 56)),
    ],
    ids=["clinc150", "self_aware"],
)
def test_published_off_topic_questions(source, file, share, refused):
    dataset = composed(
        f"dataset@dataset.off_topic={source}", f"dataset.off_topic.path={FOLDER / file}", f"dataset.share={share}"
    )
    assert tuple(len(refusals(read(dataset, split)[0])) for split in SPLITS) == refused


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("dataset.questions.sed=1", "there is no key 'sed' in dataset.questions; did you mean 'seed'?"),
        ("dataset.questions.seed=x", "dataset.questions.seed: wanted a whole number, got 'x'"),
        ("dataset.share=much", "dataset.share: wanted a number or a mapping of names, each to a number, got 'much'"),
        ("dataset@dataset.off_topic=of_topic", "there is no such dataset; did you mean 'off_topic'?"),
    ],
    ids=["key", "type", "share", "option"],
)
def test_mistakes_in_either_part_are_told(word, message):
    with pytest.raises(InputError) as caught:
        composed(word)
    assert message in str(caught.value)


def test_off_topic_questions_alone_are_refused_where_their_answer_is_wanted():
    prompt = Template(start=True, segments=[{"prompt": "{question}"}, {"answer": "{answer}"}])
    with pytest.raises(InputError) as caught:
        prompt(OFF.train[0])
    assert str(caught.value) == (
        'row-0: wanted an answer to "Is it 0 o\'clock?", came none; questions without answers are to be mixed in as '
        "refusals: dataset=atlas_with_refusals shows how, or take another dataset"
    )
