"""What is imported when: help is quick, and a common fit does with little but NumPy and Arrow."""

from __future__ import annotations

import pkgutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import emcli.cli
from emcli.cli.main import emcli as group
from tests.cli.conftest import SAMPLES, environment

HEAVY = {"numpy", "pandas", "pyarrow", "scipy", "rich"}
#: All of emcli that is needed to say what it can do.
DOOR = {
    "emcli", "emcli.cli", "emcli.cli.main", "emcli.cli.common", "emcli.environment",
    "emcli.errors", "emcli.files", "emcli.palette", "emcli.report", "emcli.report.sheet",
    "emcli.report.terminal",
}  # fmt: skip
#: What a fit on a pipe has no use for; each of them costs as much as a small fit.
NEEDLESS = {
    "scipy", "pandas", "rich", "matplotlib", "threadpoolctl", "subprocess", "tempfile",
    "pyarrow.compute", "pyarrow.parquet", "pyarrow.dataset", "numpy.ma",
}  # fmt: skip


def imported(*words: str) -> set[str]:
    """Modules imported by a run of emcli that is not on a terminal."""
    script = (
        "import gc, sys; from emcli.cli.main import main\n"
        f"sys.argv = ['emcli', *{list(words)!r}]\n"
        "try: main()\n"
        "except SystemExit as end: assert not end.code, end.code\n"
        "assert gc.isenabled()\n"
        "print('|'.join(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment(), capture_output=True, text=True,
        check=True, timeout=120,
    )  # fmt: skip
    return set(done.stderr.splitlines()[-1].split("|"))


@pytest.mark.parametrize("word", ["--help", "--version"])
def test_what_emcli_can_do_is_said_at_the_door(word: str) -> None:
    found = imported(word)
    assert {name for name in found if name.partition(".")[0] == "emcli"} == DOOR
    assert not found & (HEAVY | {"dataclasses", "json", "tempfile", "subprocess"})


@pytest.mark.parametrize(
    "words",
    [["fit", "--help"], ["score", "--help"], ["completion", "bash"],
     ["fit", "x.csv", "--show-config"]],
)  # fmt: skip
def test_help_imports_nothing_heavy(words: list[str]) -> None:
    assert not imported(*words) & HEAVY


def test_a_command_is_imported_without_the_others() -> None:
    found = {name for name in imported("completion", "bash") if name.startswith("emcli.cli.")}
    assert found <= {f"emcli.cli.{name}" for name in ("main", "common", "options", "completion")}


def test_every_command_is_at_the_door() -> None:
    names = [module.name for module in pkgutil.iter_modules(emcli.cli.__path__)]
    commands = [name for name in names if hasattr(import_module(f"emcli.cli.{name}"), "command")]
    assert commands == list(group.commands)
    assert all(group.commands[name].name == name for name in commands)


def test_a_gaussian_fit_imports_only_what_it_needs(tmp_path: Path) -> None:
    files = ("-o", str(tmp_path / "p.json"), "-a", str(tmp_path / "c.csv"))
    found = imported("fit", str(SAMPLES / "faithful.csv"), "-k", "2", *files)
    assert found & NEEDLESS == set()


def test_import_emcli_is_light_and_lazy() -> None:
    script = (
        "import sys, emcli; before = {m.partition('.')[0] for m in sys.modules}\n"
        "emcli.fit; after = {m.partition('.')[0] for m in sys.modules}\n"
        f"assert not before & {HEAVY!r}; assert 'numpy' in after"
    )
    subprocess.run([sys.executable, "-c", script], env=environment(), check=True)


def test_a_program_that_calls_the_command_line_keeps_its_blas() -> None:
    """Its threads are there already: one is asked of them for the fit, not of the environment."""
    script = (
        "import os, numpy\n"
        "from emcli import environment; from emcli.cli.main import main\n"
        "assert not environment.ours and 'OPENBLAS_NUM_THREADS' not in os.environ"
    )
    clean = {name: value for name, value in environment().items() if "NUM_THREADS" not in name}
    subprocess.run([sys.executable, "-c", script], env=clean, check=True)
