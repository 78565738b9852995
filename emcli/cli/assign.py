"""`emcli assign`: colour new rows with fitted parameters, in one pass and constant memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import IO, TYPE_CHECKING, Any

from emcli.cli.common import DATA, PARAMS, format_of, inputs_of
from emcli.cli.options import Command
from emcli.errors import UsageError
from emcli.files import Outputs
from emcli.settings import AssignSettings, NewRows, Reading, Selecting

if TYPE_CHECKING:
    from emcli.api import Fitted
    from emcli.columns import Data
    from emcli.tables import Table

_PIECE = 65_536

_HELP = """Colour the rows of DATA with the parameters that 'emcli fit -o PARAMS' wrote.

Columns are found by name: another order is fine, others are ignored.

\b
emcli assign params.json new.csv -a colours.csv
zcat new.csv.gz | emcli assign params.json - > colours.csv
"""


def run(settings: AssignSettings, params: str, data: Sequence[str]) -> None:
    """The command's work."""
    refuse_twice(params, data)
    from emcli import api

    output = settings.output
    with Outputs(inputs_of(data, params)) as outputs:
        file = outputs.open(output.assignments)
        fitted = api.load(params)
        pieces = encoded(fitted, data, settings.reading, settings.rows, everything=output.append)
        write_colours(
            file, format_of(output.assignments), fitted, pieces, settings.rows.id,
            probabilities=not output.no_probabilities, append=output.append,
            threads=settings.running.threads,
        )  # fmt: skip


def refuse_twice(params: str, data: Sequence[str]) -> None:
    """Standard input holds one thing."""
    if [params, *data].count("-") > 1:
        raise UsageError("standard input can be read only once", "give one of them as a file")


def encoded(
    fitted: Fitted, data: Sequence[str], reading: Reading, rows: NewRows, everything: bool = False
) -> Iterator[tuple[Table, Data]]:
    """The rows of the files in pieces: as read, and as numbers for the model.

    everything: keep columns the model does not know, for `--append`.
    """
    from emcli import api, tables

    selecting = Selecting(id=rows.id, missing=rows.missing)
    extra = None if everything else (() if rows.id is None else (rows.id,))
    for piece in tables.stream(data, reading, fitted.columns, extra):
        yield piece, api.encode(fitted, piece, selecting)


def write_colours(
    file: IO[bytes],
    fmt: str,
    fitted: Fitted,
    pieces: Iterable[tuple[Table, Data]],
    id_name: str | None,
    *,
    probabilities: bool,
    append: bool,
    threads: int | None,
) -> None:
    """Write one line for each row of the pieces, in order."""
    from itertools import chain

    from emcli.tables import AssignmentWriter

    pieces = iter(pieces)
    first = next(pieces)
    names = first[0].names if append else None
    colours = fitted.mixture.colours
    writer = AssignmentWriter(file, fmt, colours, id_name, probabilities, names)
    with writer:
        for table, data in chain([first], pieces):
            for start in range(0, table.rows, _PIECE):
                rows = min(_PIECE, table.rows - start)
                codes, shares = colours_of(fitted, data, start, rows, threads)
                ids = data.ids.slice(start, rows) if data.ids is not None else None
                appended = table.arrow.slice(start, rows) if append else None
                writer.write(table.first_row + start, codes, shares, ids, appended)


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
