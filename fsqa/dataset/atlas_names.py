"""Names without a list: every index of every kind of thing has its own, found by arithmetic."""

from __future__ import annotations

import math
import zlib
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import product

from fsqa.dataset.atlas_words import (
    ENDINGS,
    GIVEN_NAMES,
    NOVEL_QUALITIES,
    NOVEL_THINGS,
    PAINTING_MOMENTS,
    PAINTING_VIEWS,
    SYLLABLES,
)

_MASK = (1 << 64) - 1
_ROOM = 2  # only every second possible name is used, or fewer: neighbours in the name space stay rare


def mix(*numbers: int) -> int:
    """Hash integers to 64 even bits (splitmix64): the atlas's only source of chance, far cheaper than ``random``."""
    return _mixed(0, numbers)


def _mixed(state: int, numbers: tuple[int, ...]) -> int:
    """Go on mixing from where other numbers left off."""
    for number in numbers:
        state = (state + number + 0x9E3779B97F4A7C15) & _MASK
        state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) & _MASK
        state ^= state >> 31
    return state


def draw(seed: int, purpose: str, *numbers: int) -> int:
    """Draw a number for one purpose; draws for different purposes are independent."""
    return _mixed(_purpose(seed, purpose), numbers)


@cache
def _purpose(seed: int, purpose: str) -> int:
    return mix(seed, zlib.crc32(purpose.encode()))


@dataclass(frozen=True)
class Shuffle:
    """A seeded one-to-one map of 0..size-1 onto itself that is never written out."""

    size: int
    factor: int
    shift: int

    @classmethod
    def of(cls, size: int, seed: int, purpose: str) -> Shuffle:
        """Draw one of the affine maps; its factor shares no divisor with the size, so no two numbers collide."""
        factor = draw(seed, purpose, 1) % size
        while math.gcd(factor, size) != 1:
            factor += 1
        return cls(size, factor, draw(seed, purpose, 2) % size)

    def __getitem__(self, number: int) -> int:
        return (number * self.factor + self.shift) % self.size


@dataclass(frozen=True)
class Names:
    """The names of one kind of thing: fixed parts picked by the low digits of a shuffled index, then syllables.

    ``pattern`` takes one part for each list of ``parts`` (``{0}``, ``{1}`` …) and the chain of syllables (``{stem}``).
    """

    pattern: str
    parts: tuple[tuple[str, ...], ...]
    syllables: int
    shuffle: Shuffle

    def __getitem__(self, index: int) -> str:
        rest, digit = divmod(self.shuffle[index], len(self._around))
        before, behind = self._around[digit]
        stem = ""
        for _ in range(self.syllables):
            rest, digit = divmod(rest, len(SYLLABLES))
            stem += SYLLABLES[digit]
        return before + stem.capitalize() + behind

    @cached_property
    def _around(self) -> list[tuple[str, str]]:
        """What stands before and behind the syllables, for every choice of parts."""
        return _around(self.pattern, self.parts)


@cache
def _around(pattern: str, parts: tuple[tuple[str, ...], ...]) -> list[tuple[str, str]]:
    """Fill in the parts in every way, that of the first changing fastest, and cut where the syllables go."""
    found = []
    for chosen in product(*reversed(parts)):
        before, _, behind = pattern.format(*reversed(chosen), stem="\0").partition("\0")
        found.append((before, behind))
    return found


@dataclass(frozen=True)
class NameMaker:
    """Draws the naming of each kind of thing from one seed."""

    seed: int

    def coined(self, kind: str, count: int) -> Names:
        """Name ``count`` things by one coined word: syllables, then an ending of the kind's own."""
        return self._names(kind, "{stem}{0}", (ENDINGS[kind],), self._syllables(count, len(ENDINGS[kind])))

    def people(self, count: int) -> Names:
        """Name ``count`` people by a given name and a coined surname."""
        parts = (GIVEN_NAMES, ENDINGS["surname"])
        return self._names("surname", "{0} {stem}{1}", parts, self._syllables(count, len(parts[0]) * len(parts[1])))

    def novels(self, count: int) -> Names:
        """Title ``count`` novels, such as The Silver Lantern."""
        return self._titles(
            "novel", ("The {0} {1}", "The {0} {1} of {stem}{2}"), (NOVEL_QUALITIES, NOVEL_THINGS), count
        )

    def paintings(self, count: int) -> Names:
        """Title ``count`` paintings, such as Boats at Dawn."""
        parts = (PAINTING_VIEWS, PAINTING_MOMENTS)
        return self._titles("painting", ("{0} {1}", "{0} of {stem}{2} {1}"), parts, count)

    def _titles(self, kind: str, patterns: tuple[str, str], parts: tuple[tuple[str, ...], ...], count: int) -> Names:
        """Use the short pattern while its titles last, and then the one that also names a place."""
        if _ROOM * count <= len(parts[0]) * len(parts[1]):
            return self._names(kind, patterns[0], parts, 0)
        parts = (*parts, ENDINGS["place"])
        return self._names(kind, patterns[1], parts, self._syllables(count, math.prod(map(len, parts))))

    def _syllables(self, count: int, endings: int) -> int:
        """Return how many syllables leave room for ``count`` names."""
        syllables = 1
        while endings * len(SYLLABLES) ** syllables < _ROOM * count:
            syllables += 1
        return syllables

    def _names(self, kind: str, pattern: str, parts: tuple[tuple[str, ...], ...], syllables: int) -> Names:
        size = math.prod(map(len, parts)) * len(SYLLABLES) ** syllables
        return Names(pattern, parts, syllables, Shuffle.of(size, self.seed, kind))
