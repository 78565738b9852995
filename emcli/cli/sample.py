"""`emcli sample`: draw rows from a fitted mixture, with their true colours."""

from __future__ import annotations

from emcli.cli.common import PARAMS, format_of, importing, inputs_of
from emcli.cli.options import Command
from emcli.errors import UsageError
from emcli.files import Outputs
from emcli.settings import Reading, SampleSettings

_HELP = """Draw rows from the mixture in PARAMS, their true colours in the last column.

\b
emcli sample params.json -n 1000 > rows.csv
emcli sample params.json -n 1000 --seed 7 -o rows.parquet
"""


def run(settings: SampleSettings, params: str) -> None:
    """The command's work."""
    asked = settings.sampling
    if asked.rows is None:
        raise UsageError("how many rows?", "type -n 1000")
    with importing():
        from emcli import api, tables
        from emcli.tables.bridge import strings

    with Outputs(inputs_of([params], asked.given)) as outputs:
        file = outputs.open(asked.output)
        given = tables.read([asked.given], Reading()) if asked.given else None
        fitted = api.load(params, settings.families.family_file)
        try:
            drawn = fitted.draw(asked.rows, asked.seed, given)
        except (MemoryError, OverflowError):
            raise UsageError(
                f"{asked.rows} rows do not fit in memory", "draw fewer at a time, with other seeds"
            ) from None
        drawn["colour"] = strings(drawn["colour"])
        tables.write_rows(file, format_of(asked.output), [drawn])


command = Command("sample", run, PARAMS, bundle=SampleSettings, help=_HELP)
