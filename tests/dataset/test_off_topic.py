"""Off-topic questions: whole themes and parts of others are held out, and a file of one's own is read alike."""

from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from fsqa.dataset.off_topic import OWN_FILE, OffTopic, read_themes
from fsqa.errors import InputError
from fsqa.types import SPLITS

CONF = Path(__file__).parents[2] / "conf" / "dataset" / "off_topic.yaml"


def default(**changes):
    options = OmegaConf.to_container(OmegaConf.load(CONF))
    assert options.pop("_target_") == "fsqa.dataset.off_topic.OffTopic"
    return OffTopic(**{**options, **changes})


def read(dataset, split):
    dropped = Counter()
    records = list(dataset.records(split, dropped))
    assert not dropped
    return records


@pytest.fixture(scope="module")
def splits():
    return {split: read(default(), split) for split in SPLITS}


def test_the_questions_are_many_and_of_many_forms():
    themes = read_themes(OWN_FILE)
    questions = [record.question for records in themes.values() for record in records]
    assert len(themes) == 27
    assert {len(records) for records in themes.values()} == {20}
    assert len(set(map(str.casefold, questions))) == 540
    assert len({question.split()[0].lower() for question in questions}) >= 80
    assert sum(not question.endswith("?") for question in questions) >= 150
    assert sum(question[0].islower() for question in questions) >= 80
    assert max(map(len, questions)) <= 64
    assert all(question == " ".join(question.split()) and question.isascii() for question in questions)


def test_the_splits_under_the_defaults(splits):
    assert {split: len(records) for split, records in splits.items()} == {"train": 300, "validation": 100, "test": 140}
    questions = [record.question for records in splits.values() for record in records]
    assert len(set(questions)) == 540
    assert all(not record.answers for records in splits.values() for record in records)


def test_some_themes_are_never_trained_on(splits):
    themes = {split: Counter(record.kind for record in records) for split, records in splits.items()}
    assert len(themes["train"]) == 20
    assert set(themes["train"].values()) == {15}
    for split, whole, part in (("validation", 3, 2), ("test", 4, 3)):
        new = set(themes[split]) - set(themes["train"])
        assert len(new) == whole
        assert {themes[split][theme] for theme in new} == {20}
        assert {themes[split][theme] for theme in themes["train"]} == {part}
        assert len(themes[split]) == 20 + whole


def test_the_order_is_shuffled(splits):
    for records in splits.values():
        kinds = [record.kind for record in records]
        assert sum(left == right for left, right in pairwise(kinds)) < len(kinds) / 4


def test_test_stays_as_it_is_when_validation_changes(splits):
    other = default(whole_themes={"validation": 1, "test": 4}, holdout={"validation": 0.3, "test": 0.15})
    held_out_alone = {record.kind for record in splits["test"]} - {record.kind for record in splits["train"]}
    assert {record for record in splits["test"] if record.kind in held_out_alone} <= set(read(other, "test"))
    assert set(splits["test"]) <= set(read(other, "test"))


def test_another_seed_holds_out_others_and_the_fingerprint_follows_everything(splits, tmp_path):
    assert set(read(default(seed=1), "test")) != set(splits["test"])
    copy = tmp_path / "off_topic.txt"
    copy.write_text(OWN_FILE.read_text(encoding="utf-8"), encoding="utf-8")
    assert default(path=str(copy)).fingerprint() == default().fingerprint()
    copy.write_text("# a theme\nOne?\n# another\nTwo?\n", encoding="utf-8")
    changed = [
        default(),
        default(seed=1),
        default(whole_themes={}),
        default(holdout={}),
        default(path=str(copy)),
    ]
    assert len({dataset.fingerprint() for dataset in changed}) == len(changed)


def test_a_file_of_ones_own(tmp_path):
    file = tmp_path / "mine.txt"
    file.write_text("\ufeff# cats\nDo cats purr?\n\n  Why do cats purr?  \n# dogs\nDo dogs bark?\n", encoding="utf-8")
    records = read(default(path=str(file), whole_themes={}, holdout={}), "train")
    assert {(record.id, record.question, record.kind) for record in records} == {
        ("mine:2", "Do cats purr?", "cats"),
        ("mine:4", "Why do cats purr?", "cats"),
        ("mine:6", "Do dogs bark?", "dogs"),
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Do cats purr?\n", "mine.txt:1: wanted a heading such as '# cooking' above the first question"),
        ("# a\nOne?\n# b\none?\n", "mine.txt:4: the question stands at line 2 already; remove one of them"),
        ("# a\n\n", "mine.txt has no questions; write one a line below a heading such as '# cooking'"),
        ("# a\nOne?\n", "dataset.whole_themes takes {'validation': 3, 'test': 4} of the 1 themes of mine.txt"),
    ],
    ids=["no-heading", "twice", "empty", "too-few-themes"],
)
def test_files_that_cannot_be_used(tmp_path, text, message):
    file = tmp_path / "mine.txt"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read(default(path=str(file)), "train")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"whole_themes": {"tset": 1}}, "dataset.whole_themes has no key 'tset'; wanted validation, test; did you"),
        ({"holdout": {"train": 0.1}}, "dataset.holdout has no key 'train'; wanted validation, test"),
        ({"holdout": {"test": -0.1}}, "dataset.holdout is {'test': -0.1}; wanted numbers of 0 or more"),
        ({"holdout": {"test": 0.6, "validation": 0.4}}, "wanted shares that leave some questions to train on"),
    ],
    ids=["split", "train", "negative", "everything"],
)
def test_bad_options(changes, message):
    with pytest.raises(InputError) as caught:
        default(**changes)
    assert message in str(caught.value)


def test_a_file_that_is_not_there():
    with pytest.raises(InputError, match=r"dataset\.path: there is no file .*nowhere\.txt"):
        default(path="nowhere.txt").fingerprint()
