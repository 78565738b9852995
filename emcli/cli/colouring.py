"""Colours of rows, written lot by lot: what `emcli fit -a` and `emcli assign` have in common."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from typing import IO, TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from emcli.api import Fitted
    from emcli.columns import Data
    from emcli.tables import Table


class Lot(NamedTuple):
    """Rows to be coloured: the number of the first one and how many; their numbers, and where they
    begin there; the table of those of their columns that are written too."""

    first: int
    rows: int
    data: Data
    start: int
    table: Table | None = None


def write_colours(
    file: IO[bytes],
    fmt: str,
    fitted: Fitted,
    lots: Iterable[Lot],
    id_name: str | None,
    *,
    probabilities: bool,
    append: bool,
    threads: int | None,
) -> None:
    """Write one line for each row of the lots, in order."""
    from emcli.tables import AssignmentWriter

    lots = iter(lots)
    begin = next(lots)
    names = begin.table.names if append and begin.table else None
    colours = fitted.mixture.colours
    writer = AssignmentWriter(file, fmt, colours, id_name, probabilities, names)
    with writer:
        for lot in chain([begin], lots):
            codes, shares = colours_of(fitted, lot.data, lot.start, lot.rows, threads)
            ids = lot.table.text(id_name) if lot.table and id_name else None
            appended = lot.table.arrow if lot.table and append else None
            writer.write(lot.first, codes, shares, ids, appended)


def colours_of(
    fitted: Fitted, data: Data, start: int, rows: int, threads: int | None
) -> tuple[Any, Any]:
    """Codes (rows,) and probabilities (K, rows) of a run of input rows; -1 for a dropped row."""
    import numpy as np

    if data.rows is None:
        shares = fitted.posterior(data.values[:, start : start + rows], threads)
        return shares.argmax(axis=0), shares
    low, high = np.searchsorted(data.rows, (start, start + rows))
    kept = data.rows[low:high] - start
    shares = np.full((fitted.mixture.k, rows), np.nan)
    shares[:, kept] = fitted.posterior(data.values[:, low:high], threads)
    codes = np.full(rows, -1)
    codes[kept] = shares[:, kept].argmax(axis=0)
    return codes, shares
