"""NumPy to Arrow and back through their buffers.

`pa.array(...)`, `pa.scalar(...)`, `Array.to_numpy()` and compute functions given Python values all
import pandas (0.4 s) to see whether they were handed a pandas object. These do not.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa

from emcli.tables import compute

Column: TypeAlias = Any  # pa.Array or pa.ChunkedArray; PyArrow ships no types


def joined(column: Column) -> pa.Array:
    """The column as one array."""
    if not isinstance(column, pa.ChunkedArray):
        return column
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def numbers(values: np.ndarray) -> pa.Array:
    """A one-dimensional array of numbers as Arrow, without a copy; NaN stays NaN."""
    values = np.ascontiguousarray(values)
    kind = pa.from_numpy_dtype(values.dtype)
    return pa.Array.from_buffers(kind, len(values), [None, pa.py_buffer(values)])


def nullable(values: np.ndarray) -> pa.Array:
    """Numbers as Arrow; NaN becomes an empty cell."""
    held = numbers(values)
    if values.dtype.kind != "f" or not np.isnan(values).any():
        return held
    bits = np.packbits(~np.isnan(values), bitorder="little")
    return pa.Array.from_buffers(held.type, len(held), [pa.py_buffer(bits), held.buffers()[1]])


def strings(values: Sequence[str]) -> pa.Array:
    """Words as an Arrow array of strings."""
    words = [value.encode() for value in values]
    ends = np.cumsum([0] + [len(word) for word in words]).astype(np.int32)
    buffers = [None, pa.py_buffer(ends), pa.py_buffer(b"".join(words))]
    return pa.Array.from_buffers(pa.string(), len(words), buffers)


def scalar(value: str) -> pa.Scalar:
    """One word as compute functions want it."""
    return strings([value])[0]


def bits(column: Column) -> np.ndarray:
    """A boolean column without empty cells -> (n,) bool."""
    array = joined(column)
    packed = np.frombuffer(array.buffers()[1], np.uint8) if len(array) else np.empty(0, np.uint8)
    found = np.unpackbits(packed, bitorder="little")[array.offset : array.offset + len(array)]
    return found.astype(bool)


def valid(column: Column) -> np.ndarray:
    """Which cells hold something, (n,) bool."""
    return bits(compute.is_valid(column))


def view(array: pa.Array) -> np.ndarray:
    """The numbers of a primitive array, without a copy; empty cells hold anything."""
    kind: Any = array.type.to_pandas_dtype()
    if not len(array):
        return np.empty(0, kind)
    return np.frombuffer(array.buffers()[1], kind)[array.offset : array.offset + len(array)]


def floats(column: Column, out: np.ndarray | None = None) -> np.ndarray:
    """A column of integers or floats -> (n,) float64, NaN where a cell is empty."""
    out = np.empty(len(column)) if out is None else out
    start = 0
    for chunk in column.chunks if isinstance(column, pa.ChunkedArray) else [column]:
        piece, found = out[start : start + len(chunk)], view(chunk)
        if found.dtype != out.dtype or not _same(found, piece):
            piece[:] = found
        if chunk.null_count:
            piece[~valid(chunk)] = np.nan
        start += len(chunk)
    return out


def _same(one: np.ndarray, other: np.ndarray) -> bool:
    """Are these the same memory?"""
    return bool(one.__array_interface__["data"][0] == other.__array_interface__["data"][0])


def integers(column: Column, empty: int = -1) -> np.ndarray:
    """A column of integers -> (n,) int64, `empty` where a cell is empty."""
    array = joined(compute.cast(column, pa.int64()))
    found = view(array)
    return np.where(valid(array), found, empty) if array.null_count else found


def plain(kind: pa.DataType) -> bool:
    """Is this a type `floats` takes as it is?"""
    return pa.types.is_integer(kind) or kind in (pa.float64(), pa.float32())


def textual(kind: pa.DataType) -> bool:
    """Is this a type of text?"""
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or kind == pa.string_view()


FALSE = compute.is_null(strings(["x"]))[0]
