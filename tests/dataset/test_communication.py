"""The guide to communication: what its questions promise, and how its file is read."""

import dataclasses
import pickle
import re
from collections import Counter
from pathlib import Path

import pytest

from fsqa.baseline import nearest_question
from fsqa.config.compose import compose_one
from fsqa.config.instantiate import build
from fsqa.dataset import communication
from fsqa.dataset.communication import NEAR_MISSES, QUESTIONS, Communication, read_pairs
from fsqa.dataset.off_topic import OWN_FILE, read_themes
from fsqa.errors import InputError
from fsqa.metrics.answers import normalize
from fsqa.types import SPLITS

REPLY = "That is another subject."
GUIDE = Path(communication.__file__).with_suffix(".md")


def default(**changes):
    given = {"phrasings": 5, "held_out": 0.1, "near_misses": 294, "reply": REPLY, "seed": 0}
    return Communication(**(given | changes))


def read(dataset, split):
    dropped = Counter()
    records = list(dataset.records(split, dropped))
    assert not dropped
    return records


@pytest.fixture(scope="module")
def pairs():
    return read_pairs(QUESTIONS)


@pytest.fixture(scope="module")
def splits():
    return {split: read(default(), split) for split in SPLITS}


def words(text):
    return re.findall(r"[a-z']+", text.lower())


def same(question):
    return " ".join(words(question))


@pytest.fixture(scope="module")
def sections():
    titles_and_texts = (part.split("\n", 1) for part in GUIDE.read_text(encoding="utf-8").split("\n## ")[1:])
    return {title: set(words(text)) for title, text in titles_and_texts}


def test_there_are_as_many_questions_as_the_presets_say(pairs):
    assert len(pairs) == 203
    assert {len(pair.phrasings) for pair in pairs} == {8}
    assert sum(map(len, read_themes(NEAR_MISSES).values())) == 420


def test_no_two_questions_are_alike_and_no_two_answers(pairs):
    near_misses = [record.question for records in read_themes(NEAR_MISSES).values() for record in records]
    asked = [same(question) for pair in pairs for question in pair.phrasings.values()] + list(map(same, near_misses))
    assert [question for question, count in Counter(asked).items() if count > 1] == []
    answers = Counter(normalize(pair.answer) for pair in pairs)
    assert [answer for answer, count in answers.items() if count > 1] == []


def test_questions_and_answers_are_short_and_well_formed(pairs):
    for pair in pairs:
        assert 3 <= len(pair.answer.split()) <= 14
        assert pair.answer[0].isupper()
        assert pair.answer.endswith(".")
        for question in pair.phrasings.values():
            assert len(question.split()) <= 16
            assert "  " not in question
            assert (question[-1] in "?.") == question[0].isupper(), "written with care or in haste, not in between"


def test_haste_does_not_give_off_topic_questions_away(pairs):
    """As large a share of the questions on the topic is in lower case, so that this alone tells nothing."""
    off_topic = [record.question for records in read_themes(OWN_FILE).values() for record in records]
    asked = [question for pair in pairs for question in pair.phrasings.values()]
    in_haste = [sum(question[0].islower() for question in group) / len(group) for group in (asked, off_topic)]
    assert in_haste == pytest.approx([0.12, 0.15], abs=0.01)


def test_phrasings_differ_in_more_than_their_first_word(pairs):
    for pair in pairs:
        assert len({tuple(words(question)[1:]) for question in pair.phrasings.values()}) == 8


def test_every_answer_stands_in_its_section_of_the_guide(pairs, sections):
    assert list(dict.fromkeys(pair.section for pair in pairs)) == list(sections)
    small = set(
        words("a an the and or of to in on by with is are it they them their that you your at for as so do not")
    )
    for pair in pairs:
        content = set(words(pair.answer)) - small
        assert len(content & sections[pair.section]) >= 0.7 * len(content), pair.answer


def test_every_split_has_what_the_presets_say(splits):
    kinds = {split: Counter(record.kind for record in records) for split, records in splits.items()}
    assert kinds["validation"] == {"paraphrase": 183, "held_out": 20, "refusal": 42}
    assert kinds["test"] == {"paraphrase": 366, "held_out": 40, "refusal": 84}
    assert kinds["train"].pop("refusal") == 294
    assert sum(kinds["train"].values()) == 5 * 183
    assert len(kinds["train"]) == 16


@pytest.mark.parametrize("seed", [0, 1])
def test_no_question_stands_in_two_splits(seed):
    every = [record for split in SPLITS for record in read(default(seed=seed), split)]
    assert len({same(record.question) for record in every}) == len(every)
    assert len({record.id for record in every}) == len(every)


def test_paraphrases_have_answers_that_training_had_and_held_out_questions_have_none_of_them(splits):
    trained = {record.answers for record in splits["train"]}
    for split in ("validation", "test"):
        for record in splits[split]:
            assert (record.answers in trained) == (record.kind != "held_out")
    held_out = {split: {r.answers for r in splits[split] if r.kind == "held_out"} for split in splits}
    assert held_out["validation"] == held_out["test"]
    assert len(held_out["test"]) == 20


def test_refusals_have_the_reply_and_nothing_else_has(splits):
    for records in splits.values():
        for record in records:
            assert (record.answers == (REPLY,)) == (record.kind == "refusal") == record.id.startswith("refusal:")
            assert record.context == ""


def test_ids_tell_where_a_question_stands(splits):
    lines = QUESTIONS.read_text(encoding="utf-8").splitlines()
    for record in splits["test"]:
        if record.kind != "refusal":
            stem, line = record.id.split(":")
            assert (stem, lines[int(line) - 1]) == (QUESTIONS.stem, record.question)


