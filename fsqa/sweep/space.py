"""The space that a search looks through, read from overrides in Hydra's own syntax."""

from __future__ import annotations

import itertools
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hydra.core.override_parser.types import IntervalSweep, Override, RangeSweep

from fsqa.errors import InputError
from fsqa.study.folder import NOT_IDENTITY

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

SEED = "seed"
LOG = "log"
DIGITS = 4

Params = Mapping[str, Any]
"""A trial's values by the keys of its overrides, as Optuna keeps them."""


@dataclass(frozen=True)
class Dimension:
    """One searched key: what it is drawn from, and how its values are written in an override."""

    distribution: BaseDistribution
    words: tuple[str, ...]
    """All values as text, where they are listed; empty for an interval."""

    def word(self, value: Any) -> str:
        """Return a drawn value as override text: of a listed one the very text that a grid would take.

        Of an interval it has four digits that matter, which tell more trials apart than anybody runs.
        """
        if isinstance(value, str):
            return value
        if self.words:
            return min(self.words, key=lambda word: abs(float(word) - value))
        return repr(value if isinstance(value, int) else _rounded(value, self.distribution))

    @property
    def values(self) -> tuple[Any, ...]:
        """All values as Optuna keeps them; empty for an interval."""
        choices = getattr(self.distribution, "choices", None)
        return choices or tuple(json.loads(word) for word in self.words)


@dataclass(frozen=True)
class Space:
    """What a search may change, what stays fixed, and the seeds with which every trial is run."""

    dimensions: Mapping[str, Dimension]
    fixed: tuple[str, ...]
    """Overrides that all trials have."""
    seeds: tuple[int, ...]
    """Empty where the seed is not swept over."""

    @property
    def distributions(self) -> dict[str, BaseDistribution]:
        """What each searched key is drawn from."""
        return {key: dimension.distribution for key, dimension in self.dimensions.items()}

    def changed(self, params: Params) -> tuple[str, ...]:
        """Return the overrides that tell one trial from the others."""
        return tuple(f"{key}={dimension.word(params[key])}" for key, dimension in self.dimensions.items())

    def runs(self, params: Params) -> tuple[tuple[str, ...], ...]:
        """Return the overrides of every run of a trial, one run per seed."""
        words = (*self.fixed, *self.changed(params))
        return tuple((*words, f"{SEED}={seed}") for seed in self.seeds) or (words,)

    def grid(self) -> Iterator[Params]:
        """Go through every combination; raises InputError for an interval, which has no list of values."""
        for key, dimension in self.dimensions.items():
            if not dimension.values:
                raise InputError(
                    f"{key}: hydra.sweeper.sampler=grid needs a list of values and this is an interval; write "
                    f"{key}=a,b,c or {key}=range(start,stop,step), or take another sampler"
                )
        for values in itertools.product(*(dimension.values for dimension in self.dimensions.values())):
            yield dict(zip(self.dimensions, values, strict=True))

    def description(self) -> dict[str, Any]:
        """Return what has to stay the same for trials to be comparable, as plain values."""
        from optuna.distributions import distribution_to_json

        return {
            "searched": {key: json.loads(distribution_to_json(self.dimensions[key].distribution)) for key in self.keys},
            "fixed": sorted(word for word in self.fixed if _top(word) not in NOT_IDENTITY),
            "seeds": list(self.seeds),
        }

    @property
    def keys(self) -> list[str]:
        """The searched keys by name."""
        return sorted(self.dimensions)


