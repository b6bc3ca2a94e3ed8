import pytest

from fsqa.metrics.catalogue import METRICS
from fsqa.report.differences import correction, format_change, format_interval, format_p, format_size, p_of, unit
from fsqa.study.statistics import Difference

MATCH, NLL = METRICS["exact_match"], METRICS["answer_nll"]


def difference(p=0.02, adjusted=None):
    return Difference(0.075, -0.021, 0.129, seeds=3, examples=100, p=p, adjusted=adjusted, detectable=0.05)


@pytest.mark.parametrize(
    ("metric", "value", "shown"),
    [
        (MATCH, 0.075, "+7.5"),
        (MATCH, -0.075, "−7.5"),
        (MATCH, 0.0001, "0.0"),
        (MATCH, -0.0001, "0.0"),
        (NLL, -0.214, "−0.21"),
        (NLL, 0.0, "0.00"),
    ],
)
def test_change(metric, value, shown):
    assert format_change(metric, value) == shown


def test_interval_and_size():
    assert format_interval(MATCH, difference()) == "+7.5 [−2.1, +12.9]"
    assert format_size(MATCH, 0.05) == "5.0"
    assert (unit(MATCH), unit(NLL), unit(METRICS["perplexity"])) == ("points", "nats", "")


@pytest.mark.parametrize(
    ("value", "shown"), [(None, "—"), (0.0004, "<0.001"), (0.0123, "0.012"), (0.34, "0.34"), (1.0, "1.00")]
)
def test_p(value, shown):
    assert format_p(value) == shown


def test_the_corrected_p_counts():
    assert p_of(difference(p=0.02)) == 0.02
    assert p_of(difference(p=0.02, adjusted=0.06)) == 0.06
    assert correction(1) == "one comparison, no correction"
    assert correction(3) == "Holm's correction over 3 comparisons"
