"""The man pages: complete, and their examples run; `.ci/run` has mandoc read them."""

from __future__ import annotations

import re
import shutil
import subprocess
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


def written_for(text: str) -> str:
    """The program that runs an example."""
    signs = {"zsh": "zsh", "fish": "fish", "make": "&:"}
    return next((program for program, sign in signs.items() if sign in text), "bash")


def examples_for(*programs: str) -> pytest.MarkDecorator:
    """The examples that these run; all but bash are told in `programs.py`."""
    found = [(written_for(text), text) for _, text in examples()]
    found = [(program, text) for program, text in found if program in programs]
    names = [text.split("\n")[0][:60] for _, text in found]
    return pytest.mark.parametrize(("program", "text"), found, ids=names)


@examples_for("bash")
def test_examples_run(place: Path, program: str, text: str) -> None:
    if "less" in text and not shutil.which("less"):
        text = f"less() {{ cat; }}; {text}"  # any pager will do
    run(place, program, text, *([] if "| head" in text else ["-o", "pipefail"]))


def run(place: Path, program: str, text: str, *options: str) -> None:
    """An example ends well."""
    env = environment()
    env["PATH"] = f"{place / 'bin'}:{env['PATH']}"
    done = subprocess.run(
        [program, *options, "-c", text],
        cwd=place, env=env, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "emcli: this is a bug" not in done.stderr and "Traceback" not in done.stderr
