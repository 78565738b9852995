"""What is imported when: help is quick, and a Gaussian fit needs neither scipy nor pandas."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.cli.conftest import SAMPLES, environment

HEAVY = {"numpy", "pandas", "pyarrow", "scipy", "rich"}


def imported(*words: str) -> set[str]:
    """Top-level packages imported by a run of emcli."""
    script = (
        "import sys; from emcli.cli.main import main\n"
        f"sys.argv = ['emcli', *{list(words)!r}]\n"
        "try: main()\n"
        "except SystemExit as end: assert not end.code, end.code\n"
        "print('|'.join({name.partition('.')[0] for name in sys.modules}), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment(), capture_output=True, text=True,
        check=True, timeout=120,
    )  # fmt: skip
    return set(done.stderr.splitlines()[-1].split("|"))


@pytest.mark.parametrize(
    "words",
    [["--help"], ["--version"], ["fit", "--help"], ["score", "--help"], ["completion", "bash"],
     ["fit", "x.csv", "--show-config"]],
)  # fmt: skip
def test_help_imports_nothing_heavy(words: list[str]) -> None:
    assert not imported(*words) & HEAVY


def test_a_gaussian_fit_imports_no_scipy_and_no_pandas() -> None:
    found = imported("fit", str(SAMPLES / "faithful.csv"), "-k", "2")
    assert not found & {"scipy", "pandas"}


def test_import_emcli_is_light_and_lazy() -> None:
    script = (
        "import sys, emcli; before = {m.partition('.')[0] for m in sys.modules}\n"
        "emcli.fit; after = {m.partition('.')[0] for m in sys.modules}\n"
        f"assert not before & {HEAVY!r}; assert 'numpy' in after"
    )
    subprocess.run([sys.executable, "-c", script], env=environment(), check=True)
