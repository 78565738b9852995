"""`emcli assign`: colour new rows with fitted parameters, in one pass and constant memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from emcli.cli.colouring import Lot, write_colours
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


command = Command(
    "assign", run, PARAMS, DATA, bundle=AssignSettings, help=_HELP,
    short_help="Colour new rows with fitted parameters.",
)  # fmt: skip
