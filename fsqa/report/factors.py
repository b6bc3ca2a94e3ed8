"""Which settings of a sweep mattered: main effects, pairs of settings, and each setting's share of the variance."""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fsqa.report.headlines import MAIN
from fsqa.report.summary import Summary
from fsqa.study.statistics import Estimate, mean_with_interval

NOT_SET = "not set"
"""Level of the cells that do not have a setting, as the rank of an adapter where there is none."""
MOST_LEVELS = 8
"""Numbers beyond these, as a random search draws them, are taken together in ranges."""
RANGES = 4
MOST_FACTORS = 8
"""Factors among which the variance is shared out: every subset of them is fitted."""
MOST_INTERACTIONS = 3


@dataclass(frozen=True, slots=True)
class Factor:
    """A setting that differs between cells, and what its values did to the main metric."""

    name: str
    levels: tuple[str, ...]
    """Its values, numbers in their order; many different numbers are given as ranges."""
    effects: tuple[Estimate, ...]
    """Per level the mean over its cells, each cell counting once.

    One value per seed, and with them a Student-t interval over seeds, where all cells of the level have the same seeds.
    """
    importance: float
    """Share of the variance between cells, in 0..1."""
    metric: str = MAIN


@dataclass(frozen=True, slots=True)
class Interaction:
    """The main metric per pair of values of two factors."""

    rows: str
    columns: str
    row_levels: tuple[str, ...]
    column_levels: tuple[str, ...]
    values: tuple[tuple[float | None, ...], ...]
    """Mean over the cells that have both values, one tuple per row; ``None`` where no cell has them."""
    metric: str = MAIN


@dataclass(frozen=True, slots=True)
class _Point:
    """One cell: its settings, and the main metric by seed."""

    parts: Mapping[str, str]
    mean: float
    by_seed: Mapping[int, float]


@dataclass(frozen=True, slots=True)
class _Column:
    """A setting over all cells."""

    name: str
    levels: tuple[str, ...]
    places: NDArray[np.int64]
    """Level of each cell."""


def factors(summary: Summary) -> tuple[Factor, ...]:
    """Return the settings that the cells of a sweep differ in, the most important first.

    Empty with fewer than three cells or two settings. A setting that has another value in every cell names the cell
    and explains nothing, so it is left out.

    The importance is the factor's part in the R^2 of an additive model of the cells' means, averaged over the orders in
    which factors can enter it (Lindeman, Merenda and Gold 1980; the Shapley value of R^2). Where all combinations were
    run it is the main effect's share in the functional ANOVA of the grid; elsewhere it shares out fairly what settings
    explain together. What is missing to 1 is interaction and noise. It describes these cells and tests nothing.
    """
    points = _points(summary)
    columns = _columns(points)
    means = np.array([point.mean for point in points], dtype=np.float64)
    shares = _shares(columns, means)
    found = [
        Factor(column.name, column.levels, _effects(column, points), share, summary.main)
        for column, share in zip(columns, shares, strict=True)
    ]
    return tuple(sorted(found, key=lambda factor: -round(factor.importance, 12)))


def interactions(summary: Summary) -> tuple[Interaction, ...]:
    """Return the main metric over pairs of the three most important factors, for pairs that were crossed at all."""
    points = _points(summary)
    columns = {column.name: column for column in _columns(points)}
    ranked = [columns[factor.name] for factor in factors(summary)][:MOST_INTERACTIONS]
    pairs = [_interaction(first, second, points, summary.main) for first, second in itertools.combinations(ranked, 2)]
    return tuple(pair for pair in pairs if _crossed(pair))


def _points(summary: Summary) -> list[_Point]:
    parts = {cell.label: cell for cell in summary.cells}
    points = []
    for row in summary.rows:
        estimate, cell = row.estimates.get(summary.main), parts[row.label]
        if row.outside or estimate is None or not math.isfinite(estimate.mean):
            continue
        # a run that lacks the metric leaves open which seed a value belongs to
        whole = len(cell.seeds) == len(estimate.values)
        by_seed = dict(zip(cell.seeds, estimate.values, strict=True)) if whole else {}
        points.append(_Point(cell.parts, estimate.mean, by_seed))
    return points


def _columns(points: Sequence[_Point]) -> list[_Column]:
    if len(points) < 3:
        return []
    names = dict.fromkeys(name for point in points for name in point.parts)
    columns = [_column(name, [point.parts.get(name, NOT_SET) for point in points]) for name in names]
    columns = [column for column in columns if 1 < len(column.levels) < len(points)]
    return columns if len(columns) > 1 else []


