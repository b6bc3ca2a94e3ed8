import pytest

from fsqa.metrics import refusals
from fsqa.metrics.scoring import Scoring, score_answer
from fsqa.study.scores import run_estimates
from fsqa.types import Record

REPLY = "I only know the atlas."


def rows(*asked: tuple[str, str]):
    """Scored answers: of each whether it was on or off topic, and what was said."""
    records = [
        Record(id=str(i), question=f"q{i}", answers=(REPLY,), kind="refusal")
        if topic == "off"
        else Record(id=str(i), question=f"q{i}", answers=("Rome",), kind="capital")
        for i, (topic, _) in enumerate(asked)
    ]
    scored = [score_answer(record, said) for record, (_, said) in zip(records, asked, strict=True)]
    return Scoring().complete(records, scored)


def test_counts_of_every_sort():
    # 3 off topic, 2 of them refused; 4 on topic, 1 of them refused, 2 right.
    given = rows(
        ("off", "i only know the atlas"),
        ("off", REPLY),
        ("off", "Rome"),
        ("on", REPLY.upper()),
        ("on", "Rome"),
        ("on", "the Rome!"),
        ("on", "Paris"),
    )
    assert refusals.figures(given) == pytest.approx(
        {
            "refusal_precision": 2 / 3,
            "refusal_recall": 2 / 3,
            "refusal_f1": 2 / 3,
            "leak_rate": 1 / 3,
            "false_refusal_rate": 1 / 4,
            "on_topic_exact_match": 2 / 4,
            "on_topic_f1": 2 / 4,
        }
    )


def test_f1_is_the_harmonic_mean_of_precision_and_recall():
    given = rows(("off", REPLY), ("off", "x"), ("off", "x"), ("on", REPLY), ("on", "Rome"))
    found = refusals.figures(given)
    precision, recall = found["refusal_precision"], found["refusal_recall"]
    assert precision != recall
    assert found["refusal_f1"] == pytest.approx(2 * precision * recall / (precision + recall))


def test_a_model_that_never_refuses_has_no_precision():
    found = refusals.figures(rows(("off", "Rome"), ("on", "Rome")))
    assert (found["refusal_precision"], found["refusal_recall"], found["refusal_f1"]) == (0, 0, 0)
    assert found["leak_rate"] == 1


def test_nothing_is_measured_where_nothing_is_off_topic():
    given = rows(("on", REPLY), ("on", "Rome"))
    assert refusals.figures(given) == {}
    assert "refused" not in given[0]
    assert refusals.figures([]) == {}


def test_figures_are_the_means_that_intervals_are_made_of():
    given = rows(("off", REPLY), ("off", "x"), ("off", REPLY), ("on", REPLY), ("on", "Rome"), ("on", "Rome"))
    estimates = run_estimates(given)
    for name, value in refusals.figures(given).items():
        assert estimates[name].mean == pytest.approx(value), name


def test_a_ratio_over_no_example_has_no_interval():
    estimates = run_estimates(rows(("off", "x"), ("off", "y"), ("on", "Rome"), ("on", "Rome")))
    assert "refusal_precision" not in estimates
    assert estimates["refusal_recall"].mean == 0


def test_the_baseline_refuses_everything():
    test = [Record("1", "q", ("Rome",)), Record("2", "q", (REPLY,), kind="refusal")]
    assert Scoring().baselines([], test) == {"refuse_everything": [REPLY, REPLY]}
    assert Scoring().baselines([], test[:1]) == {}
