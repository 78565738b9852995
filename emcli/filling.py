"""A table with its missing cells filled in by a fit, some rows at a time.

Cells that are there stay character for character; so do columns the model does not know. What the
table has under no name of its own, a column between two others (--interval), follows at the end.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from emcli import columns, imputing, tables
from emcli.columns import Column, Data
from emcli.errors import InputError
from emcli.frozen import frozen
from emcli.mixture import Mixture
from emcli.numerics import Array
from emcli.sources.memory import one_blas_thread
from emcli.tables import bridge, compute

# The column that tells one drawing from another.
DRAW = "draw"


class Fit(Protocol):
    """What says what the rows are of; `emcli.fitted.Fitted` is one."""

    @property
    def mixture(self) -> Mixture: ...
    @property
    def names(self) -> tuple[str, ...]: ...


@frozen
class Asked:
    """draws: how many completed tables, None for one with expectations; seed: of the drawing;
    text: is the output text, so that cells stay as they are typed?"""

    draws: int | None = None
    seed: int = 0
    text: bool = False


class Filling:
    """The rows of the table, 65,536 at a time; of several drawings one after the other.

    left: the columns with cells that stay empty, known when all rows were had.
    """

    def __init__(self, fitted: Fit, table: tables.Table, data: Data, asked: Asked) -> None:
        if asked.draws and DRAW in table.names:
            raise InputError(
                f"{table.label} has a column '{DRAW}' already, which --draws writes too",
                "rename the column",
            )
        self.fitted, self.table, self.data, self.asked = fitted, table, data, asked
        described = {name for f in fitted.mixture.families if f.written for name in f.columns}
        self.fill = [
            (place, column) for place, column in enumerate(data.columns)
            if column.name in described and (data.missing[place] or column.name not in table.names)
        ]  # fmt: skip
        rest = [name for name in table.names if name not in described]
        self.left = {
            name for piece in (table.pieces(rest) if rest else ())
            for name in rest if piece.column(name).null_count
        }  # fmt: skip

    def __iter__(self) -> Iterator[pa.Table]:
        # A decimal comma would meet the output's delimiter: then numbers are written anew.
        words = self.asked.text and self.table.decimal == "."
        for draw in range(self.asked.draws or 1):
            for piece in tables.evenly(self.table, self.table.names, (), words):
                found = self._filled(piece, *self._cells(piece, draw))
                if self.asked.draws:
                    found = {DRAW: bridge.numbers(np.full(piece.rows, draw + 1)), **found}
                yield pa.Table.from_arrays(list(found.values()), names=list(found))

    def _cells(self, piece: tables.Table, draw: int) -> tuple[Array, Array]:
        """(d, n) the piece's rows as they are and with what the model says of them; NaN in those
        that were dropped."""
        fitted, data, asked = self.fitted, self.data, self.asked
        low, high = start, stop = piece.first_row, piece.first_row + piece.rows
        if data.rows is not None:
            low, high = np.searchsorted(data.rows, (start, stop)).tolist()
        rows = np.arange(piece.rows) if data.rows is None else data.rows[low:high] - start
        before = np.full((len(data.columns), piece.rows), np.nan)
        before[:, rows] = data.values[:, low:high]
        data.matrix.passed(low, high)
        after = before.copy()
        gaps = rows[imputing.lacking(fitted.mixture, fitted.names, before[:, rows])]
        if len(gaps):
            rows_of = fitted.mixture, fitted.names, before[:, gaps]
            with one_blas_thread(), np.errstate(all="ignore"):
                r = imputing.responsibilities(*rows_of)
                _refuse_unlikely(piece, gaps[np.isnan(r[0])])
                if asked.draws:
                    rng = np.random.default_rng([asked.seed, draw, start])
                    after[:, gaps] = imputing.drawn(*rows_of, r, rng)
                else:
                    after[:, gaps] = imputing.expected(*rows_of, r)
        return before, after

    def _filled(self, piece: tables.Table, before: Array, after: Array) -> dict[str, Any]:
        """The piece's columns, those with empty cells filled."""
        found = dict(zip(piece.names, piece.arrow.columns, strict=True))
        for place, column in self.fill:
            if np.isnan(after[place]).any():
                self.left.add(column.name)
            if self.asked.draws is None and column.kind == "count":
                column = replace(column, kind="real")
            known, new = found.get(column.name), after[place]
            if column.levels is not None:  # that a family of counts may describe as well
                new = np.clip(np.rint(new), 0, len(column.levels) - 1)
            found[column.name] = _column(known, column, before[place], new)
        return found


def _refuse_unlikely(piece: tables.Table, rows: NDArray[np.int64]) -> None:
    """Raise `InputError` for the first of these rows, which have no density."""
    if len(rows):
        raise InputError(
            f"{piece.where(int(rows[0]))}: it has no computable density under these parameters",
            "check that they were fitted to data of this kind",
        )


def _column(known: Any, column: Column, old: Array, new: Array) -> Any:
    """A column of the table, None where it has none, with its empty cells filled: as Arrow."""
    if known is None:
        return columns.decode((column,), new[None])[column.name]
    cells = columns.decode((column,), np.where(np.isnan(old), new, np.nan)[None])[column.name]
    kind = known.type.value_type if pa.types.is_dictionary(known.type) else known.type
    if column.kind == "real" and not (bridge.textual(kind) or pa.types.is_floating(kind)):
        kind = pa.float64()
    return compute.fill_null(compute.cast(cells, kind), compute.cast(known, kind))
