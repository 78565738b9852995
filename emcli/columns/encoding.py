"""The table as the families see it: a (d, n) matrix of numbers and codes, checked cell by cell."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from emcli.columns import values as cells
from emcli.columns.gaps import Gaps
from emcli.columns.partly import Partly, side_of
from emcli.columns.selection import single
from emcli.columns.values import Column
from emcli.environment import give_back
from emcli.families.base import Family, Part
from emcli.frozen import frozen
from emcli.settings import Selecting
from emcli.sources.memory import CHUNK, MemorySource
from emcli.sources.spool import Matrix
from emcli.tables import bridge
from emcli.tables.table import Table

Array = NDArray[np.float64]


@frozen
class Data:
    """What a model is fitted to, or applied to.

    columns: in the order of the matrix; values: (d, n) float64, NaN = not observed, levels as
    codes; weights: (n,) or None; rows: the 0-based input row of each kept row, None when none was
    dropped; total_rows: rows of the input; missing: (d,) how many cells of each column are empty;
    blank: the kept rows that tell nothing of what is described; matrix: where values and weights
    lie.
    """

    columns: tuple[Column, ...]
    values: Array
    weights: Array | None
    rows: NDArray[np.int64] | None
    total_rows: int
    missing: NDArray[np.int64]
    blank: NDArray[np.int64]
    matrix: Matrix

    def range_of(self, column: int) -> tuple[float, float]:
        """The least and the largest value there, or finite side of one; NaN where there is none.

        Rows of no weight are as if absent.
        """
        names = [one.name for one in self.columns]
        side = side_of(names[column])
        rows = [column, *([names.index(side)] if side in names else [])]
        ends = []
        for at in range(0, self.values.shape[1], CHUNK):
            piece = self.values[rows, at : at + CHUNK]
            if self.weights is not None:
                piece = piece[:, self.weights[at : at + CHUNK] > 0]
            piece[np.isinf(piece)] = np.nan
            ends.append((np.fmin.reduce(piece, axis=None, initial=np.nan),
                         np.fmax.reduce(piece, axis=None, initial=np.nan)))
        low, high = zip(*ends, strict=True)
        return float(np.fmin.reduce(low)), float(np.fmax.reduce(high))

    def part(
        self, family: type[Family], columns: tuple[str, ...], variant: str | None,
        options: Mapping[str, Any],
    ) -> Part:
        """A family's block of these columns, as the rows have them."""
        at = {column.name: j for j, column in enumerate(self.columns)}
        rows = [at[name] for name in family.reads(columns, options)]
        return Part(
            family, columns, variant, options,
            tuple(self.columns[j].levels for j in rows),
            tuple(i for i, j in enumerate(rows) if self.missing[j]),
            tuple(self.range_of(at[name]) for name in columns) if family.ranged else (),
        )

    def source(self, threads: int | None = None) -> MemorySource:
        """The rows as a source of sums; a row with nothing observed counts for nothing."""
        weights = self.weights
        if len(self.blank):
            weights = np.ones(self.values.shape[1]) if weights is None else weights.copy()
            weights[self.blank] = 0.0
        names = [column.name for column in self.columns]
        return self.matrix.source(self.values, names, weights, threads)


def encode(
    table: Table,
    columns: tuple[Column, ...],
    selecting: Selecting,
    checks: Mapping[str, Sequence[Any]] | None = None,
    trials: Mapping[str, str | int] | None = None,
    partly: Mapping[str, Partly] | None = None,
) -> Data:
    """The table's rows as the columns were learnt, every cell checked.

    checks: the families that look at each column, whose support its values must lie in; trials:
    for columns of successes, the column or number they must not exceed; partly: columns that were
    seen in part, whose upper sides are columns after all that are described. Raises `InputError`
    naming file, row, column and value.
    """
    d = len(columns)
    roles = [name and single(table.names, name) for name in (selecting.weight, selecting.id)]
    weight, identity = roles
    seen = partly or {}
    # Where columns were seen in part, some are not filled with themselves.
    own = ["" if seen else column.name for column in columns]
    matrix = table.matrix([*own, *([weight] if weight else [])])
    if table.spool:
        give_back()
    second = {one.second: one for one in seen.values() if one.second}
    for number, column in enumerate(columns):
        if column.name in second:
            continue
        if column.name in seen:
            _fill(table, replace(column, name=seen[column.name].lower), matrix, number, ())
        else:
            _fill(table, column, matrix, number, (checks or {}).get(column.name, ()))
    place = {column.name: number for number, column in enumerate(columns)}
    for one in seen.values():
        _fill_partly(table, one, matrix, place, (checks or {}).get(one.name, ()))
    for name, limit in (trials or {}).items():
        most = place[limit] if isinstance(limit, str) else None
        _refuse_above(table, matrix, name, place[name], most, limit)
    if weight:
        _weigh(table, weight, matrix, d)
    if identity:
        _refuse_no_text(table, identity)
    # A masked colour, or a side without a bound, in the last columns, is no missing cell.
    aside = len(second) + (1 if selecting.labels else 0)
    described = [place[name] for name in checks or place if name in place]
    gaps = Gaps(table, columns[: d - aside], described, selecting.missing)
    kept = gaps.look(matrix)
    if table.spool:
        give_back()
    return Data(
        columns, matrix.values[:d, :kept], matrix.values[d, :kept] if weight else None,
        gaps.rows(), table.rows, np.append(gaps.missing, [0] * aside),
        np.array(gaps.blank, dtype=np.int64), matrix,
    )  # fmt: skip


