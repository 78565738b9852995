"""`emcli score`: the log density of each row, their total and mean, and the strangest rows."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from emcli.cli.assign import encoded, loaded, refuse_twice
from emcli.cli.common import DATA, PARAMS, format_of, importing, inputs_of, someone_looks
from emcli.cli.options import Command
from emcli.errors import UsageError
from emcli.files import Outputs, print_text
from emcli.settings import ScoreSettings

if TYPE_CHECKING:
    from emcli.api import Fitted
    from emcli.columns import Data
    from emcli.tables import Table

_HELP = """Write the log density of each row of DATA under fitted parameters, in nats.

The total and the mean are printed too: on standard output when -o names a file, else on standard
error when that is a terminal.

\b
emcli score params.json new.csv -o scores.csv
emcli score params.json new.csv --below 0.01
"""


class Total:
    """Rows that were scored, and the sum of their log densities."""

    def __init__(self) -> None:
        self.rows = self.listed = 0
        self.sum = self.weight = 0.0

    def text(self, below: float | None, threshold: float | None) -> str:
        """The totals as they are printed."""
        mean = f", mean {self.sum / self.weight:.6f}" if self.weight else ""
        weight = f" of weight {self.weight:,.10g}" if self.weight != self.rows else ""
        line = f"total log density {self.sum:.3f}{mean} over {self.rows:,} rows{weight}\n"
        if below is None:
            return line
        return line + f"{self.listed:,} rows up to {threshold:.6g}, the {below:g}-quantile\n"


def run(settings: ScoreSettings, params: str, data: Sequence[str]) -> None:
    """The command's work."""
    refuse_twice(params, data)
    with importing():
        from emcli import tables

    output, total = settings.output, Total()
    with Outputs(inputs_of(data, params)) as outputs:
        file = outputs.open(output.output)
        fitted = loaded(params, settings.families, settings.rows)
        threshold = _quantile(fitted, output.below)
        pieces = encoded(fitted, data, settings.reading, settings.rows)
        scored = (
            _scores(fitted, table, found, settings, threshold, total) for table, found in pieces
        )
        tables.write_rows(file, format_of(output.output), scored)
    _tell(total.text(output.below, threshold), output.output, settings.talking.quiet)


def _quantile(fitted: Fitted, below: float | None) -> float | None:
    """The log density that a share `below` of the fitted rows does not exceed."""
    if below is None:
        return None
    known: Mapping[str, float] = fitted.fit.get("log_density_quantiles", {})
    found = {float(key): value for key, value in known.items()}
    if below not in found:
        raise UsageError(
            f"--below {below:g} is not among the quantiles in the parameters",
            f"type one of {', '.join(known)}" if known else "fit again with this version",
        )
    return found[below]


def _scores(
    fitted: Fitted,
    table: Table,
    data: Data,
    settings: ScoreSettings,
    threshold: float | None,
    total: Total,
) -> dict[str, Any]:
    """The output's columns for one piece of the table; dropped rows have an empty cell."""
    import numpy as np

    scored = fitted.log_density(data.values, settings.running.threads)
    total.rows += len(scored)
    weights = np.ones_like(scored) if data.weights is None else data.weights
    total.sum += float(weights @ scored)
    total.weight += float(weights.sum())
    log_density = np.full(table.rows, np.nan)
    log_density[slice(None) if data.rows is None else data.rows] = scored
    rows = np.arange(table.rows)
    if threshold is not None:
        # Rows of one density (outliers before a uniform background) are listed all or none.
        rows = np.flatnonzero(log_density <= threshold + 1e-9 * (1 + abs(threshold)))
        total.listed += len(rows)
    return {**_names_of(rows, table, settings.rows.id), "log_density": log_density[rows]}


def _names_of(rows: Any, table: Table, id_name: str | None) -> dict[str, Any]:
    from emcli.tables import bridge, compute

    if id_name is None:
        return {"row": rows + (table.first_row + 1)}
    return {id_name: compute.take(table.text(id_name), bridge.numbers(rows))}


def _tell(text: str, output: str, quiet: bool) -> None:
    """The totals, where they do not end up among the rows."""
    if quiet:
        return
    if output not in ("-", "/dev/stdout"):
        print_text(text)
    elif someone_looks():
        print(text, end="", file=sys.stderr)


command = Command("score", run, PARAMS, DATA, bundle=ScoreSettings, help=_HELP)
