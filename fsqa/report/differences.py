"""Paired differences as people read them: in points or in the metric's own unit, with what they are worth."""

from fsqa.metrics.metric import Metric
from fsqa.report.numbers import MISSING
from fsqa.study.statistics import LEVEL, Difference

TEST = (
    f"paired on the same examples and seeds, {100 * LEVEL:.0f} % interval by hierarchical bootstrap, p by paired "
    "permutation over examples and seeds"
)


def unit(metric: Metric) -> str:
    """Return what a difference of the metric is counted in."""
    return "points" if metric.percent else "nats" if metric.name == "answer_nll" else ""


def format_change(metric: Metric, value: float) -> str:
    """Return ``+7.5`` points or ``−0.21`` nats; without a sign where it rounds to zero."""
    shown = f"{100 * value:+.1f}" if metric.percent else f"{value:+.2f}"
    return shown[1:] if not shown[1:].strip("0.") else shown.replace("-", "−")


def format_size(metric: Metric, value: float) -> str:
    """Return a difference without its sign."""
    return format_change(metric, abs(value)).lstrip("+")


def format_interval(metric: Metric, difference: Difference) -> str:
    """Return ``+7.5 [+2.1, +12.9]``."""
    low, high = format_change(metric, difference.low), format_change(metric, difference.high)
    return f"{format_change(metric, difference.mean)} [{low}, {high}]"


def format_p(value: float | None) -> str:
    """Return a p-value with two digits that count, ``<0.001`` below that, and a dash where there is none."""
    if value is None:
        return MISSING
    return "<0.001" if value < 0.001 else f"{value:.3f}" if value < 0.1 else f"{value:.2f}"


def p_of(difference: Difference) -> float:
    """Return the p that counts: the corrected one where there were several comparisons."""
    return difference.p if difference.adjusted is None else difference.adjusted


def correction(count: int) -> str:
    """Say what the p-values were corrected for."""
    return f"Holm's correction over {count} comparisons" if count > 1 else "one comparison, no correction"
