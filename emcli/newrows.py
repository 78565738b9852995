"""New rows for a fit: whatever holds a table, as the numbers its families see, all checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from emcli import columns, settings, tables
from emcli.columns import Column, Data, Partly
from emcli.columns.selection import listed
from emcli.errors import InputError
from emcli.families.base import Family
from emcli.mixture import Mixture
from emcli.sources.memory import CHUNK
from emcli.tables.streaming import missing as absent

# What a hint offers that new rows cannot have.
ONLY_FITTING = ("-x", "another model")


class Fit(Protocol):
    """What tells how to read new rows; `emcli.fitted.Fitted` is one."""

    @property
    def mixture(self) -> Mixture: ...
    @property
    def columns(self) -> tuple[Column, ...]: ...
    @property
    def sources(self) -> tuple[Column, ...]: ...
    @property
    def seen(self) -> Mapping[str, Partly]: ...


def as_table(data: Any) -> tables.Table:
    """Whatever holds a table, as one."""
    if isinstance(data, tables.Table):
        return data
    import pyarrow as pa

    if isinstance(data, np.ndarray):
        array = data[:, None] if data.ndim == 1 else data
        if array.ndim != 2:
            raise InputError(f"the array has {array.ndim} dimensions", "pass rows by columns")
        named = {f"x{j + 1}": pa.array(column) for j, column in enumerate(array.T)}
        return tables.from_arrow(pa.table(named))
    if isinstance(data, pa.Table):
        return tables.from_arrow(data)
    if hasattr(data, "columns") and hasattr(data, "to_numpy"):
        return tables.from_arrow(pa.Table.from_pandas(data, preserve_index=False))
    raise InputError(
        f"a {type(data).__name__} is not a table", "pass a DataFrame, an Arrow table or an array"
    )


def encode(
    fitted: Fit, table: tables.Table, selecting: settings.Selecting | None = None
) -> Data:
    """New rows as numbers, by the columns and levels the fit learnt."""
    families = [leaf for family in fitted.mixture.families for leaf in family.leaves]
    checks: dict[str, list[type]] = {}
    for family in families:
        for name in family.columns:
            checks.setdefault(name, []).append(type(family))
    trials = {
        name: limit
        for family in families
        if (limit := family.options_of(family.to_dict(0)).get("trials")) is not None
        for name in family.columns
    }
    rows = selecting or settings.Selecting()
    refuse_absent(table, fitted.sources)
    try:
        data = columns.encode(table, fitted.columns, rows, checks, trials, fitted.seen)
    except InputError as error:
        if not any(remedy in error.hint for remedy in ONLY_FITTING):
            raise
        raise InputError(error.sentence, "the model was fitted without such cells") from None
    for family in families:
        if family.correlated:
            refuse_gaps(table, data, family.columns, family.inputs, family.label)
        refuse_rows(table, data, type(family), family.columns)
    return data


def refuse_absent(table: tables.Table, wanted: Sequence[Column]) -> None:
    """Refuse a table without a column that the model reads."""
    for column in wanted:
        if column.name not in table.names:
            raise absent(column.name, table.names, table.label)


def refuse_gaps(
    table: tables.Table, data: Data, columns: Sequence[str], inputs: Sequence[str], title: str
) -> None:
    """Refuse rows with a part of a block that is told whole or not at all.

    columns: those it describes, of which a row has none or all of the inputs.
    """
    at = [column.name for column in data.columns]
    places = np.array([at.index(name) for name in inputs])
    rows, first = 0, (0, "")
    for start in range(0, data.values.shape[1], CHUNK):
        gone = np.isnan(data.values[places, start : start + CHUNK])
        bad = gone.any(axis=0) & ~gone[: len(columns)].all(axis=0)
        if bad.any() and not rows:
            row = int(bad.argmax())
            first = start + row, inputs[int(gone[:, row].argmax())]
        rows += int(bad.sum())
    if rows:
        row, name = first
        many = f", as in {rows - 1} other row{'s' * (rows > 2)}," if rows > 1 else ","
        raise table.refusal(
            name, input_row(data, row),
            f"the cell is empty{many} and without it {title} can say nothing of the others",
            "fill it in, or type --missing drop",
        )  # fmt: skip


def refuse_rows(
    table: tables.Table, data: Data, family: type[Family], names: Sequence[str]
) -> None:
    """Refuse rows whose cells, each inside the family's support, together are not."""
    at = [column.name for column in data.columns]
    places = [at.index(name) for name in names]
    for start in range(0, data.values.shape[1], CHUNK):
        inside = family.rows_inside(data.values[places, start : start + CHUNK])
        if inside is None:
            return
        if not inside.all():
            row = input_row(data, start + int(np.flatnonzero(~inside)[0]))
            raise table.refusal(
                names[0], row,
                f"with {listed(names[1:])} it is outside what {family.name} takes: "
                f"{family.support}", "correct the row, leave it out, or choose another model",
            )  # fmt: skip


def input_row(data: Data, row: int) -> int:
    return row if data.rows is None else int(data.rows[row])
