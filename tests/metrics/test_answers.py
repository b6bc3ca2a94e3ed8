import numpy as np
import pytest
from torchmetrics.functional.text import squad

from fsqa.metrics.answers import echoes, exact_match, f1, normalize, repeats


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("The Cat", "cat"),
        ("a an the", ""),
        ("another theme, anna", "another theme anna"),
        ("U.S.A.", "usa"),
        ("  new\tyork\n city ", "new york city"),
        ("the-end", "theend"),
        ("rock & roll", "rock roll"),
        ("3,000", "3000"),
        ("Émile ZOLA", "émile zola"),
        ("“quoted” — text", "“quoted” — text"),  # only ASCII punctuation goes, as in the official script
        ("", ""),
        ("?!.", ""),
    ],
)
def test_normalize(text, normal):
    assert normalize(text) == normal


@pytest.mark.parametrize(
    ("prediction", "references", "match", "overlap"),
    [
        ("the Paris!", ["paris"], 1.0, 1.0),
        ("jane austen", ["jane"], 0.0, 2 / 3),
        ("jane", ["jane austen"], 0.0, 2 / 3),
        ("jane jane", ["jane austen"], 0.0, 0.5),
        ("paris", ["london", "Paris."], 1.0, 1.0),
        ("new york", ["york", "the new york city"], 0.0, 0.8),
        ("red green", ["blue"], 0.0, 0.0),
        ("", ["paris"], 0.0, 0.0),
        ("paris", [""], 0.0, 0.0),
        ("", [""], 1.0, 1.0),
        ("the", ["a"], 1.0, 1.0),
        ("paris", [], 0.0, 0.0),
    ],
)
def test_exact_match_and_f1_by_hand(prediction, references, match, overlap):
    assert exact_match(prediction, references) == match
    assert f1(prediction, references) == pytest.approx(overlap)


def test_exact_match_and_f1_of_torchmetrics():
    random = np.random.default_rng(0)
    words = ["the", "a", "Paris", "paris", "New", "York,", "new", "u.s.", "42", "an", "-", "é", "The"]

    def text(least):
        return " ".join(random.choice(words, random.integers(least, 6)))

    for i in range(100):
        prediction, references = text(1), [text(1) for _ in range(random.integers(1, 4))]
        theirs = squad(
            [{"prediction_text": prediction, "id": str(i)}],
            [{"answers": {"answer_start": [0] * len(references), "text": references}, "id": str(i)}],
        )
        assert 100 * exact_match(prediction, references) == pytest.approx(theirs["exact_match"].item())
        assert 100 * f1(prediction, references) == pytest.approx(theirs["f1"].item(), rel=1e-6)


@pytest.mark.parametrize(
    ("prediction", "question", "echoed"),
    [
        ("who wrote emma", "Who wrote Emma?", True),
        ("Emma", "who wrote emma", True),
        ("emma emma", "who wrote emma", True),
        ("jane austen", "who wrote emma", False),
        ("jane wrote emma", "who wrote emma", False),
        ("", "who wrote emma", False),
        ("the", "who wrote the novel", False),
        ("emma", "", False),
    ],
)
def test_echoes(prediction, question, echoed):
    assert echoes(prediction, question) is echoed


@pytest.mark.parametrize(
    ("ids", "repeated"),
    [
        ([], False),
        ([1, 1], False),
        ([1, 1, 1], True),
        ([5, 1, 2, 1, 2, 1, 2, 6], True),
        ([1, 2, 1, 2, 1], False),
        ([1, 2, 3] * 3, True),
        ([1, 2, 3, 4] * 3, True),
        ([1, 2, 3, 4, 5] * 3, False),
        ([1, 1, 2, 1, 1, 2, 1, 1], False),
        ((9, 8, 7, 7, 7), True),
        (list(range(50)), False),
    ],
)
def test_repeats(ids, repeated):
    assert repeats(ids) is repeated
