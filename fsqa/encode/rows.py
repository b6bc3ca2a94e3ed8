"""Encoded rows as flat arrays, which are examples one by one and need no object for each when they are stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, overload

from fsqa.types import Example

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Numbers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Rows(Sequence[Example]):
    """Rows one after another; ``rows[i]`` is an example whose arrays are views."""

    ids: NDArray[np.int32]
    """Of all tokens of all rows."""
    roles: NDArray[np.uint8]
    """Of all tokens of all rows."""
    lengths: Numbers
    """Tokens of each row."""
    truncated: Numbers
    """As in an example, of each row; so are the next two."""
    records: Numbers
    answers_cut: Numbers

    def __len__(self) -> int:
        return len(self.lengths)

    @overload
    def __getitem__(self, i: int) -> Example: ...
    @overload
    def __getitem__(self, i: slice) -> list[Example]: ...
    def __getitem__(self, i: int | slice) -> Example | list[Example]:
        if isinstance(i, slice):
            return [self[each] for each in range(*i.indices(len(self)))]
        place = range(len(self))[i]
        end = int(self._ends[place])
        span = slice(end - int(self.lengths[place]), end)
        return Example(
            ids=self.ids[span],
            roles=self.roles[span],
            truncated=int(self.truncated[place]),
            record=int(self.records[place]),
            answer_cut=int(self.answers_cut[place]),
        )

    @cached_property
    def _ends(self) -> Numbers:
        return self.lengths.cumsum()


def rows_of(examples: Sequence[Example]) -> Rows:
    """Lay examples out flat; rows are returned as they are."""
    import numpy as np

    if isinstance(examples, Rows):
        return examples
    return Rows(
        ids=np.concatenate([np.empty(0, np.int32), *(example.ids for example in examples)], dtype=np.int32),
        roles=np.concatenate([np.empty(0, np.uint8), *(example.roles for example in examples)], dtype=np.uint8),
        lengths=np.array([len(example.ids) for example in examples], np.int64),
        truncated=np.array([example.truncated for example in examples], np.int64),
        records=np.array([example.record for example in examples], np.int64),
        answers_cut=np.array([example.answer_cut for example in examples], np.int64),
    )
