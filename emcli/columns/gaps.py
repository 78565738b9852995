"""What becomes of rows with empty cells."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from emcli.columns.values import Column
from emcli.errors import InputError
from emcli.numerics import Array
from emcli.sources.memory import CHUNK
from emcli.sources.spool import Matrix
from emcli.tables.table import Table


class Gaps:
    """Empty cells: how many there are, and what becomes of their rows."""

    def __init__(
        self, table: Table, columns: Sequence[Column], described: Sequence[int], how: str
    ) -> None:
        self.table, self.columns, self.how = table, columns, how
        self.described = list(described)
        self.missing = np.zeros(len(columns), dtype=np.int64)
        self.blank: list[int] = []
        self.whole: list[NDArray[np.int64]] = []
        self.holes: list[tuple[int, str]] = []
        self.holed = 0

    def look(self, matrix: Matrix) -> int:
        """Look at all rows; those that are kept move together, and their number is returned."""
        at = 0
        for start in range(0, self.table.rows, CHUNK):
            values = matrix.values[:, start : start + CHUNK]
            kept = self._see(values, start)
            rows = values.shape[1] if kept is None else len(kept)
            if kept is not None or at < start:
                matrix.values[:, at : at + rows] = values if kept is None else values[:, kept]
                matrix.passed(at, at + rows)
            matrix.passed(start, start + CHUNK)
            at += rows
        if self.how == "refuse" and self.holed:
            raise self._refusal()
        return at

    def _see(self, values: Array, start: int) -> NDArray[np.intp] | None:
        """Which of these rows to keep, None for all."""
        kept, own = None, values[: len(self.columns)]
        if np.isnan(own.min(axis=1)).any():  # quicker to see than where
            kept = self._holes(values, start)
        if self.how == "drop":
            self.whole.append(start + (np.arange(values.shape[1]) if kept is None else kept))
        return kept

    def _holes(self, values: Array, start: int) -> NDArray[np.intp] | None:
        """The same of rows with empty cells among them."""
        empty = np.isnan(values[: len(self.columns)])
        if self.how == "use":
            self.missing += np.count_nonzero(empty, axis=1)
            nothing = np.flatnonzero(np.isnan(values[self.described]).all(axis=0))
            self.blank += [start + int(row) for row in nothing]
            return None
        whole = np.count_nonzero(empty, axis=0) == 0
        kept = np.flatnonzero(whole)
        self.holed += len(whole) - len(kept)
        for row in np.flatnonzero(~whole)[: 4 - len(self.holes)]:
            name = self.columns[int(empty[:, row].argmax())].name
            self.holes.append((start + int(row), name))
        return kept

    def rows(self) -> NDArray[np.int64] | None:
        """The rows that were kept, None for all."""
        return np.concatenate(self.whole) if self.holed else None

    def _refusal(self) -> InputError:
        (row, name), *others = self.holes
        numbers = ", ".join(self.table.where(row).rpartition("row ")[2] for row, _ in others)
        more = f", as in {self.holed - 1} more row{'s' * (self.holed > 2)}" if others else ""
        more += f" ({numbers}{', …' if self.holed > 4 else ''})" if others else ""
        return self.table.refusal(
            name, row, f"the cell is empty{more}", "fill it in, or type --missing use or drop"
        )
