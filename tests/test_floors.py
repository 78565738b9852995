"""The house stands: imports go down only, and start-up imports nothing heavy."""

from __future__ import annotations

import ast
import graphlib
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# A module may import lower floors, and its own without a circle. A name stands for itself and,
# where it is a folder, for all in it.
FLOORS = (
    ("environment", "errors", "frozen", "settings", "events", "numerics", "files", "palette",
     "schema"),
    ("families", "grammar"),
    ("assorted", "kinds", "mixture", "evaluation", "expectation", "imputing"),
    ("em", "variants", "jump", "quasi_newton", "information", "squarem", "acceleration", "online",
     "sources", "tables"),
    ("run", "start", "ward", "cell", "heats", "search", "criteria", "degeneracy", "densities",
     "bootstrap", "align", "columns", "workers", "agreement", "lower_bound"),
    ("document", "composing", "truth", "newrows", "filling", "fitted", "outcome", "replay", "api",
     "report"),
    ("cli", "__main__"),
)
HEAVY = ("numpy", "pandas", "pyarrow", "scipy", "rich", "matplotlib")

MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted((ROOT / "emcli").rglob("*.py"))
}
# The package's own door fetches the API when it is asked for; it stands on no floor.
INSIDE = [name for name in MODULES if name != "emcli"]


def floor(module: str) -> int:
    """The floor a module of emcli lives on."""
    room = module.split(".")[1]
    found = [number for number, rooms in enumerate(FLOORS) if room in rooms]
    assert found, f"{module} has no floor: give it one in {Path(__file__).name}"
    return found[0]


def imports(module: str) -> set[str]:
    """The modules of emcli that this one imports, anywhere in its text.

    Of the package itself anyone may import `__version__`.
    """
    found: set[str] = set()
    for node in ast.walk(ast.parse(MODULES[module].read_text())):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: imports inside emcli are written in full"
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                found.add(whole if whole in MODULES else str(node.module))
    return {name for name in found if name in MODULES and name not in ("emcli", module)}


@pytest.mark.parametrize("module", INSIDE)
def test_imports_go_down(module: str) -> None:
    above = [name for name in imports(module) if floor(name) > floor(module)]
    assert not above


def test_there_is_no_circle() -> None:
    graphlib.TopologicalSorter({module: imports(module) for module in INSIDE}).prepare()


def imported_by(*arguments: str) -> set[str]:
    """The top-level packages that an emcli command imports."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "emcli", *arguments],
        cwd=ROOT, check=True, capture_output=True, text=True,
    )
    lines = [line for line in done.stderr.splitlines() if line.startswith("import time:")]
    return {line.rsplit("|", 1)[1].strip().split(".")[0] for line in lines}


@pytest.mark.parametrize("arguments", [("--help",), ("--version",), ("fit", "--help")], ids=str)
def test_help_imports_nothing_heavy(arguments: tuple[str, ...]) -> None:
    assert imported_by(*arguments).isdisjoint(HEAVY)


@pytest.mark.parametrize(
    "arguments",
    [
        ("faithful.csv", "-k", "2"),
        ("faithful.csv", "-m", "student", "-k", "2"),
        ("death_notices.csv", "--weight", "frequency", "-m", "poisson", "-k", "2"),
        ("carcinoma.csv", "-m", "categorical(A..G)", "-k", "2"),
    ],
    ids=" ".join,
)
def test_common_fits_do_without_scipy_and_pandas(arguments: tuple[str, ...]) -> None:
    table, *options = arguments
    packages = imported_by("fit", f"sample_data/{table}", *options)
    assert "numpy" in packages
    assert packages.isdisjoint({"scipy", "pandas"})
