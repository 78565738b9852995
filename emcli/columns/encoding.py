"""The table as the families see it: a (d, n) matrix of numbers and codes, checked cell by cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from emcli.columns import values as cells
from emcli.columns.selection import single
from emcli.columns.values import Column
from emcli.errors import InputError
from emcli.settings import Selecting
from emcli.tables import bridge
from emcli.tables.table import Table

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Data:
    """What a model is fitted to, or applied to.

    columns: in the order of the matrix; values: (d, n) float64, NaN = not observed, levels as
    codes; weights: (n,) or None; rows: the 0-based input row of each kept row, None when none was
    dropped; total_rows: rows of the input; ids: the --id column as text, one for each input row.
    """

    columns: tuple[Column, ...]
    values: Array
    weights: Array | None
    rows: NDArray[np.int64] | None
    total_rows: int
    ids: pa.ChunkedArray | None


def encode(
    table: Table,
    columns: tuple[Column, ...],
    selecting: Selecting,
    checks: Mapping[str, Sequence[Any]] | None = None,
    trials: Mapping[str, str | int] | None = None,
) -> Data:
    """The table's rows as the columns were learnt, every cell checked.

    checks: the families that look at each column, whose support its values must lie in; trials:
    for columns of successes, the column or number they must not exceed. Raises `InputError`
    naming file, row, column and value.
    """
    values = np.empty((len(columns), table.rows))
    for column, row in zip(columns, values, strict=True):
        _fill(table, column, row)
        if column.kind in ("real", "count"):
            for family in dict.fromkeys((checks or {}).get(column.name, ())):
                refuse_outside(table, column.name, row, family)
    place = {column.name: number for number, column in enumerate(columns)}
    for name, limit in (trials or {}).items():
        most = values[place[limit]] if isinstance(limit, str) else np.float64(limit)
        _refuse_above(table, name, values[place[name]], most, limit)
    weights = _weights(table, selecting)
    ids = table.text(single(table.names, selecting.id)) if selecting.id is not None else None
    rows = _complete(table, columns, values, selecting.missing)
    if rows is not None:
        values = np.ascontiguousarray(values[:, rows])
        weights = None if weights is None else weights[rows]
    return Data(columns, values, weights, rows, table.rows, ids)


def _fill(table: Table, column: Column, out: Array) -> None:
    if column.levels is None:
        cells.numbers(table, column.name, out)
    else:
        cells.codes(table, column, out)


def refuse_outside(table: Table, name: str, values: Array, family: Any) -> None:
    """Raise `InputError` for the first value outside the family's support."""
    seen = ~np.isnan(values)
    whole = bool(seen.all())
    inside = family.inside(values if whole else values[seen])
    if inside.all():
        return
    rows = np.arange(len(values)) if whole else np.flatnonzero(seen)
    row = int(rows[~inside][0])
    raise table.refusal(
        name, row, f"{values[row]:.15g} is outside what {family.name} takes: {family.support}",
        f"correct it, choose another model, or leave the column out with -x '{name}'",
    )  # fmt: skip


def _refuse_above(
    table: Table, name: str, successes: Array, most: Array | np.float64, limit: str | int
) -> None:
    """Raise `InputError` where there are more successes than trials, or no number of trials."""
    bad = np.flatnonzero(~np.isnan(successes) & ~(successes <= most))
    if not len(bad):
        return
    row = int(bad[0])
    said = f"column '{limit}'" if isinstance(limit, str) else f"n={limit}"
    held = float(np.broadcast_to(most, successes.shape)[row])
    if np.isnan(held):
        raise table.refusal(str(limit), row, "the number of trials is missing", "fill it in")
    raise table.refusal(
        name, row, f"{successes[row]:.15g} successes in {held:.15g} trials ({said})",
        "successes cannot exceed the trials",
    )  # fmt: skip


def _weights(table: Table, selecting: Selecting) -> Array | None:
    """The --weight column, every cell a number from 0; (n,) or None."""
    if selecting.weight is None:
        return None
    name = single(table.names, selecting.weight)
    weights = cells.numbers(table, name)
    bad = np.flatnonzero(~(weights >= 0))
    if len(bad):
        row = int(bad[0])
        what = "the weight is missing" if np.isnan(weights[row]) else "a weight is below zero"
        raise table.refusal(name, row, what, "weights are numbers from 0; 0 leaves a row out")
    if not weights.any():
        raise InputError(
            f"{table.label}: the weights in column '{name}' are all zero", "give a row some weight"
        )
    return weights


def _complete(
    table: Table, columns: Sequence[Column], values: Array, missing: str
) -> NDArray[np.int64] | None:
    """The rows to keep, None for all."""
    if missing == "use":
        return None
    empty = np.isnan(values)
    holed = empty.any(axis=0)
    if not holed.any():
        return None
    if missing == "refuse":
        _refuse_empty(table, columns, empty, np.flatnonzero(holed))
    return np.flatnonzero(~holed)


def _refuse_empty(
    table: Table, columns: Sequence[Column], empty: NDArray[np.bool_], rows: NDArray[np.int64]
) -> None:
    row = int(rows[0])
    name = columns[int(np.flatnonzero(empty[:, row])[0])].name
    others = [table.where(int(other)).rpartition("row ")[2] for other in rows[1:4]]
    more = f", as in {len(rows) - 1} more row{'s' * (len(rows) > 2)}" if others else ""
    more += f" ({', '.join(others)}{', …' if len(rows) > 4 else ''})" if others else ""
    raise table.refusal(
        name, row, f"the cell is empty{more}", "fill it in, or type --missing use or drop"
    )


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
