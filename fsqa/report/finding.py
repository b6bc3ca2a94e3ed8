"""The finding of a study in a few plain sentences, made from its figures."""

from fsqa.metrics.catalogue import METRICS
from fsqa.report.numbers import format_estimate, format_points
from fsqa.report.summary import MAIN, Row, Summary


def finding(summary: Summary) -> str:
    """Return what the study shows and how sure that is; claims no winner where the figures do not name one."""
    ranked = summary.ranked
    if not ranked:
        state = "no run is done yet" if not summary.rows else "no run measured an exact match"
        return f"There is nothing to compare: {state}."
    if len(ranked) == 1:
        sentence = f"{ranked[0].label} answers {_score(ranked[0])} % of the {summary.split} questions exactly"
        return f"{sentence}{_seeds(ranked[0])}. {_above_baselines(summary, ranked[0])}".strip()
    if ranked[0].estimates[MAIN].mean == ranked[-1].estimates[MAIN].mean:
        return f"All {len(ranked)} cells have the same exact match, {_score(ranked[0])} %: nothing tells them apart."
    best = ranked[0]
    tied = [row.label for row in ranked if row.estimates[MAIN].mean == best.estimates[MAIN].mean]
    if len(tied) > 1:
        names = " and ".join(tied) if len(tied) == 2 else f"{len(tied)} cells, {tied[0]} among them,"
        return f"{names} share the highest exact match, {_score(best)} %. {_above_baselines(summary, best)}"
    opening = f"{best.label} has the highest exact match, {_score(best)} %{_seeds(best)}."
    return " ".join(
        part for part in (opening, _lead(summary, best, ranked[1]), _above_baselines(summary, best)) if part
    )


def _score(row: Row) -> str:
    return format_estimate(METRICS[MAIN], row.estimates[MAIN])


def _seeds(row: Row) -> str:
    count = row.estimates[MAIN].count
    return f" over {count} seeds" if count > 1 else " with one seed"


def _lead(summary: Summary, best: Row, following: Row) -> str:
    """Weigh the best cell against the next: paired where there are predictions, by their intervals otherwise."""
    name, lead = f"{following.label} ({_score(following)} %)", summary.lead
    if lead is not None:
        low, high = format_points(lead.low), format_points(lead.high)
        seeds = "and seeds" if lead.seeds > 1 else "and one seed"
        told = f"by {100 * lead.mean:.1f} points (paired on the same questions {seeds}, 95 % interval {low} to {high})"
        if lead.settled:
            return f"It leads {name} {told}."
        return f"It leads {name} {told}, which does not exclude zero: these runs do not tell the two apart."
    lowest, highest = best.estimates[MAIN].low, following.estimates[MAIN].high
    if lowest is None or highest is None:
        return f"Next comes {name}; without intervals for both, which is better is open."
    if lowest <= highest:
        return f"Its interval overlaps that of the next, {name}: these runs do not tell the two apart."
    return f"Its interval lies above that of the next, {name}."


def _above_baselines(summary: Summary, row: Row) -> str:
    if row.mark:
        return f"It {'is ' if row.mark.startswith('not') else ''}{row.mark}."
    own = [each for each in summary.baselines if row.label in each.cells and MAIN in each.row.estimates]
    if not own:
        return "No baseline was measured beside it."
    strongest = max(own, key=lambda each: each.row.estimates[MAIN].mean)
    return f"The strongest baseline, {strongest.row.label}, has {_score(strongest.row)} %."
