"""Memory for columns that come run by run, which the system hands out in large pages.

A page of memory costs when it is touched for the first time: where pages are small, a tenth of
what it costs to parse the numbers on it. Arrow's arrays of a run are too short for large pages;
one behind the other in memory of their own they are not. Columns lie one below the other, as the
rows of a matrix, and whoever wants that matrix may have the memory it lies in.
"""

from __future__ import annotations

import mmap
import weakref
from collections.abc import Sequence
from contextlib import suppress

import numpy as np
import pyarrow as pa

from emcli.numerics import Array
from emcli.tables import bridge

PAGE = 1 << 21  # bytes of a large one; memory begins at such a page if it ends at one
LONG = 2 * PAGE  # bytes of a column from which on large pages are asked for


class Shelves:
    """What stays of the runs of a file; a column that is let go gives its memory back at once.

    names: of the file's columns, in order.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._place = {name: number for number, name in enumerate(names)}
        self._areas: list[Area] = []
        self._schemas: dict[pa.Schema, pa.Schema] = {}

    def schema(self, found: pa.Schema) -> pa.Schema:
        """One object for all runs that are alike.

        Each would stay where Arrow frees a run's columns around it, and such memory, in pieces as
        it is, neither goes back to the system nor holds the next run's.
        """
        return self._schemas.setdefault(found, found)

    def put(self, name: str, column: pa.ChunkedArray, at: int, rows: int) -> pa.ChunkedArray:
        """A run of a column, moved to its shelf if it is of numbers and will be long.

        at: rows of the file before these; rows: about how many there are from these on.
        """
        if column.type not in (pa.float64(), pa.int64()) or not len(column):
            return column
        area = self._area(at, len(column), rows)
        if area is None:
            return column
        place = area.place(self._place[name], at, len(column))
        full, numbers = bridge.joined(column).buffers()  # as the parser made them, from their start
        place[:] = np.frombuffer(numbers, np.uint8, len(place))
        moved = pa.Array.from_buffers(column.type, len(column), [full, pa.py_buffer(place)])
        return pa.chunked_array([moved])

    def _area(self, at: int, count: int, rows: int) -> Area | None:
        """Where so many rows have room, none where memory of their own is not worth while."""
        if not self._areas or at + count > self._areas[-1].stop:
            if 8 * rows < LONG:
                return None
            try:
                self._areas.append(Area(len(self._place), at, at + max(rows, count)))
            except OSError:  # more than the system promises
                return None
        return self._areas[-1]

    def filled(self) -> None:
        """Nothing more will be put here: what Arrow lets go of is given back from now on."""
        for area in self._areas:
            area.shelves = []

    def matrix(self, names: Sequence[str], rows: int) -> Array | None:
        """(d, rows) float64, the memory of these columns, whose numbers lie in it as far as they
        are float64; None where the columns are not neighbours, have no such memory, or somebody has
        it already. It is the asker's, who fills it with what `put` gave back of these columns, or
        with anything.
        """
        places = [self._place.get(name, -1) for name in names]
        first = min(places, default=-1)
        neighbours = first >= 0 and places == [*range(first, first + len(places))]
        if len(self._areas) != 1 or not neighbours:
            return None
        return self._areas[0].matrix(first, len(places), rows)


class Area:
    """Fresh memory for the rows from `start` to `stop` of d columns of 8 bytes each."""

    def __init__(self, d: int, start: int, stop: int) -> None:
        self.start, self.stop = start, stop
        self._pitch = 8 * (stop - start)
        size = -(-d * self._pitch // PAGE) * PAGE
        flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | getattr(mmap, "MAP_NORESERVE", 0)
        self._map = mmap.mmap(-1, size, flags=flags)
        if hasattr(mmap, "MADV_HUGEPAGE"):  # on Linux
            with suppress(OSError):  # a kernel without such pages gives small ones
                self._map.madvise(mmap.MADV_HUGEPAGE)
        self._taken: set[int] = set()
        self.shelves = [self._shelf(number) for number in range(d)]

    def _shelf(self, number: int) -> np.ndarray:
        """The bytes of a column, which are given back with the last of what is made of them."""
        found = np.frombuffer(self._map, np.uint8, self._pitch, number * self._pitch)
        weakref.finalize(found, self._give_back, number).atexit = False
        return found

    def _give_back(self, number: int) -> None:
        page = mmap.PAGESIZE
        start = -(-number * self._pitch // page) * page
        size = (number + 1) * self._pitch // page * page - start
        if number not in self._taken and size > 0 and hasattr(mmap, "MADV_DONTNEED"):
            self._map.madvise(mmap.MADV_DONTNEED, start, size)

    def place(self, number: int, at: int, count: int) -> np.ndarray:
        """The bytes of so many cells of a column."""
        first = 8 * (at - self.start)
        return self.shelves[number][first : first + 8 * count]

    def matrix(self, first: int, d: int, rows: int) -> Array | None:
        """(d, rows) float64, neighbouring columns, given back no more; only once."""
        wanted = {*range(first, first + d)}
        if self.start or self.stop < rows or wanted & self._taken:
            return None
        self._taken |= wanted
        count = self._pitch // 8
        whole = np.frombuffer(self._map, count=d * count, offset=first * self._pitch)
        return whole.reshape(d, count)[:, :rows]
