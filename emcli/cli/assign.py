"""`emcli assign`: colour new rows with fitted parameters, in one pass and constant memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from emcli.cli.common import DATA, PARAMS, format_of, inputs_of
from emcli.cli.options import Command
from emcli.errors import UsageError
from emcli.files import Outputs
from emcli.settings import AssignSettings, Families, NewRows, Reading, Selecting, WeighedRows

if TYPE_CHECKING:
    from emcli.api import Fitted
    from emcli.columns import Data
    from emcli.tables import Table

_HELP = """Colour the rows of DATA with the parameters that 'emcli fit -o PARAMS' wrote.

Columns are found by name: another order is fine, others are ignored.

\b
emcli assign params.json new.csv -a colours.csv
zcat new.csv.gz | emcli assign params.json - > colours.csv
"""


class Lot(NamedTuple):
    """Rows to be coloured: the number of the first one and how many; their numbers, and where they
    begin there; the table of those of their columns that are written too."""

    first: int
    rows: int
    data: Data
    start: int
    table: Table | None = None


def run(settings: AssignSettings, params: str, data: Sequence[str]) -> None:
    """The command's work."""
    refuse_twice(params, data)
    output, id_name = settings.output, settings.rows.id
    with Outputs(inputs_of(data, params)) as outputs:
        file = outputs.open(output.assignments)
        fitted = loaded(params, settings.families, settings.rows)
        pieces = encoded(fitted, data, settings.reading, settings.rows, everything=output.append)
        lots = (Lot(piece.first_row, piece.rows, found, 0, piece) for piece, found in pieces)
        write_colours(
            file, format_of(output.assignments), fitted, lots, id_name,
            probabilities=not output.no_probabilities, append=output.append,
            threads=settings.running.threads,
        )  # fmt: skip


def refuse_twice(params: str, data: Sequence[str]) -> None:
    """Standard input holds one thing."""
    if [params, *data].count("-") > 1:
        raise UsageError("standard input can be read only once", "give one of them as a file")


def loaded(params: str, families: Families, rows: NewRows) -> Fitted:
    """The fit in a parameters file, for rows of which some are binned or censored."""
    from emcli import api

    return api.load(params, families.family_file).in_part(rows.interval, rows.censored)


def encoded(
    fitted: Fitted, data: Sequence[str], reading: Reading, rows: NewRows, everything: bool = False
) -> Iterator[tuple[Table, Data]]:
    """The rows of the files in pieces: as read, and as numbers for the model.

    everything: keep columns the model does not know, for `--append`.
    """
    from emcli import api, tables

    weight = rows.weight if isinstance(rows, WeighedRows) else None
    selecting = Selecting(id=rows.id, weight=weight, missing=rows.missing)
    extra = None if everything else [name for name in (rows.id, weight) if name is not None]
    for piece in tables.stream(data, reading, fitted.sources, extra):
        yield piece, api.encode(fitted, piece, selecting)


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
    from itertools import chain

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


command = Command(
    "assign", run, PARAMS, DATA, bundle=AssignSettings, help=_HELP,
    short_help="Colour new rows with fitted parameters.",
)  # fmt: skip