def test_each_question_is_asked_once_before_any_is_asked_again(splits):
    answers = [record.answers[0] for record in splits["train"] if record.kind != "refusal"]
    assert all(len(set(answers[start : start + 183])) == 183 for start in range(0, 5 * 183, 183))


@pytest.mark.parametrize(
    "changes", [{"phrasings": 2}, {"near_misses": 0}, {"reply": "No."}], ids=["phrasings", "near_misses", "reply"]
)
def test_what_is_trained_on_does_not_change_what_is_asked_in_the_test(changes, splits):
    changed = read(default(**changes), "test")
    assert [record.question for record in changed] == [record.question for record in splits["test"]]


def test_what_is_held_out_changes_no_question_of_the_test(splits):
    changed = read(default(held_out=0.5), "test")
    assert [record.question for record in changed] == [record.question for record in splits["test"]]
    assert Counter(record.kind for record in changed)["held_out"] == 2 * 102
    assert not any(record.kind == "held_out" for record in read(default(held_out=0.0), "test"))


def test_a_smaller_training_split_is_part_of_the_larger(splits):
    smaller = {record.id for record in read(default(phrasings=2, near_misses=10), "train")}
    assert len(smaller) == 2 * 183 + 10
    assert smaller < {record.id for record in splits["train"]}


def test_the_nearest_question_leaves_something_to_learn(splits):
    rows = [row for row in nearest_question(splits["train"], splits["test"]) if row["kind"] == "paraphrase"]
    assert 0.6 < sum(row["exact_match"] for row in rows) / len(rows) < 0.75


def test_the_preset_mixes_off_topic_questions_in():
    config = compose_one(["dataset=communication"]).dataset
    mixed = {split: read_loosely(build(config), split) for split in SPLITS}
    for split, records in mixed.items():
        off_topic = [record for record in records if record.id.startswith("refusal:off_topic:")]
        assert len(off_topic) == pytest.approx(0.19 * len(records), abs=1), split
        assert {record.answers for record in records if record.kind == "refusal"} == {(config.reply,)}


def read_loosely(dataset, split):
    return list(dataset.records(split, Counter()))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"phrasings": 6}, "dataset.phrasings is 6; wanted 1 to 5"),
        ({"phrasings": 0}, "dataset.phrasings is 0; wanted 1 to 5"),
        ({"held_out": 1.0}, "dataset.held_out is 1.0; wanted a share of the questions, from 0 to below 1"),
        ({"held_out": -0.1}, "dataset.held_out is -0.1"),
        ({"near_misses": 295}, "dataset.near_misses is 295; wanted 0 to 294"),
        ({"near_misses": -1}, "dataset.near_misses is -1; wanted 0 to 294"),
        ({"reply": " "}, "dataset.reply is empty"),
    ],
    ids=[
        "phrasings-6",
        "phrasings-0",
        "held_out-all",
        "held_out-less",
        "near_misses-more",
        "near_misses-less",
        "reply",
    ],
)
def test_bad_options_are_refused_in_one_line(changes, message):
    with pytest.raises(InputError) as caught:
        default(**changes)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("What?\n", "questions.txt:1: wanted a heading such as '# Listening' above the first question"),
        ("# A\nb?\nc?\n\nd?\n", "questions.txt:3: wanted the answer below the last phrasing, came none"),
        ("# A\nb?\nc?\n# D\n", "questions.txt:3: wanted the answer below the last phrasing, came none"),
        ("# A\nb?\nc?", "questions.txt:3: wanted the answer below the last phrasing, came none"),
        ("# A\nb?\nc?\nd?\n= e\n", "questions.txt:5: wanted 4 or more phrasings above the answer, came 3"),
        ("# A\n= e\n", "questions.txt:2: wanted 4 or more phrasings above the answer, came 0"),
        ("# A\nb?\nB?  \n", "questions.txt:3: the phrasing stands at line 2 already"),
        ("# A\n\n", "questions.txt has no questions"),
    ],
    ids=["no-heading", "no-answer", "no-answer-in-section", "no-answer-at-end", "few", "none", "twice", "empty"],
)
def test_a_broken_file_is_refused_with_the_line(text, message, tmp_path):
    file = tmp_path / "questions.txt"
    file.write_text(text)
    with pytest.raises(InputError) as caught:
        read_pairs(file)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_is_read_by_blocks(tmp_path):
    file = tmp_path / "questions.txt"
    file.write_text("# One\n\na?\nb?\nc?\nd?\n= An answer.\n\n# Two\ne?\nf?\ng?\nh?\n= Another = one.")
    first, second = read_pairs(file)
    assert (first.section, first.phrasings, first.answer) == ("One", {3: "a?", 4: "b?", 5: "c?", 6: "d?"}, "An answer.")
    assert (second.section, list(second.phrasings), second.answer) == ("Two", [10, 11, 12, 13], "Another = one.")


def test_fingerprint_follows_every_option():
    changes = {"phrasings": 4, "held_out": 0.2, "near_misses": 293, "reply": "No.", "seed": 1}
    assert set(changes) == {field.name for field in dataclasses.fields(Communication)}
    digests = {default(**{name: value}).fingerprint() for name, value in changes.items()}
    assert len(digests | {default().fingerprint()}) == 1 + len(changes)


def test_it_survives_pickling(splits):
    again = pickle.loads(pickle.dumps(default()))
    assert again.fingerprint() == default().fingerprint()
    assert read(again, "test") == splits["test"]
