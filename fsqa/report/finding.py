"""The finding of a study in a few plain sentences, made from its figures."""

from fsqa.metrics.catalogue import METRICS
from fsqa.metrics.metric import Metric
from fsqa.report.differences import format_change, format_p, format_size
from fsqa.report.headlines import MAIN, MAIN_OF_TEXT
from fsqa.report.labels import metric_name, short_label
from fsqa.report.numbers import format_estimate
from fsqa.report.summary import Row, Summary
from fsqa.study.statistics import Difference


def finding(summary: Summary) -> str:
    """Return what the study shows and how sure that is; claims no winner where the figures do not name one."""
    ranked, main = summary.ranked, summary.main
    if not ranked:
        state = "no run is done yet" if not summary.rows else f"no run measured {METRICS[main].title.lower()}"
        return f"There is nothing to compare: {state}."
    if len(ranked) == 1:
        return f"{_alone(summary, ranked[0])}{_seeds(main, ranked[0])}. {_beside_baselines(summary, ranked[0])}".strip()
    best = ranked[0]
    name, best_one = metric_name(METRICS[main]), "highest" if METRICS[main].better == "higher" else "lowest"
    if best.estimates[main].mean == ranked[-1].estimates[main].mean:
        return f"All {len(ranked)} cells have the same {name}, {_score(main, best)}: nothing tells them apart."
    tied = [short_label(row.label) for row in ranked if row.estimates[main].mean == best.estimates[main].mean]
    if len(tied) > 1:
        names = " and ".join(tied) if len(tied) == 2 else f"{len(tied)} cells, {tied[0]} among them,"
        return f"{names} share the {best_one} {name}, {_score(main, best)}. {_beside_baselines(summary, best)}"
    opening = f"{short_label(best.label)} has the {best_one} {name}, {_score(main, best)}{_seeds(main, best)}."
    return " ".join(
        part for part in (opening, _lead(summary, best, ranked[1]), _beside_baselines(summary, best)) if part
    )


def _alone(summary: Summary, row: Row) -> str:
    if summary.main == MAIN:
        return f"{short_label(row.label)} answers {_score(MAIN, row)} of the {summary.split} questions exactly"
    if MAIN not in row.estimates and summary.main == MAIN_OF_TEXT:
        return f"{short_label(row.label)} predicts the {summary.split} text with {_score(summary.main, row)}"
    return f"The {metric_name(METRICS[summary.main])} of {short_label(row.label)} is {_score(summary.main, row)}"


def _score(main: str, row: Row) -> str:
    metric = METRICS[main]
    unit = "%" if metric.percent else "nats a token" if main == MAIN_OF_TEXT else ""
    return f"{format_estimate(metric, row.estimates[main])} {unit}".strip()


def _seeds(main: str, row: Row) -> str:
    if row.outside:
        return ""
    count = row.estimates[main].count
    return f" over {count} seeds" if count > 1 else " with one seed"


def _lead(summary: Summary, best: Row, following: Row) -> str:
    """Weigh the best cell against the next: paired where there are predictions, by their intervals otherwise."""
    main = summary.main
    name, lead = f"{short_label(following.label)} ({_score(main, following)})", summary.lead
    if lead is not None:
        return f"It leads {name} {_by(METRICS[main], lead, summary.lead_family)}"
    own, other = best.estimates[main], following.estimates[main]
    higher = METRICS[main].better == "higher"
    near, far = (own.low, other.high) if higher else (other.low, own.high)
    if near is None or far is None:
        return f"Next comes {name}; without intervals for both, which is better is open."
    if near <= far:
        return f"Its interval overlaps that of the next, {name}: these runs do not tell the two apart."
    return f"Its interval lies {'above' if higher else 'below'} that of the next, {name}."


def _by(metric: Metric, lead: Difference, family: int) -> str:
    """Say by how much, how surely, and what could have been seen where it is not sure."""
    seen = lead if metric.better == "higher" else lead.reversed
    unit = "points" if metric.percent else "nats" if metric.name == MAIN_OF_TEXT else ""
    seeds = "seeds" if lead.seeds > 1 else "one seed"
    corrected = f" after Holm's correction over {family} comparisons" if family > 1 else ""
    told = (
        (
            f"by {format_size(metric, seen.mean)} {unit} (paired on the same examples and {seeds}, 95 % interval "
            f"{format_change(metric, seen.low)} to {format_change(metric, seen.high)}, "
            f"p = {format_p(lead.p if lead.adjusted is None else lead.adjusted)}{corrected})"
        )
        .replace("p = <", "p < ")
        .replace("  ", " ")
    )
    if lead.settled:
        return f"{told}."
    could = f"{format_size(metric, lead.detectable)} {unit}".strip()
    return (
        f"{told}: these runs do not tell the two apart. The smallest difference they would have found four times in "
        f"five is {could}."
    )


def _beside_baselines(summary: Summary, row: Row) -> str:
    if row.mark:
        return f"It {'is ' if row.mark.startswith('not') else ''}{row.mark}."
    main = summary.main
    own = [
        each
        for each in summary.baselines
        if row.label in each.cells and main in each.row.estimates and not each.is_control
    ]
    if not own:
        return "No baseline was measured beside it."
    sign = 1 if METRICS[main].better == "higher" else -1
    strongest = max(own, key=lambda each: sign * each.row.estimates[main].mean)
    return f"The strongest baseline, {strongest.row.label}, has {_score(main, strongest.row)}."
