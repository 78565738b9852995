"""`emcli models`: the catalogue of families, or all about one."""

from __future__ import annotations

import sys

import click

from emcli.cli.options import Command
from emcli.files import print_text
from emcli.settings import ModelsSettings

_HELP = """List the families of distributions that -m understands, or describe one.

\b
emcli models
emcli models gaussian
"""


def run(settings: ModelsSettings, name: str | None) -> None:
    """The command's work."""
    from emcli.families import catalogue
    from emcli.report.catalogue import describe, overview

    catalogue.use(settings.families.family_file)
    print_text(overview(sys.stdout) if name is None else describe(name, sys.stdout))


command = Command(
    "models", run, click.Argument(["name"], required=False, metavar="[NAME]"),
    bundle=ModelsSettings, help=_HELP,
)  # fmt: skip
