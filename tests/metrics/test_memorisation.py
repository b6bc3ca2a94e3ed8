import pytest

from fsqa.errors import InputError
from fsqa.metrics.memorisation import Memorisation, gap
from fsqa.metrics.scoring import Scoring


def test_the_gap_is_between_figures_that_both_splits_have():
    train = {"examples": 200, "exact_match": 1.0, "f1": 0.9}
    validation = {"examples": 50, "exact_match": 0.25, "f1": 0.5, "answer_nll": 3.0}
    assert gap(train, validation) == pytest.approx({"exact_match": 0.75, "f1": 0.4})


def test_the_most_that_any_scorer_asks_for_is_answered():
    scorers = {"few": Memorisation(examples=3), "many": Memorisation(examples=7)}
    assert Scoring(scorers).training_questions == 7
    assert Scoring().training_questions == 0


def test_none_is_refused():
    with pytest.raises(InputError, match=r"metrics.memorisation.examples: wanted 1 or more, got 0"):
        Memorisation(examples=0)
