"""Tokens of many pieces of text in one flat array, and rows put together from them without a step for each token."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Numbers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Pieces:
    """Pieces of different lengths: piece ``i`` is ``values[starts[i] : starts[i] + lengths[i]]``."""

    values: NDArray[np.int32]
    starts: Numbers
    lengths: Numbers

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, i: int) -> NDArray[np.int32]:
        return self.values[self.span(i)]

    def span(self, i: int) -> slice:
        """Return where a piece stands among the values."""
        return slice(int(self.starts[i]), int(self.starts[i] + self.lengths[i]))

    def chosen(self, numbers: Numbers) -> Pieces:
        """Return the pieces of these numbers, in that order, over the same values."""
        return Pieces(self.values, self.starts[numbers], self.lengths[numbers])

    def with_others(self, numbers: Sequence[int], others: Pieces) -> Pieces:
        """Return the pieces with others in the place of those of these numbers."""
        import numpy as np

        starts, lengths, there = self.starts.copy(), self.lengths.copy(), np.array(numbers, np.int64)
        starts[there], lengths[there] = others.starts + len(self.values), others.lengths
        return Pieces(np.concatenate([self.values, others.values]), starts, lengths)

    def cut(self, tokens: Numbers) -> Pieces:
        """Return the pieces with so many values taken off the left of each."""
        return Pieces(self.values, self.starts + tokens, self.lengths - tokens)

    def joined(self, sizes: Numbers) -> Pieces:
        """Join each so many pieces in a row to one: ``sizes`` adds up to the number of pieces."""
        import numpy as np

        ends = np.cumsum(self.lengths)
        offsets = np.repeat(self.starts - (ends - self.lengths), self.lengths)
        values = self.values[offsets + np.arange(len(offsets))]
        borders = np.concatenate([[0], ends])[np.concatenate([[0], np.cumsum(sizes)])]
        return Pieces(values, borders[:-1], np.diff(borders))


def concatenated(parts: Sequence[Pieces]) -> Pieces:
    """Return the pieces of all parts, one part after another."""
    import numpy as np

    if len(parts) == 1:
        return parts[0]
    sizes = np.array([len(part.values) for part in parts], np.int64)
    shifts = np.repeat(np.cumsum(sizes) - sizes, [len(part) for part in parts])
    return Pieces(
        np.concatenate([part.values for part in parts]),
        np.concatenate([part.starts for part in parts]) + shifts,
        np.concatenate([part.lengths for part in parts]),
    )


def pieces_of(lists: Sequence[Sequence[int]]) -> Pieces:
    """Lay lists of ids out flat."""
    import numpy as np

    lengths = np.fromiter(map(len, lists), np.int64, len(lists))
    values = np.fromiter(chain.from_iterable(lists), np.int32, int(lengths.sum()))
    return Pieces(values, np.cumsum(lengths) - lengths, lengths)
