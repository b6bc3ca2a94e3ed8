"""Rows of different lengths in one flat file, mapped into memory."""

from __future__ import annotations

from pathlib import Path
from typing import Generic, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

Scalar = TypeVar("Scalar", bound=np.generic)


class RaggedWriter:
    """Appends rows to ``<name>.bin``, and where each ends to ``<name>.ends.bin``; use it in a ``with``."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder, self._name = folder, name
        self._end = 0

    def __enter__(self) -> Self:
        self._values = (self._folder / f"{self._name}.bin").open("wb")
        self._ends = (self._folder / f"{self._name}.ends.bin").open("wb")
        return self

    def __exit__(self, *_: object) -> None:
        self._values.close()
        self._ends.close()

    def extend(self, values: NDArray[np.generic], lengths: NDArray[np.int64]) -> None:
        """Append rows that lie one after another, each of its length."""
        ends = self._end + np.cumsum(lengths)
        self._values.write(values.tobytes())
        self._ends.write(ends.tobytes())
        self._end = int(ends[-1]) if len(ends) else self._end


class Ragged(Generic[Scalar]):
    """Read-only rows of ``dtype``; ``ragged[i]`` is a view into the mapped file."""

    def __init__(self, folder: Path, name: str, dtype: type[Scalar]) -> None:
        self._values = _map(folder / f"{name}.bin", dtype)
        self._ends = np.fromfile(folder / f"{name}.ends.bin", np.int64)
        self.lengths: NDArray[np.int64] = np.diff(self._ends, prepend=0)

    def __len__(self) -> int:
        return len(self._ends)

    def __getitem__(self, i: int) -> NDArray[Scalar]:
        return self._values[self._ends[i] - self.lengths[i] : self._ends[i]]


def _map(path: Path, dtype: type[Scalar]) -> NDArray[Scalar]:
    # An empty file cannot be mapped. A plain view of the map is sliced several times faster than the map itself.
    return np.asarray(np.memmap(path, dtype, "r")) if path.stat().st_size else np.empty(0, dtype)
