"""What is said against a cell: that it does not beat what needs no training."""

from collections.abc import Mapping, Sequence

from fsqa.metrics.catalogue import BASELINES, METRICS
from fsqa.report.labels import metric_name
from fsqa.report.numbers import format_value
from fsqa.study.statistics import Estimate

CONTROLS = ("query", "query_repeated", "human_answer")
"""Baselines that are no rivals. They tell what a ranker does with a text that is the query, which word matching puts
first, and with one that a person wrote; a cell has to beat a random passage, and the model it started from."""
REWRITES = ("copy_input", "after_last_cue")
"""Baselines that say a question again, which never matches its reference exactly, and yet comes near it."""

Estimates = Mapping[str, Estimate]
"""Per metric."""


def mark(metrics: Sequence[str], own: Estimates, baselines: Mapping[str, Estimates]) -> str:
    """Return in which of ``metrics`` the strongest of ``baselines`` (by name) is not clearly beaten.

    In the first every baseline is a rival but the controls. In a further one, whose name is told, only what is made of
    the question itself is, as far as it has anything: of short answers sentence BLEU says little.
    """
    said: dict[str, list[str]] = {}
    for name in metrics:
        allowed = [each for each in baselines if each not in CONTROLS and (name == metrics[0] or each in REWRITES)]
        value, rival = _strongest(name, {each: baselines[each] for each in allowed})
        verdict = _verdict(name, own.get(name), value) if value or (value == 0 and name == metrics[0]) else ""
        if verdict:
            where = "" if name == metrics[0] else f" in {metric_name(METRICS[name])}"
            title = BASELINES.get(rival, rival).lower()
            said.setdefault(f"{verdict} {title}", []).append(f"{format_value(METRICS[name], value)}{where}")
    return "; ".join(f"{told} ({', '.join(figures)})" for told, figures in said.items())


def _strongest(name: str, rivals: Mapping[str, Estimates]) -> tuple[float | None, str]:
    sign = 1 if METRICS[name].better == "higher" else -1
    each = [(sign * figures[name].mean, rival) for rival, figures in rivals.items() if name in figures]
    if not each:
        return None, ""
    value, rival = max(each)
    return sign * value, rival


def _verdict(name: str, own: Estimate | None, value: float) -> str:
    """Return ``not above`` or ``not clearly above``; empty where ``value`` is beaten, or nothing was measured."""
    if own is None:
        return ""
    sign, word = (1, "above") if METRICS[name].better == "higher" else (-1, "below")
    if sign * own.mean <= sign * value:
        return f"not {word}"
    nearest = own.low if sign > 0 else own.high
    return f"not clearly {word}" if nearest is not None and sign * nearest <= sign * value else ""
