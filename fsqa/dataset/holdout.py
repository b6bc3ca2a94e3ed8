"""Seeded draws of rows, stratified by kind: the parts held out of the training rows, and the sample a limit keeps."""

from array import array
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import final

import numpy as np
from numpy.typing import NDArray

from fsqa.errors import InputError
from fsqa.types import SPLITS, Split

Mask = NDArray[np.bool_]


def quotas(sizes: NDArray[np.int64], total: int) -> NDArray[np.int64]:
    """Share ``total`` out over strata in proportion to their sizes: the floor of each, then by largest remainder.

    Ties go to the earlier stratum. No quota exceeds its stratum's size as long as ``total`` does not exceed their sum.
    """
    rows = max(int(sizes.sum()), 1)
    # Whole numbers throughout: floating remainders would make ties depend on rounding.
    shares, remainders = np.divmod(sizes * total, rows)
    rest = total - int(shares.sum())
    shares[np.argsort(-remainders, kind="stable")[:rest]] += 1
    return shares


@final
class Draw:
    """Rows seen in one pass, each kept as twelve bytes: a stratum and a rank.

    The rank is a seeded hash of what the row says, not of where it stands. So a draw picks the same rows in whatever
    order they come, and equal rows have equal ranks, which keeps them on one side of a cut (but for the cut itself).
    """

    def __init__(self, *, seed: int, purpose: str) -> None:
        self._salt = blake2b(f"{purpose}:{seed}".encode(), digest_size=16).digest()
        self._codes: dict[str, int] = {}
        self._ranks = array("Q")
        self._kinds = array("i")

    def __len__(self) -> int:
        return len(self._ranks)

    def add(self, kind: str, *texts: str) -> None:
        """Take in the next row: its stratum, and the texts that make it what it is."""
        digest = blake2b("\0".join(texts).encode(), digest_size=8, salt=self._salt).digest()
        self._ranks.append(int.from_bytes(digest, "big"))
        self._kinds.append(self._codes.setdefault(kind, len(self._codes)))

    def sample(self, total: int, *, among: Mask | None = None, largest: bool = False) -> Mask:
        """Pick exactly ``total`` rows (of those ``among``), each stratum by its quota, by smallest or largest rank."""
        ranks = np.array(self._ranks, dtype=np.uint64)
        strata = self._strata()
        rows = np.arange(len(ranks)) if among is None else np.flatnonzero(among)
        rows = rows[np.lexsort((~ranks[rows] if largest else ranks[rows], strata[rows]))]
        sizes = np.bincount(strata[rows], minlength=len(self._codes)).astype(np.int64)
        # The rows now stand stratum by stratum, so a row's place in its stratum is its place less the stratum's start.
        starts = np.cumsum(sizes) - sizes
        place = np.arange(len(rows)) - starts[strata[rows]]
        picked = np.zeros(len(ranks), dtype=np.bool_)
        picked[rows[place < quotas(sizes, total)[strata[rows]]]] = True
        return picked

    def _strata(self) -> NDArray[np.int64]:
        # Numbered by name, since the order of first sight would make ties between quotas depend on the rows' order.
        position = {kind: place for place, kind in enumerate(sorted(self._codes))}
        by_code = np.array([position[kind] for kind in self._codes], dtype=np.int64)
        return by_code[np.array(self._kinds, dtype=np.int64)] if self._codes else np.zeros(0, dtype=np.int64)


def carve(draw: Draw, holdout: Mapping[Split, float]) -> dict[Split, Mask]:
    """Split the rows of a draw into training rows and the parts held out of them.

    A part below 1 is a share of all rows (rounded, at least one row), from 1 on a number of rows, and 0 is no part.
    Test is cut first and validation from the other end of the ranks, so that the test rows stay the same whatever
    the size of validation.
    """
    rows = len(draw)
    if not rows:  # an empty split is told elsewhere, with what became of its rows
        return dict.fromkeys(SPLITS, np.zeros(0, dtype=np.bool_))
    sizes = {split: part_size(part, rows) for split, part in holdout.items()}
    if sum(sizes.values()) >= rows:
        wanted = ", ".join(f"{split} {size}" for split, size in sizes.items())
        raise InputError(f"dataset.holdout takes {wanted} of {rows} rows and leaves none to train on; make it smaller")
    parts: dict[Split, Mask] = {}
    left = np.ones(rows, dtype=np.bool_)
    for split in ("test", "validation"):
        parts[split] = draw.sample(sizes.get(split, 0), among=left, largest=split == "validation")
        left &= ~parts[split]
    parts["train"] = left
    return parts


def part_size(part: float, rows: int) -> int:
    """Return how many of ``rows`` a part takes: below 1 a share of them, from 1 on a number of rows."""
    if part <= 0 or part >= 1:
        return int(part)
    return max(1, round(part * rows))


def carve_whole(groups: NDArray[np.int64], order: Sequence[int], holdout: Mapping[Split, float]) -> dict[Split, Mask]:
    """Split rows into training rows and the parts held out of them, never parting a group of rows.

    ``groups`` holds each row's group. A part takes whole groups until it has its rows: test from the front of
    ``order``, validation from its end, so that the test rows stay the same whatever the size of validation.
    """
    if not len(groups):
        return dict.fromkeys(SPLITS, np.zeros(0, dtype=np.bool_))
    sizes, left = np.bincount(groups, minlength=len(order)), list(order)
    parts: dict[Split, Mask] = {}
    ends: dict[Split, int] = {"test": 0, "validation": -1}
    for split, end in ends.items():
        chosen: list[int] = []
        while left and sizes[chosen].sum() < part_size(holdout.get(split, 0), len(groups)):
            chosen.append(left.pop(end))
        parts[split] = np.isin(groups, chosen)
    if not left:
        raise InputError(
            f"dataset.holdout takes all {len(order)} groups of rows that stay whole and leaves none to train on; make "
            "it smaller, or keep smaller groups whole"
        )
    parts["train"] = np.isin(groups, left)
    return parts
