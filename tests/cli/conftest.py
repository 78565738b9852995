"""Running emcli as a user does: a process of its own in a directory of its own."""

from __future__ import annotations

import gzip
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "sample_data"

Run = Callable[..., subprocess.CompletedProcess[str]]


def environment(**changes: str) -> dict[str, str]:
    """The environment without what would change emcli's output; `changes` come on top."""
    ours = ("NO_COLOR", "FORCE_COLOR", "COLUMNS")
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in ours and not name.startswith("EMCLI_")
    }
    return kept | {"PYTHONPATH": str(ROOT)} | changes


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "emcli", *words]


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A directory with the sample tables in it."""
    for file in SAMPLES.glob("*.csv"):
        shutil.copy(file, tmp_path)
    return tmp_path


@pytest.fixture
def emcli(here: Path) -> Run:
    """emcli(*words, input=None, env...) -> the finished process, run in `here`."""

    def run(
        *words: str, input: str | None = None, **env: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command(*words), cwd=here, env=environment(**env), capture_output=True, text=True,
            input=input, stdin=subprocess.DEVNULL if input is None else None, timeout=120,
        )  # fmt: skip

    return run


@pytest.fixture(scope="session")
def params(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The parameters of faithful with two components."""
    folder = tmp_path_factory.mktemp("params")
    words = ["fit", str(SAMPLES / "faithful.csv"), "-k", "2", "-o", "params.json", "-q"]
    subprocess.run(command(*words), cwd=folder, env=environment(), check=True)
    return folder / "params.json"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, params: Path) -> Path:
    """A directory with all files that the examples name, and emcli on the path."""
    here = tmp_path_factory.mktemp("man")
    for file in (ROOT / "sample_data").glob("*.csv"):
        shutil.copy(file, here)
    faithful = (here / "faithful.csv").read_bytes()
    (here / "new.csv").write_bytes(faithful)
    for name in ("new.csv.gz", "faithful.csv.gz"):
        (here / name).write_bytes(gzip.compress(faithful))
    shutil.copy(params, here)
    (here / "bin").mkdir()
    (here / "bin" / "emcli").write_text(f'#!/bin/sh\nexec {sys.executable} -m emcli "$@"\n')
    (here / "bin" / "emcli").chmod(0o755)
    return here
