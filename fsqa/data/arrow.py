"""Columns of texts and numbers to and from Arrow.

They are laid out here by hand because pyarrow's own conversions load pandas, which takes a second of every start.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain, pairwise, repeat
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray


def array_of(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    """Return texts, whole numbers, or sequences of either, as an Arrow array of that type; none of them is missing.

    Raises OverflowError for more than 2 GiB of text.
    """
    if pa.types.is_list(kind):
        children = [array_of(list(chain.from_iterable(values)), kind.value_type)]
        return pa.Array.from_buffers(kind, len(values), [None, _borders(values)], null_count=0, children=children)
    if not pa.types.is_string(kind):
        return pa.Array.from_buffers(kind, len(values), [None, pa.py_buffer(np.array(values, np.int64))], null_count=0)
    joined = "".join(values)
    encoded = values if joined.isascii() else [text.encode() for text in values]
    buffers = [None, _borders(encoded), pa.py_buffer(joined.encode())]
    return pa.Array.from_buffers(kind, len(values), buffers, null_count=0)


def values_of(array: pa.Array) -> Iterable[Any]:
    """Return the texts, the numbers, or the tuples of either, of a whole array without a missing value."""
    if pa.types.is_list(array.type):
        held = values_of(array.values)
        if not len(array.values):
            return repeat((), len(array))
        values = held if isinstance(held, list) else list(held)
        return [tuple(values[begin:end]) for begin, end in pairwise(_ends(array))]
    if not pa.types.is_string(array.type):
        numbers: list[int] = _numbers(array.buffers()[1], np.int64)[: len(array)].tolist()
        return numbers
    ends = _ends(array)
    if not ends or not ends[-1]:
        return repeat("", len(array))
    held = array.buffers()[2].slice(0, ends[-1]).to_pybytes()
    if held.isascii():
        text = held.decode("ascii")
        return [text[begin:end] for begin, end in pairwise(ends)]
    return [held[begin:end].decode() for begin, end in pairwise(ends)]


def _borders(values: Sequence[Sequence[Any]]) -> pa.Buffer:
    """Return where each of the values begins when they lie one after another, and where the last ends."""
    borders = np.zeros(len(values) + 1, np.int64)
    np.cumsum(np.fromiter(map(len, values), np.int64, len(values)), out=borders[1:])
    if borders[-1] > np.iinfo(np.int32).max:
        raise OverflowError(f"{len(values)} rows hold {borders[-1]:,} bytes of text, more than 2 GiB")
    return pa.py_buffer(borders.astype(np.int32))


def _ends(array: pa.Array) -> list[int]:
    ends: list[int] = _numbers(array.buffers()[1], np.int32)[: len(array) + 1].tolist()
    return ends


def _numbers(buffer: pa.Buffer | None, dtype: type[np.generic]) -> NDArray[Any]:
    return np.frombuffer(buffer or b"", dtype)
