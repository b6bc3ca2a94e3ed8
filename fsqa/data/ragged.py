"""Rows of different lengths in one flat file, mapped into memory."""

from __future__ import annotations

from array import array
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

Scalar = TypeVar("Scalar", bound=np.generic)


class RaggedWriter:
    """Appends rows to ``<name>.bin``; on close their ends stand in ``<name>.ends.bin``."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder, self._name = folder, name
        self._file = (folder / f"{name}.bin").open("wb")
        self._ends = array("q")

    def append(self, row: NDArray[np.generic]) -> None:
        """Append one row."""
        self._file.write(row.tobytes())
        self._ends.append((self._ends[-1] if self._ends else 0) + len(row))

    def close(self) -> None:
        """Finish both files."""
        self._file.close()
        (self._folder / f"{self._name}.ends.bin").write_bytes(self._ends.tobytes())


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
    # An empty file cannot be mapped.
    return np.memmap(path, dtype, "r") if path.stat().st_size else np.empty(0, dtype)