def read_space(overrides: Sequence[Override]) -> Space:
    """Sort overrides into searched, fixed and seeds; a later one takes the place of an earlier one of its key.

    ``key=a,b,c`` and ``choice()`` are choices, ``range()`` are evenly spaced numbers, ``interval()`` is any number
    between two, a whole one with ``int(interval())``; ``tag(log, ...)`` draws numbers by their order of magnitude.
    Raises InputError for a space that cannot be drawn from.
    """
    dimensions: dict[str, Dimension] = {}
    fixed: dict[str, str] = {}
    seeds: tuple[int, ...] = ()
    for override in overrides:
        key = override.get_key_element()
        fixed.pop(key, None)
        dimensions.pop(key, None)
        if key == SEED:
            seeds = ()
        if not override.is_sweep_override():
            fixed[key] = str(override.input_line)
        elif key == SEED:
            seeds = _seeds(override)
        elif _top(key) in NOT_IDENTITY:
            raise InputError(f"{key}: no setting of the training, so there is nothing to search; give it one value")
        else:
            dimensions[key] = _dimension(key, override)
    return Space(dimensions=dimensions, fixed=tuple(fixed.values()), seeds=seeds)


def _top(word: str) -> str:
    """Return the top-level key of an override."""
    return re.split(r"[.=@]", word.lstrip("+~"))[0]


def _seeds(override: Override) -> tuple[int, ...]:
    words = list(override.sweep_string_iterator()) if override.is_discrete_sweep() else []
    if not words or not all(word.isdecimal() for word in words):
        raise InputError(
            f"'{override.input_line}': seeds are not searched, every trial is run with each of them; list whole "
            "numbers, as in seed=0,1,2"
        )
    return tuple(dict.fromkeys(map(int, words)))


def _dimension(key: str, override: Override) -> Dimension:
    from optuna.distributions import CategoricalDistribution

    sweep: Any = override.value()
    is_number = isinstance(sweep, IntervalSweep | RangeSweep)
    if unknown := sorted(set(sweep.tags) - ({LOG} if is_number else set())):
        wanted = "tag(log, ...) is the only one a search knows" if is_number else "choices take none"
        raise InputError(f"'{override.input_line}': no tag '{unknown[0]}' here; {wanted}")
    if isinstance(sweep, IntervalSweep):
        return Dimension(_interval(override, sweep.start, sweep.end, None, is_log=LOG in sweep.tags), ())
    words = [str(word) for word in override.sweep_string_iterator()]
    words = list(dict.fromkeys(words))
    if isinstance(sweep, RangeSweep):
        if not words:
            raise InputError(f"'{override.input_line}': the range is empty")
        words.sort(key=float)
        first, last = json.loads(words[0]), json.loads(words[-1])
        step = abs(json.loads(str(sweep.step)))
        return Dimension(_interval(override, first, last, step, is_log=LOG in sweep.tags), tuple(words))
    return Dimension(CategoricalDistribution(words), tuple(words))


def _rounded(value: float, distribution: Any) -> float:
    """Round a number of an interval, by its own size or by the interval's, but not over its ends."""
    low, high = distribution.low, distribution.high
    if distribution.log:
        rounded = float(f"{value:.{DIGITS}g}")
    else:
        rounded = round(value, DIGITS - math.floor(math.log10(high - low))) if high > low else value
    return rounded if low <= rounded <= high else value


def _interval(override: Override, low: Any, high: Any, step: Any, *, is_log: bool) -> BaseDistribution:
    """Make the distribution of the numbers from ``low`` to ``high``, both included."""
    from optuna.distributions import FloatDistribution, IntDistribution

    is_whole = isinstance(low, int) and isinstance(high, int) and isinstance(step or 1, int)
    if low > high:
        raise InputError(f"'{override.input_line}': wanted a low and then a high end, got {low} and {high}")
    if is_log and low <= 0:
        raise InputError(f"'{override.input_line}': a logarithm wants numbers above 0, got {low}")
    if is_log and step is not None and not (is_whole and step == 1):
        raise InputError(
            f"'{override.input_line}': tag(log, ...) goes with interval(), or with a range of whole numbers in steps "
            "of 1"
        )
    if is_whole:
        return IntDistribution(low, high, log=is_log, step=step or 1)
    return FloatDistribution(low, high, log=is_log, step=step)
