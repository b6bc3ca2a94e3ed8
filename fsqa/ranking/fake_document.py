"""How high a generated text stands among real ones, for one query.

The definitions are those of docs-ranking-metrics 0.0.4, in which a text that was generated to fool a ranker is a "fake
document". FDARO is the share of queries whose fake document stands above a relevant one. Beyond that package:

* ties can be settled otherwise than by the order of the input, even exactly in the mean (:mod:`fsqa.ranking.order`);
* of several generated texts the mean or the best one can be asked for, where the package adds them up;
* ``up_quartile`` compares the text's score. The package compares its label, -1, so that its figure is 0 whenever the
  upper quartile is above -1 and 1 whenever it is not, whatever the text scored.
"""

from __future__ import annotations

from math import comb
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from fsqa.ranking.order import Candidates, Tiers, Ties, tiers

Several = Literal["sum", "mean", "best"]
SEVERAL: tuple[Several, ...] = ("sum", "mean", "best")
DEPTHS = (1, 3, 5)
"""Of the top of a ranking in which a generated text is counted."""
MARGIN = 1e-12
"""By more than which a score has to be higher, under FDARO v2."""


def figures(judged: Candidates, ties: Ties = "input") -> dict[str, float]:
    """Return all figures of one query's only generated text, by the names that columns have."""
    ordered = tiers(judged, ties)
    return {
        "loc": loc(ordered),
        "relative_loc": relative_loc(ordered),
        **{f"top_{depth}": top(ordered, depth) for depth in DEPTHS},
        "fdaro_v1": fdaro_v1(ordered),
        "fdaro_v2": fdaro_v2(judged),
        "up_quartile": up_quartile(judged),
    }


def loc(ordered: Tiers, several: Several = "sum") -> float:
    """Return the rank of the generated text, the best being 1; without one the rank after the last.

    Of several texts it is the sum of the ranks, their mean, or the best.
    """
    if not ordered.fakes.any():
        return ordered.candidates + 1.0
    if several == "best":
        tier = _first(ordered.fakes)
        return float(ordered.above[tier] + (ordered.sizes[tier] + 1) / (ordered.fakes[tier] + 1))
    return _gathered(ordered, ordered.above + (ordered.sizes + 1) / 2, several)


def relative_loc(ordered: Tiers, several: Several = "sum") -> float:
    """Return the rank divided by the number of candidates; without a generated text 1."""
    return loc(ordered, several) / ordered.candidates if ordered.fakes.any() else 1.0


def top(ordered: Tiers, depth: int, several: Several = "sum") -> float:
    """Return 1 if the generated text is among the first ``depth``, which may be more than there are; without one 0.

    Of several texts it is how many are, which share of them is, or whether any is.
    """
    within = np.clip(depth - ordered.above, 0, ordered.sizes)
    if not ordered.fakes.any():
        return 0.0
    if several == "best":
        tier = _first(ordered.fakes)
        size, fakes, taken = int(ordered.sizes[tier]), int(ordered.fakes[tier]), int(within[tier])
        return 1 - comb(size - fakes, taken) / comb(size, taken)
    return _gathered(ordered, within / ordered.sizes, several)


def fdaro_v1(ordered: Tiers) -> float:
    """Return 1 if a generated text stands above every relevant one; without a relevant one it always does."""
    wanted = ordered.fakes + ordered.relevant
    if not wanted.any():
        return 0.0
    tier = _first(wanted)
    return float(ordered.fakes[tier] / wanted[tier])


def fdaro_v2(judged: Candidates) -> float:
    """Return 1 if the highest generated text scores above the lowest relevant one, not merely as high.

    Without a relevant text it is 1, without a generated one 0.
    """
    if not judged.is_fake.any():
        return 0.0
    lowest = judged.scores[judged.is_relevant].min(initial=np.inf)
    return float(not judged.is_answerable or judged.scores[judged.is_fake].max() - lowest > MARGIN)


def up_quartile(judged: Candidates) -> float:
    """Return 1 if a generated text scores at least the upper quartile of all scores, by linear interpolation."""
    highest = judged.scores[judged.is_fake].max(initial=-np.inf)
    return float(judged.is_fake.any() and highest >= np.quantile(judged.scores, 0.75))


def _first(counts: NDArray[np.int64]) -> int:
    """Return the first tier that holds any."""
    return int((counts > 0).argmax())


def _gathered(ordered: Tiers, values: NDArray[np.float64], several: Several) -> float:
    """Add up what each generated text has, or average it."""
    if several not in SEVERAL:
        raise ValueError(f"several: wanted {', '.join(SEVERAL)}, came '{several}'")
    total = float((ordered.fakes * values).sum())
    return total / int(ordered.fakes.sum()) if several == "mean" else total
