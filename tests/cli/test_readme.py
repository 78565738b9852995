"""The README is true: its commands and its Python run, in its order, in one folder."""

from __future__ import annotations

import doctest
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
BLOCK = re.compile(r"^```(sh|python|console)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks() -> list[tuple[str, str]]:
    """(language, text) of the README's blocks, less those that set up an environment."""
    found = BLOCK.findall((ROOT / "README.md").read_text())
    return [(language, text) for language, text in found if "pip install" not in text]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sample data, where `emcli` is a command."""
    place = tmp_path_factory.mktemp("readme")
    shutil.copytree(ROOT / "sample_data", place / "sample_data")
    command = place / "bin" / "emcli"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m emcli "$@"\n')
    command.chmod(0o755)
    return place


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run it there, on the source tree, with no terminal."""
    path = f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, "PATH": path, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL, capture_output=True, text=True,
    )
    assert done.returncode == 0, f"{command[-1]}\n{done.stderr}"
    return done


def test_every_command_runs_and_prints_what_it_shows(folder: Path) -> None:
    for language, text in blocks():
        if language == "python" and "class Gompertz" in text:
            (folder / "lifetimes.py").write_text(text)
        elif language == "python":
            run(folder, sys.executable, "-c", text)
        elif language == "sh":
            done = run(folder, "bash", "-eu", "-o", "pipefail", "-c", text)
            assert "Traceback" not in done.stderr
        else:
            for command, shown in transcripts(text):
                printed = run(folder, "bash", "-c", command).stdout
                assert same(shown, printed), printed
    assert (folder / "colours.csv").read_text().startswith("row,colour,p_red,p_blue\n")
    assert (folder / "again.csv").read_text() == (folder / "colours.csv").read_text()


def same(shown: str, printed: str) -> bool:
    """Is this what was printed, `...` standing for what the README leaves out?"""
    return doctest.OutputChecker().check_output(shown, printed, doctest.ELLIPSIS)


def transcripts(text: str) -> list[tuple[str, str]]:
    """`$ command` and what it printed, of a console block."""
    parts = re.split(r"^\$ (.*)\n", text, flags=re.MULTILINE)[1:]
    return list(zip(parts[::2], parts[1::2], strict=True))


def test_the_readme_uses_every_command() -> None:
    said = " ".join(text for _, text in blocks())
    listed = run(ROOT, sys.executable, "-m", "emcli", "--help").stdout
    commands = re.findall(r"^  ([a-z]+)  ", listed.partition("Commands:")[2], re.MULTILINE)
    assert commands
    assert [name for name in commands if f"emcli {name}" not in said] == []
