"""`emcli plot`: pictures of a fit, by itself or among its rows."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import fields
from typing import TYPE_CHECKING

import click

from emcli.cli.assign import refuse_twice
from emcli.cli.common import PARAMS, importing, inputs_of
from emcli.cli.options import Command
from emcli.errors import UsageError
from emcli.files import Outputs, print_text
from emcli.report.terminal import is_terminal
from emcli.settings import (
    PlotRows,
    PlotSettings,
    Plotting,
    ReportSettings,
    Selecting,
    build,
    changed,
)

if TYPE_CHECKING:
    from emcli.report.plots import Scene

_HELP = """Draw a picture of the fit that 'emcli fit -o PARAMS' wrote, in its components' colours.

DATA are the rows it is shown with, read like those of 'emcli assign'; criterion and convergence
need none. Weights, intervals and censoring are those of the fit where nothing else is said.
Pictures on a page need matplotlib: pip install matplotlib.

\b
emcli plot params.json faithful.csv -o faithful.png
emcli plot params.json --kind criterion -o criterion.svg
emcli plot params.json faithful.csv --kind terminal
"""
_DATA = click.Argument(["data"], nargs=-1, metavar="[DATA]...")


def run(settings: PlotSettings, params: str, data: Sequence[str]) -> None:
    """The command's work."""
    refuse_twice(params, data)
    ask = settings.plotting
    with importing():
        from emcli.report import plots
    kind = plots.KINDS[ask.kind]
    for name, own in (("trace", "convergence"), ("iteration", "bound")):
        if getattr(ask, name) is not None and ask.kind != own:
            raise UsageError(f"--{name} is for --kind {own}, not {ask.kind}", f"leave out --{name}")
    if kind.rows and not data:
        raise UsageError(f"--kind {ask.kind} needs the rows", f"type emcli plot {params} DATA")
    if kind.trace and ask.trace is None and not data:
        raise UsageError(
            f"--kind {ask.kind} needs the rows, or the trace of the fit",
            f"type emcli plot {params} DATA, or fit with --trace FILE and give --trace FILE here",
        )
    if ask.output is None and ask.kind == "terminal":
        print_text(plots.ready("terminal").text(scene_of(settings, params, data), sys.stdout))
        return
    path = _target(ask)
    fmt = plots.format_of(ask.kind, path)
    plots.ready(ask.kind)
    with Outputs(inputs_of(data, params, ask.trace)) as outputs:
        file = outputs.open(path)
        plots.write(ask.kind, scene_of(settings, params, data), ask, file, fmt)


def _target(ask: Plotting) -> str:
    """Where the picture goes: a file, or standard output that is not a terminal."""
    if ask.output is None:
        raise UsageError("a picture needs a file", f"add -o {ask.kind}.png")
    if ask.output == "-" and ask.kind != "terminal" and is_terminal(sys.stdout):
        raise UsageError("a terminal cannot show this picture", "give a file by -o, or a pipe")
    return ask.output


def scene_of(
    settings: PlotSettings | ReportSettings, params: str, data: Sequence[str]
) -> Scene:
    """The fit, and the rows where some were given."""
    from emcli import api, tables
    from emcli.report.plots import Scene

    fitted = api.load(params, settings.families.family_file)
    if not data:
        return Scene(fitted)
    recorded = fitted.fit.get("options", {})
    as_fitted = {f.name: recorded[f.name] for f in fields(PlotRows) if f.name in recorded}
    rows = build(PlotRows, as_fitted | changed(settings.rows))
    fitted = fitted.in_part(rows.interval, rows.censored)
    table = tables.read(data, settings.reading)
    encoded = api.encode(fitted, table, Selecting(weight=rows.weight, missing=rows.missing))
    return Scene(fitted, encoded, settings.running.threads)


command = Command(
    "plot", run, PARAMS, _DATA, bundle=PlotSettings, help=_HELP,
    short_help="Pictures of a fit.",
)  # fmt: skip
