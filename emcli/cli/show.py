"""`emcli show`: fitted parameters as readable tables."""

from __future__ import annotations

import sys

from emcli.cli.common import PARAMS, importing
from emcli.cli.options import Command
from emcli.files import print_text
from emcli.settings import ShowSettings

_HELP = """Print the mixture in PARAMS: components, how good the fit is, what it was chosen from.

\b
emcli show params.json
"""


def run(settings: ShowSettings, params: str) -> None:
    """The command's work."""
    with importing():
        from emcli import api
        from emcli.report.summary import Page, summary

    fitted = api.load(params, settings.families.family_file)
    title = "standard input" if params == "-" else params
    page = Page(title, warnings=fitted.fit.get("warnings", ()), full=True)
    print_text(summary(fitted, fitted.mixture.to_dict(), page, sys.stdout))


command = Command("show", run, PARAMS, bundle=ShowSettings, help=_HELP)