def _filled(
    table: Table, name: str, matrix: Matrix, number: int
) -> Iterator[tuple[Table, Array]]:
    """The pieces of a column, and the place in the matrix for each."""
    at = 0
    for piece in table.pieces([name], last=True):
        yield piece, matrix.values[number, at : at + piece.rows]
        matrix.passed(at, at + piece.rows, number)
        at += piece.rows


def _fill(
    table: Table, column: Column, matrix: Matrix, number: int, families: Sequence[Any]
) -> None:
    """The cells of a column, checked."""
    for piece, out in _filled(table, column.name, matrix, number):
        if column.levels is not None:
            cells.codes(piece, column, out)
            continue
        cells.numbers(piece, column.name, out)
        for family in dict.fromkeys(families):
            refuse_outside(piece, column.name, out, family)


def _fill_partly(
    table: Table, one: Partly, matrix: Matrix, place: Mapping[str, int], families: Sequence[Any]
) -> None:
    """The two sides of a column that was seen in part, checked."""
    number = place[one.name]
    other = place[one.second] if one.second else number
    if one.status:
        truths = ("false", "true")
        words = set(cells.learn(table.pieces([one.status]), one.status)) <= set(truths)
        known = Column(one.status, "category", truths if words else (0, 1))
        for piece, out in _filled(table, one.status, matrix, other):
            cells.codes(piece, known, out, "status")
    elif one.upper:
        _fill(table, Column(one.upper, "real"), matrix, other, ())
    for start in range(0, table.rows, CHUNK):
        span = slice(start, start + CHUNK)
        lower, upper = matrix.values[number, span], matrix.values[other, span]
        if one.beside:
            one.sides(table, lower, upper, start)
        one.check(table, lower, upper, start, list(dict.fromkeys(families)))
        matrix.passed(start, start + CHUNK)


def _weigh(table: Table, name: str, matrix: Matrix, number: int) -> None:
    """The weights, every one a number from 0."""
    for piece, out in _filled(table, name, matrix, number):
        cells.numbers(piece, name, out)
        bad = np.flatnonzero(~(out >= 0))
        if len(bad):
            row = int(bad[0])
            what = "the weight is missing" if np.isnan(out[row]) else "a weight is below zero"
            raise piece.refusal(name, row, what, "weights are numbers from 0; 0 leaves a row out")


def _refuse_no_text(table: Table, name: str) -> None:
    """Raise `InputError` for row names that are not UTF-8, now and not when they are written."""
    if pa.types.is_binary(table.kind(name)):
        for piece in table.pieces([name]):
            piece.text(name)


def first_outside(values: Array, family: Any) -> int | None:
    """The row of the first of these numbers outside the family's support, None when none is."""
    if family.anywhere():  # numbers are finite here
        return None
    inside = family.inside(values)
    if inside.all():
        return None
    rows = np.flatnonzero(~inside & ~np.isnan(values))
    return int(rows[0]) if len(rows) else None


def refuse_outside(table: Table, name: str, values: Array, family: Any) -> None:
    """Raise `InputError` for the first value outside the family's support."""
    row = first_outside(values, family)
    if row is None:
        return
    raise table.refusal(
        name, row, f"{values[row]:.15g} is outside what {family.name} takes: {family.support}",
        f"correct it, choose another model, or leave the column out with -x '{name}'",
    )  # fmt: skip


def _refuse_above(
    table: Table, matrix: Matrix, name: str, number: int, limiting: int | None, limit: str | int
) -> None:
    """Raise `InputError` where there are more successes than trials, or no number of trials.

    number, limiting: the places of successes and trials in the matrix; limit: the column of the
    trials, or their number.
    """
    for start in range(0, table.rows, CHUNK):
        span = slice(start, start + CHUNK)
        successes = matrix.values[number, span]
        most = np.float64(limit) if limiting is None else matrix.values[limiting, span]
        bad = np.flatnonzero(~np.isnan(successes) & ~(successes <= most))
        if not len(bad):
            matrix.passed(start, start + CHUNK)
            continue
        row = int(bad[0])
        said = f"column '{limit}'" if isinstance(limit, str) else f"n={limit}"
        held = float(np.broadcast_to(most, successes.shape)[row])
        if np.isnan(held):
            raise table.refusal(
                str(limit), start + row, "the number of trials is missing", "fill it in"
            )
        raise table.refusal(
            name, start + row, f"{successes[row]:.15g} successes in {held:.15g} trials ({said})",
            "successes cannot exceed the trials",
        )  # fmt: skip


def decode(columns: Sequence[Column], values: Array) -> dict[str, pa.Array]:
    """Numbers and codes (d, n) back to cells: column names -> Arrow arrays; NaN -> empty."""
    return {column.name: _cells(column, row) for column, row in zip(columns, values, strict=True)}


def _cells(column: Column, values: Array) -> pa.Array:
    held = bridge.nullable(values)
    if column.kind == "count":
        return held.cast(pa.int64())
    if column.levels is None:
        return held
    if all(isinstance(level, int) for level in column.levels):
        levels = bridge.numbers(np.array(column.levels, dtype=np.int64))
    else:
        levels = bridge.strings([str(level) for level in column.levels])
    return levels.take(held.cast(pa.int64()))
