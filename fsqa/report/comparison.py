"""Paired comparisons of cells: the same seeds, the same examples; what cannot be compared is told, never averaged."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fsqa.report.notes import told
from fsqa.study.bootstrap import RESAMPLES
from fsqa.study.permutation import FLIPS
from fsqa.study.scores import CellScores
from fsqa.study.spread import ScoreTable
from fsqa.study.statistics import Difference, holm, paired_differences

MOST_FLIPS = 99_999
FLIPS_EACH = 30
"""Flips per comparison: with many of them Holm's correction needs p-values that few flips cannot reach."""


@dataclass(frozen=True, slots=True)
class _Pair:
    """Two cells brought onto their common seeds and examples."""

    seeds: tuple[int, ...]
    """Seeds that both have."""
    alone: tuple[int, ...]
    """Seeds that one of them has."""
    examples: int
    left_out: int
    """Examples that one of them has, or that are not the same in both."""
    tables: tuple[ScoreTable, ScoreTable]


@dataclass(frozen=True, slots=True)
class Comparisons:
    """A family of comparisons with one cell, corrected for their number."""

    differences: Mapping[str, Difference]
    """Per label; a cell that could not be compared is left out."""
    notes: tuple[str, ...]
    """One sentence for each thing that could not be paired."""


NO_COMPARISONS = Comparisons({}, ())


def compare_all(
    scores: Mapping[str, CellScores | None], against: str, metric: str, seedless: Collection[str] = ()
) -> Comparisons:
    """Compare every cell with the cell ``against``: ``metric`` of the cell minus that of the other.

    Paired are the seeds and examples that both have; the answers of a ``seedless`` cell, which nobody trained here,
    are the same beside every seed of the other. Cells whose data differs are compared only if their test
    questions are the same. The p-values are corrected by Holm over all of these comparisons.
    """
    if not any(scores.values()):
        return NO_COMPARISONS
    base = scores[against]
    others = {label: own for label, own in scores.items() if label != against}
    pairs = {
        label: _paired(own, base, metric, (label in seedless, against in seedless)) for label, own in others.items()
    }
    found = {label: pair for label, pair in pairs.items() if isinstance(pair, _Pair)}
    flips = min(max(FLIPS, FLIPS_EACH * len(found)), MOST_FLIPS)
    differences: dict[str, Difference] = {}
    for labels in _alike(found):
        tables = [found[label].tables for label in labels]
        differences |= zip(labels, paired_differences(tables, resamples=RESAMPLES, flips=flips), strict=True)
    refused = {label: pair for label, pair in pairs.items() if isinstance(pair, str)}
    ordered = {label: differences[label] for label in scores if label in differences}
    return Comparisons(holm(ordered), tuple(_notes(found, refused, against)))


def _alike(pairs: Mapping[str, _Pair]) -> Iterator[list[str]]:
    """Put together what has as many examples: it shares its resamples."""
    sizes: dict[int, list[str]] = {}
    for label, pair in pairs.items():
        sizes.setdefault(pair.examples, []).append(label)
    yield from sizes.values()


def _paired(
    candidate: CellScores | None, base: CellScores | None, metric: str, seedless: tuple[bool, bool]
) -> _Pair | str:
    """Return what both have in common, or why they cannot be compared; ``seedless`` says which of them has no seeds."""
    if candidate is None or base is None or metric not in candidate.metrics or metric not in base.metrics:
        return "no scores per question"
    seeds = _common_seeds(candidate, base, seedless)
    if not seeds:
        return "no common seed"
    places, base_places = _common(candidate, base)
    shared = len(candidate.ids) if places is None else len(places)
    left_out = len(candidate.ids) + len(base.ids) - 2 * shared + candidate.left_out + base.left_out
    if shared < 2 or (left_out and candidate.data_sha256 != base.data_sha256):
        return "other test questions"
    return _Pair(
        seeds=seeds,
        alone=() if any(seedless) else tuple(sorted({*candidate.seeds, *base.seeds} - {*seeds})),
        examples=shared,
        left_out=left_out,
        tables=(
            _table(candidate, metric, seeds, places, seedless[0]),
            _table(base, metric, seeds, base_places, seedless[1]),
        ),
    )


def _common_seeds(candidate: CellScores, base: CellScores, seedless: tuple[bool, bool]) -> tuple[int, ...]:
    if seedless == (True, False):
        return base.seeds
    if seedless == (False, True):
        return candidate.seeds
    return tuple(seed for seed in candidate.seeds if seed in base.seeds)


def _table(
    scores: CellScores, metric: str, seeds: Sequence[int], places: NDArray[np.int64] | None, seedless: bool
) -> ScoreTable:
    """Return the scores of shape (seeds, examples); one row for all seeds where there are none."""
    if not seedless:
        return scores.table(metric, seeds, places)
    return np.repeat(scores.table(metric, scores.seeds[:1], places), len(seeds), axis=0)


def _common(candidate: CellScores, base: CellScores) -> tuple[NDArray[np.int64], NDArray[np.int64]] | tuple[None, None]:
    """Return where the examples stand that are the same in both; ``None`` where all of them are, in one order."""
    if candidate.ids == base.ids and np.array_equal(candidate.contents, base.contents):
        return None, None
    place = {key: number for number, key in enumerate(zip(base.ids, base.contents.tolist(), strict=True))}
    keys = list(zip(candidate.ids, candidate.contents.tolist(), strict=True))
    own = [number for number, key in enumerate(keys) if key in place]
    return np.array(own, dtype=np.int64), np.array([place[keys[number]] for number in own], dtype=np.int64)


def _notes(pairs: Mapping[str, _Pair], refused: Mapping[str, str], against: str) -> Iterator[str]:
    if refused:
        yield f"Not compared with {against} ({told(refused)})."
    alone = {label: _seeds(pair) for label, pair in pairs.items() if pair.alone}
    if alone:
        yield f"Compared with {against} on common seeds alone ({told(alone)})."
    lost = {label: f"{pair.examples}, {pair.left_out} left out" for label, pair in pairs.items() if pair.left_out}
    if lost:
        yield f"Compared with {against} on common test examples alone ({told(lost)})."


def _seeds(pair: _Pair) -> str:
    return f"{_listed(pair.seeds)} without {_listed(pair.alone)}"


def _listed(seeds: Sequence[int]) -> str:
    return ", ".join(map(str, seeds))