def _column(name: str, values: Sequence[str]) -> _Column:
    levels = sorted(set(values), key=_order)
    numbers = [level for level in levels if _number(level) is not None]
    if len(numbers) > MOST_LEVELS:
        named = _ranges([value for value in values if _number(value) is not None])
        values = [named.get(value, value) for value in values]
        levels = list(dict.fromkeys(named.get(level, level) for level in levels))
    place = {level: number for number, level in enumerate(levels)}
    return _Column(name, tuple(levels), np.array([place[value] for value in values], dtype=np.int64))


def _ranges(values: Sequence[str]) -> dict[str, str]:
    """Give each number a range that about a quarter of the cells are in."""
    ordered = sorted(values, key=_order)
    place = {value: RANGES * number // len(ordered) for number, value in reversed(list(enumerate(ordered)))}
    ends: dict[int, list[str]] = {}
    for value in dict.fromkeys(ordered):
        ends.setdefault(place[value], []).append(value)
    names = {number: f"{own[0]} to {own[-1]}" if len(own) > 1 else own[0] for number, own in ends.items()}
    return {value: names[number] for value, number in place.items()}


def _order(value: str) -> tuple[int, float, str]:
    """Sort what is not set first, then numbers, then text."""
    number = _number(value)
    return (0, 0.0, "") if value == NOT_SET else (1, number, "") if number is not None else (2, 0.0, value)


def _number(value: str) -> float | None:
    try:
        number = float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _effects(column: _Column, points: Sequence[_Point]) -> tuple[Estimate, ...]:
    effects = []
    for level in range(len(column.levels)):
        own = [point for point, place in zip(points, column.places, strict=True) if place == level]
        mean = math.fsum(point.mean for point in own) / len(own)
        seeds = sorted(own[0].by_seed)
        if len(seeds) > 1 and all(sorted(point.by_seed) == seeds for point in own):
            each = [math.fsum(point.by_seed[seed] for point in own) / len(own) for seed in seeds]
            effects.append(mean_with_interval(each))
        else:
            effects.append(Estimate(mean, None, None, (mean,)))
    return tuple(effects)


def _shares(columns: Sequence[_Column], means: NDArray[np.float64]) -> list[float]:
    """Return the Shapley value of R^2 of each column; columns beyond the strongest few get their share of nothing."""
    alone = [_explained([column], means) for column in columns]
    strongest = sorted(range(len(columns)), key=lambda number: -alone[number])[:MOST_FACTORS]
    known = {
        subset: _explained([columns[number] for number in subset], means)
        for size in range(len(strongest) + 1)
        for subset in itertools.combinations(sorted(strongest), size)
    }
    shares = [0.0] * len(columns)
    for number in strongest:
        for subset, explained in known.items():
            if number not in subset:
                wider = known[tuple(sorted((*subset, number)))]
                orders = len(strongest) * math.comb(len(strongest) - 1, len(subset))
                shares[number] += (wider - explained) / orders
    return [min(max(share, 0.0), 1.0) for share in shares]


def _explained(columns: Sequence[_Column], means: NDArray[np.float64]) -> float:
    """Return the R^2 of the additive model of ``columns``; 0 where all cells are alike."""
    deviations = means - means.mean() if means.size else means
    total = float(deviations @ deviations)
    if not columns or total <= 1e-24 * max(1.0, float(means @ means)):
        return 0.0
    design = np.hstack([np.eye(len(column.levels))[column.places] for column in columns])
    fitted = design @ np.linalg.lstsq(design, deviations, rcond=None)[0]
    rest = deviations - fitted
    return 1.0 - float(rest @ rest) / total


def _interaction(rows: _Column, columns: _Column, points: Sequence[_Point], metric: str) -> Interaction:
    sums: dict[tuple[int, int], list[float]] = {}
    for point, row, column in zip(points, rows.places.tolist(), columns.places.tolist(), strict=True):
        sums.setdefault((row, column), []).append(point.mean)
    values = tuple(
        tuple(
            math.fsum(sums[row, column]) / len(sums[row, column]) if (row, column) in sums else None
            for column in range(len(columns.levels))
        )
        for row in range(len(rows.levels))
    )
    return Interaction(rows.name, columns.name, rows.levels, columns.levels, values, metric)


def _crossed(pair: Interaction) -> bool:
    """Tell whether some value of each factor met two values of the other; nested settings did not."""
    filled = [[value is not None for value in row] for row in pair.values]
    return any(sum(row) > 1 for row in filled) and any(sum(column) > 1 for column in zip(*filled, strict=True))
