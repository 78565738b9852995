"""`emcli plot` of EM at work: bound and convergence from the files that `emcli fit` wrote."""

from __future__ import annotations

from pathlib import Path

from .conftest import Run


def test_convergence_from_a_trace_and_the_bound_from_the_rows(emcli: Run, here: Path) -> None:
    done = emcli(
        "fit", "faithful.csv", "-k", "2", "--starts", "4", "-q", "-o", "p.json", "--trace", "t"
    )
    assert done.returncode == 0
    for words in (
        ("--kind", "convergence", "--trace", "t", "-o", "c.svg"),
        ("faithful.csv", "--kind", "bound", "--iteration", "1", "-o", "b.svg"),
    ):
        done = emcli("plot", "p.json", *words)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        assert (here / words[-1]).read_bytes().startswith(b"<?xml")


def test_what_is_needed_is_named(emcli: Run, params: Path) -> None:
    done = emcli("plot", str(params), "--kind", "convergence", "-o", "c.svg")
    assert done.returncode == 2 and done.stderr.count("\n") == 1
    assert f"emcli plot {params} DATA" in done.stderr and "--trace FILE" in done.stderr


def test_an_iteration_that_never_was(emcli: Run, params: Path, here: Path) -> None:
    done = emcli(
        "plot", str(params), "faithful.csv", "--kind", "bound", "--iteration", "999", "-o", "b.svg"
    )
    assert done.returncode == 2 and "the last picture is --iteration" in done.stderr
    assert not (here / "b.svg").exists()
