"""Memory for columns that come run by run, which the system hands out in large pages.

A page of memory costs when it is touched for the first time: where pages are small, a tenth of
what it costs to parse the numbers on it. Arrow's arrays of a run are too short for large pages;
one behind the other in memory of their own they are not.
"""

from __future__ import annotations

import mmap
from contextlib import suppress

import numpy as np
import pyarrow as pa

from emcli.tables import bridge

PAGE = 1 << 21  # bytes of a large one; memory begins at such a page if it ends at one
LONG = 2 * PAGE  # bytes of a column from which on large pages are asked for


class Shelves:
    """What stays of the runs of a file; a column that is let go gives its memory back at once."""

    def __init__(self) -> None:
        self._free: dict[str, np.ndarray] = {}
        self._schemas: dict[pa.Schema, pa.Schema] = {}

    def schema(self, found: pa.Schema) -> pa.Schema:
        """One object for all runs that are alike.

        Each would stay where Arrow frees a run's columns around it, and such memory, in pieces as
        it is, neither goes back to the system nor holds the next run's.
        """
        return self._schemas.setdefault(found, found)

    def put(self, name: str, column: pa.ChunkedArray, rows: int) -> pa.ChunkedArray:
        """The next run of a column, moved to its shelf if it is of numbers and will be long.

        rows: about how many there are from this run on.
        """
        free, size = self._free.get(name, _NOTHING), 8 * len(column)
        if column.type not in (pa.float64(), pa.int64()) or not size:
            return column
        if len(free) < size:
            if 8 * rows < LONG:
                return column
            free = _mapped(max(8 * rows, size))
        place, self._free[name] = free[:size], free[size:]
        full, numbers = bridge.joined(column).buffers()  # as the parser made them, from their start
        place[:] = np.frombuffer(numbers, np.uint8, size)
        moved = pa.Array.from_buffers(column.type, len(column), [full, pa.py_buffer(place)])
        return pa.chunked_array([moved])


_NOTHING = np.empty(0, np.uint8)


def _mapped(size: int) -> np.ndarray:
    """So many bytes of fresh memory."""
    found = mmap.mmap(-1, -(-size // PAGE) * PAGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    if hasattr(mmap, "MADV_HUGEPAGE"):  # on Linux
        with suppress(OSError):  # a kernel without such pages gives small ones
            found.madvise(mmap.MADV_HUGEPAGE)
    return np.frombuffer(found, np.uint8)
