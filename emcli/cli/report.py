"""`emcli report`: a fit on one page, to be read in a browser or sent by mail."""

from __future__ import annotations

from collections.abc import Sequence

from emcli.cli.assign import refuse_twice
from emcli.cli.common import DATA, PARAMS, importing, inputs_of
from emcli.cli.options import Command
from emcli.errors import UsageError
from emcli.files import Outputs
from emcli.settings import ReportSettings, changed

_HELP = """Write a page about the fit that 'emcli fit -o PARAMS' wrote and the rows in DATA.

It holds the summary, the criterion table, pictures, every parameter, diagnostics and the command
that makes the fit again, in one file that needs no other and no network. Pictures need matplotlib:
pip install matplotlib.

\b
emcli report params.json faithful.csv -o report.html
"""

_ENDINGS = (".html", ".htm")


def run(settings: ReportSettings, params: str, data: Sequence[str]) -> None:
    """The command's work."""
    refuse_twice(params, data)
    output, ask = settings.reporting.output, settings.reporting
    if output is None:
        raise UsageError("a report needs a file", "add -o report.html")
    if output != "-" and not output.startswith("/dev/") and not output.endswith(_ENDINGS):
        raise UsageError(f"'{output}' is no page", "end it in .html")
    with importing():
        from emcli.cli.plot import scene_of
        from emcli.report import plots
    plots.ready("clusters")
    from emcli.report.page import page

    bundles = (settings.rows, settings.families, settings.reading)
    given = {name: value for one in bundles for name, value in changed(one).items()}
    with Outputs(inputs_of(data, params, ask.trace)) as outputs:
        file = outputs.open(output)
        text = page(scene_of(settings, params, data), data, ask, given)
        file.write(text.encode())


command = Command(
    "report", run, PARAMS, DATA, bundle=ReportSettings, help=_HELP,
    short_help="A page about a fit.",
)  # fmt: skip
