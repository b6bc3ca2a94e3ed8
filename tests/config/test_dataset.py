import pytest

from fsqa.config.check import check_config
from fsqa.config.compose import compose_config
from fsqa.config.dataset import build_dataset
from fsqa.dataset.atlas import Atlas
from fsqa.dataset.own_test import WithTest
from fsqa.errors import InputError
from fsqa.study.folder import RunFolder
from fsqa.train import _data_fingerprint

MODELLING = ("experiment=language_model", "dataset.path=docs")


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.jsonl").write_text('{"question": "who?", "answer": "me"}\n')
    (tmp_path / "docs").mkdir()


def config(*words):
    return check_config(compose_config(words))


def test_the_dataset_alone_or_with_a_test_of_ones_own():
    plain = config()
    assert plain["test_questions"] is None
    assert isinstance(build_dataset(plain), Atlas)
    own = build_dataset(config("test_questions=mine.jsonl"))
    assert own == WithTest(questions=build_dataset(plain), file="mine.jsonl")


def test_a_config_of_before_there_were_test_questions():
    plain = config()
    del plain["test_questions"]
    assert isinstance(build_dataset(plain), Atlas)


def test_text_that_shows_no_question_cannot_be_tested_on_one():
    with pytest.raises(InputError, match=r"test_questions: prompt.text='{context}' shows no question"):
        build_dataset(config(*MODELLING, "test_questions=mine.jsonl"))
    shown = config(*MODELLING, "test_questions=mine.jsonl", "prompt.text='{question} {answer}'")
    assert isinstance(build_dataset(shown), WithTest)


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("test_questions=3", "test_questions: wanted text or null, got 3"),
        ("test_questions=''", "test_questions: wanted a file of JSON lines, or null .* got an empty name"),
        ("test_question=x", "test_question: there is no key 'test_question'; did you mean 'test_questions'"),
    ],
)
def test_bad_values(word, told):
    with pytest.raises(InputError, match=told):
        config(word)


def test_what_a_run_knows_its_data_by(tmp_path):
    """Data on the hub is known by nothing that is cheap to ask for; a file of one's own questions always is."""
    hub = config("dataset=nq_open")
    assert _data_fingerprint(RunFolder(hub, {})) is None
    own = config("dataset=nq_open", "test_questions=mine.jsonl")
    before = _data_fingerprint(RunFolder(own, {}))
    assert before
    (tmp_path / "mine.jsonl").write_text('{"question": "who?", "answer": "you"}\n')
    assert before != _data_fingerprint(RunFolder(own, {}))
    nested = {**hub, "dataset": {"_target_": "fsqa.dataset.wrapper.Any", "questions": hub["dataset"]}}
    assert _data_fingerprint(RunFolder(nested, {})) is None
