"""The man pages' examples for programs that pip cannot install: zsh, fish, make.

    python -m pytest tests/cli/programs.py

`.ci/run` installs them and does so; the README's test line leaves this file out, for it must pass
on a machine that has none of them.
"""

import shutil
from pathlib import Path

from .test_man import examples_for, run


@examples_for("zsh", "fish")
def test_a_shell_takes_its_completions(place: Path, program: str, text: str) -> None:
    if program == "zsh":
        text = f"autoload -U compinit; compinit -u -D; {text}; whence -w _emcli"
    run(place, program, text)


@examples_for("make")
def test_make_follows_the_rule(place: Path, program: str, text: str) -> None:
    shutil.copy(place / "faithful.csv", place / "faithful.csv.bak")
    (place / "Makefile").write_text(text + "\n")
    for made in ("params.json", "colours.csv"):
        (place / made).unlink(missing_ok=True)
    run(place, "bash", f"{program} --silent params.json && test -s colours.csv")
