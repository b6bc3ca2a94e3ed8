import pytest

from fsqa.baseline import most_frequent_answer, nearest_question
from fsqa.types import Record


def record(question, *answers, kind=""):
    return Record(id=question, question=question, answers=answers, kind=kind)


TRAIN = [
    record("who wrote emma", "jane austen"),
    record("capital of france", "Paris"),
    record("largest city of france", "paris."),
    record("who wrote nana", "emile zola"),
]
TEST = [
    record("which novelist wrote nana", "Zola", "Émile Zola", "emile zola"),
    record("what is the capital of france", "Paris", kind="capital"),
    record("who wrote emma", "austen"),
]


def predictions(rows):
    return [row["prediction"] for row in rows]


def test_most_frequent_answer():
    rows = most_frequent_answer(TRAIN, TEST)
    assert predictions(rows) == ["Paris", "Paris", "Paris"]  # "Paris" and "paris." are one answer
    assert [row["exact_match"] for row in rows] == [0.0, 1.0, 0.0]
    assert [row["kind"] for row in rows] == ["", "capital", ""]


@pytest.mark.parametrize("train", [TRAIN[:1] + TRAIN[3:], TRAIN[:2]])
def test_the_first_seen_among_equals(train):
    assert predictions(most_frequent_answer(train, TEST)) == ["jane austen"] * 3


def test_only_the_answer_trained_on_is_counted():
    train = [record("a", "x", "y"), record("b", "y", "x"), record("c", "y")]
    assert predictions(most_frequent_answer(train, TEST[:1])) == ["y"]


def test_nearest_question():
    rows = nearest_question(TRAIN, TEST)
    assert predictions(rows) == ["emile zola", "Paris", "jane austen"]
    assert [row["exact_match"] for row in rows] == [1.0, 1.0, 0.0]
    assert rows[2]["f1"] == pytest.approx(2 / 3)
    assert [row["id"] for row in rows] == [r.question for r in TEST]


def test_rare_words_decide():
    train = [record("of of of the", "common"), record("zebra", "rare"), record("of it", "other")]
    assert predictions(nearest_question(train, [record("of the zebra", "x")])) == ["rare"]


def test_of_equally_near_questions_the_first_counts():
    train = [record("unrelated words", "far"), *(record("capital of", str(number)) for number in range(500))]
    asked = [record("what is the capital of nowhere", "x"), record("???", "x")]
    assert predictions(nearest_question(train, asked)) == ["0", "far"]


def test_questions_without_a_known_word_get_an_answer_too():
    rows = nearest_question(TRAIN, [record("???", "x"), record("quark", "x")])
    assert len(rows) == 2
    assert all(row["prediction"] in {r.answers[0] for r in TRAIN} for row in rows)


def test_training_question_without_a_word_does_no_harm():
    assert predictions(nearest_question([record("?!", "nothing"), *TRAIN], TEST[2:])) == ["jane austen"]
