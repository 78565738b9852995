"""`emcli completion`: print the completion script of a shell."""

from __future__ import annotations

import click

from emcli.cli.options import Command
from emcli.files import print_text

SHELLS = ("bash", "zsh", "fish")

_HELP = """Print the completion script for SHELL.

\b
eval "$(emcli completion bash)"       # in ~/.bashrc
eval "$(emcli completion zsh)"        # in ~/.zshrc, after compinit
emcli completion fish | source        # in ~/.config/fish/config.fish
"""


def run(shell: str) -> None:
    """The command's work."""
    from pathlib import Path

    folder = Path(__file__).parents[1] / "completions"
    print_text((folder / f"emcli.{shell}").read_text(encoding="utf-8"))


command = Command(
    "completion",
    run,
    click.Argument(["shell"], type=click.Choice(SHELLS), metavar="bash|zsh|fish"),
    help=_HELP,
)
