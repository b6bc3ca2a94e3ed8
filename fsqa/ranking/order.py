"""The candidates of one query put in order: who is a generated text, who is relevant, and who is tied with whom."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

FAKE = -1
"""The label of a generated text; every other label is a grade of relevance."""
Ties = Literal["input", "best", "worst", "expected"]
"""How equal scores are settled: by the order given, for or against the generated text, or in the mean over orders."""
TIES: tuple[Ties, ...] = ("input", "best", "worst", "expected")
Unanswerable = Literal["separate", "skip", "count"]
"""What becomes of a query without a relevant candidate: it is reported apart, left out, or counts like all others."""
UNANSWERABLE: tuple[Unanswerable, ...] = ("separate", "skip", "count")


@dataclass(frozen=True, slots=True)
class Candidates:
    """The scored candidates of one query, in the order given; each field has one value per candidate."""

    scores: NDArray[np.float64]
    is_fake: NDArray[np.bool_]
    is_relevant: NDArray[np.bool_]

    @property
    def is_answerable(self) -> bool:
        """Whether any candidate is relevant."""
        return bool(self.is_relevant.any())


def candidates(
    scores: Sequence[float] | NDArray[np.float64],
    labels: Sequence[int] | NDArray[np.int64],
    relevant: Collection[int] = (1,),
) -> Candidates:
    """Judge the candidates of one query by their labels: -1 is a generated text, those in ``relevant`` are relevant.

    Raises ValueError for no candidates, another number of labels than of scores, labels that are no whole numbers, and
    scores that are NaN.
    """
    found, given = np.asarray(scores, dtype=np.float64), np.asarray(labels)
    if found.ndim != 1 or found.shape != given.shape or not len(found):
        raise ValueError(f"wanted a score and a label for each candidate, came shapes {found.shape} and {given.shape}")
    if given.dtype.kind not in "iu":
        raise ValueError(f"labels: wanted whole numbers, came {given.dtype}")
    if np.isnan(found).any():
        raise ValueError(f"scores: candidate {int(np.isnan(found).argmax())} has none (NaN)")
    if FAKE in relevant:
        raise ValueError(f"relevant: {FAKE} is the label of a generated text")
    return Candidates(found, given == FAKE, np.isin(given, list(relevant)))


@dataclass(frozen=True, slots=True)
class Tiers:
    """The candidates best first, in tiers within which every order is equally likely; one value per tier."""

    sizes: NDArray[np.int64]
    fakes: NDArray[np.int64]
    relevant: NDArray[np.int64]

    @property
    def above(self) -> NDArray[np.int64]:
        """How many candidates stand in higher tiers."""
        return self.sizes.cumsum() - self.sizes

    @property
    def candidates(self) -> int:
        """How many candidates there are."""
        return int(self.sizes.sum())


def tiers(judged: Candidates, ties: Ties = "input") -> Tiers:
    """Sort by score, highest first.

    Equal scores keep the ``input`` order, or a generated text is put first among them (``best``) or last (``worst``),
    or they share a tier (``expected``).
    """
    if ties not in TIES:
        raise ValueError(f"ties: wanted {', '.join(TIES)}, came '{ties}'")
    first = {"best": ~judged.is_fake, "worst": judged.is_fake}.get(ties, np.zeros(len(judged.scores), np.bool_))
    order = np.lexsort((first, -judged.scores))  # stable
    ordered = judged.scores[order]
    starts = np.ones(len(order), np.bool_)
    if ties == "expected":
        starts[1:] = ordered[1:] != ordered[:-1]
    places = starts.nonzero()[0]
    ones = np.ones(len(order), np.int64)
    columns = (ones, judged.is_fake[order].astype(np.int64), judged.is_relevant[order].astype(np.int64))
    return Tiers(*(np.add.reduceat(column, places) for column in columns))
