"""The man pages: complete, and their examples run; `.ci/run` has mandoc read them."""

from __future__ import annotations

import gzip
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import ROOT, environment

PAGES = sorted((ROOT / "man").iterdir())
EXAMPLE = re.compile(r"^\.nf\n\.RS 4\n(.*?)\n\.RE\n\.fi$", re.MULTILINE | re.DOTALL)


def plain(page: Path) -> str:
    return (
        re.sub(r"\\f.", "", page.read_text())
        .replace("\\-", "-").replace("\\(aq", "'").replace("\\e", "\\")
    )  # fmt: skip


def examples() -> list[tuple[str, str]]:
    return [
        (page.name, text) for page in PAGES for text in EXAMPLE.findall(plain(page))
    ]


def test_there_is_a_page_for_every_command() -> None:
    from emcli.cli.main import emcli

    wanted = {f"emcli-{name}.1" for name in emcli.commands} | {"emcli.1", "emcli-models.7"}
    assert {page.name for page in PAGES} == wanted


@pytest.mark.parametrize("page", [p for p in PAGES if p.suffix == ".1"], ids=lambda p: p.name)
def test_sections_and_exit_codes(page: Path) -> None:
    text = plain(page)
    for section in ("SYNOPSIS", "DESCRIPTION", "EXIT STATUS", "ENVIRONMENT", "EXAMPLES"):
        assert f".SH {section}\n" in text
    codes = set(re.findall(r"^\.B (\d)$", text.split("EXIT STATUS")[1], re.MULTILINE))
    every = page.name in ("emcli.1", "emcli-fit.1")
    assert codes == set("012345") if every else {"0", "1", "2", "5"} <= codes <= set("01235")


def test_every_model_family_is_described() -> None:
    from emcli.families import catalogue

    text = (ROOT / "man" / "emcli-models.7").read_text()
    found = [name.replace("\\-", "-") for name in re.findall(r"^\.SS (.*)$", text, re.MULTILINE)]
    assert found == list(catalogue.names())


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


def needs(program: str) -> None:
    """pip cannot install it: skip where it is not here, but fail in CI, which does install it."""
    if not shutil.which(program):
        assert "CI" not in os.environ, f"{program} is not installed"
        pytest.skip(f"{program} is not installed")


@pytest.mark.parametrize(("page", "text"), examples(), ids=lambda x: x.split("\n")[0][:60])
def test_examples_run(place: Path, page: str, text: str) -> None:
    env = environment()
    env["PATH"] = f"{place / 'bin'}:{env['PATH']}"
    shell = next((s for s in ("zsh", "fish") if s in text), "bash")
    needs(shell)
    if "&:" in text:
        needs("make")
        shutil.copy(place / "faithful.csv", place / "faithful.csv.bak")
        (place / "Makefile").write_text(text + "\n")
        for made in ("params.json", "colours.csv"):
            (place / made).unlink(missing_ok=True)
        text = "make --silent params.json && test -s colours.csv"
    elif shell == "zsh":
        text = f"autoload -U compinit; compinit -u -D; {text}; whence -w _emcli"
    if "less" in text and not shutil.which("less"):
        text = f"less() {{ cat; }}; {text}"  # any pager will do
    strict = shell == "bash" and "| head" not in text
    done = subprocess.run(
        [shell, *(["-o", "pipefail"] if strict else []), "-c", text],
        cwd=place, env=env, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "emcli: this is a bug" not in done.stderr and "Traceback" not in done.stderr
