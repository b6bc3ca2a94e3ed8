import math

import pytest

from fsqa.metrics.base import Scorer
from fsqa.metrics.scoring import Scoring, mean_of_batches, score_answer, score_text, summarize
from fsqa.types import Record


def test_score_answer():
    record = Record(id="7", question="who wrote emma", answers=("jane austen", "austen"), kind="author")
    assert score_answer(record, "Austen") == {
        "id": "7",
        "kind": "author",
        "question": "who wrote emma",
        "references": ["jane austen", "austen"],
        "prediction": "Austen",
        "exact_match": 1.0,
        "f1": 1.0,
        "echoed": False,
    }


def row(match, **more):
    return {"exact_match": match, "f1": match / 2, "echoed": match == 0, **more}


def test_summarize_answers_alone():
    assert summarize([row(1.0), row(0.0), row(0.0), row(1.0)]) == {
        "examples": 4,
        "exact_match": 0.5,
        "f1": 0.25,
        "echo_rate": 0.5,
    }


def test_summarize_generation():
    rows = [
        row(1.0, stopped=True, repeated=False, answer_length=3),
        row(0.0, stopped=False, repeated=True, answer_length=12),
        row(0.0, stopped=True, repeated=False, answer_length=0),
    ]
    metrics = summarize(rows)
    assert metrics["stop_rate"] == pytest.approx(2 / 3)
    assert metrics["repetition_rate"] == pytest.approx(1 / 3)
    assert metrics["answer_length"] == 5
    assert "answer_nll" not in metrics
    assert "perplexity" not in metrics


def test_answer_nll_is_a_mean_over_tokens_and_accuracy_over_examples():
    rows = [
        row(1.0, answer_nll=1.0, token_accuracy=1.0, reference_tokens=1),
        row(0.0, answer_nll=3.0, token_accuracy=0.0, reference_tokens=9),
    ]
    metrics = summarize(rows)
    assert metrics["answer_nll"] == pytest.approx((1 * 1.0 + 9 * 3.0) / 10)
    assert metrics["perplexity"] == pytest.approx(math.exp(2.8))
    assert metrics["token_accuracy"] == 0.5


def test_short_last_batch_weighs_as_much_as_the_rest():
    accuracies = [1.0] * 8 + [0.5] * 8 + [0.0]
    rows = [row(0.0, answer_nll=1.0, token_accuracy=accuracy, reference_tokens=2) for accuracy in accuracies]
    metrics = summarize(rows)
    assert metrics["token_accuracy_of_batches"] == pytest.approx((1.0 + 0.5 + 0.0) / 3)
    assert metrics["token_accuracy"] == pytest.approx(12 / 17)


def test_perplexity_of_a_hopeless_model_is_finite():
    metrics = summarize([row(0.0, answer_nll=1e6, token_accuracy=0.0, reference_tokens=1)])
    assert math.isfinite(metrics["perplexity"])


@pytest.mark.parametrize(
    ("values", "size", "mean"), [([1, 0], 8, 0.5), ([1, 1, 0], 2, 0.5), ([1, 0, 1], 1, 2 / 3), ([0.25], 8, 0.25)]
)
def test_mean_of_batches(values, size, mean):
    assert mean_of_batches(values, size) == pytest.approx(mean)


def test_an_answer_is_right_when_a_pattern_is_found_in_it():
    record = Record(
        "1", "height of mount mckinley", (r"20\s?,?\s?320\s?f(ee|oo)t",), patterns=(r"20,?320\s*f(ee|oo)t",)
    )
    assert score_answer(record, "about 20,320 Feet high")["exact_match"] == 1
    assert score_answer(record, "20,000 feet")["exact_match"] == 0


def test_figures_of_every_kind_of_question():
    rows = [row(1.0, kind="b"), row(0.0, kind="b"), row(1.0, kind="a"), row(0.0, kind="")]
    kinds = Scoring().by_kind(rows)
    assert {kind: (figures["examples"], figures["exact_match"]) for kind, figures in kinds.items()} == {
        "other": (1, 0.0),
        "a": (1, 1.0),
        "b": (2, 0.5),
    }


def test_one_kind_or_very_many_are_not_told_apart():
    assert Scoring().by_kind([row(1.0, kind="a")] * 2) == {}
    assert Scoring().by_kind([row(1.0, kind=str(i)) for i in range(13)]) == {}


class Length(Scorer):
    """Counts words: a scorer as others are written."""

    def columns(self, records, rows):
        return [{"words": len(each["prediction"].split())} for each in rows]

    def figures(self, rows):
        return {"words": sum(each["words"] for each in rows) / len(rows)}

    def baselines(self, train, test):
        return {"copy": [record.question for record in test]}


def test_scorers_add_their_columns_figures_and_baselines():
    record = Record("1", "who wrote emma", ("jane austen",))
    scoring = Scoring({"length": Length()})
    (done,) = scoring.complete([record], [score_answer(record, "jane austen")])
    assert (done["exact_match"], done["words"]) == (1.0, 2)
    assert scoring.summarize([done])["words"] == 2
    assert scoring.baselines([], [record]) == {"copy": ["who wrote emma"]}


def test_of_text_that_was_only_predicted_scorers_have_no_figures():
    """The token frequencies, a baseline of plain text, stand beside answers and say nothing."""
    document = score_text(Record("1", "", (), context="a b"), "a b", nll=2.0, tokens=2, correct=1)
    assert Scoring({"length": Length()}).summarize([document]) == summarize([document])


def test_of_very_many_kinds_those_off_topic_stand_apart():
    rows = [row(1.0, kind=str(i)) for i in range(20)] + [row(0.0, kind="refusal")]
    kinds = Scoring().by_kind(rows)
    assert {kind: figures["examples"] for kind, figures in kinds.items()} == {"on topic": 20, "refusal": 1}
