"""Reading and writing tables, and colouring more rows than one would keep in memory."""

from __future__ import annotations

import sys
from pathlib import Path
from statistics import median

import numpy as np

from .commands import emcli, race, seconds
from .contest import Outcome, contest, turns
from .problems import Problem
from .report import Table, number, ratio
from .stage import Stage

LEAST = "tests.benchmarks.peers.pipeline"


def files(stage: Stage) -> None:
    """CSV in against pyarrow, CSV out against pandas."""
    problem = stage.sized(Problem(1_000_000, 10, 10))
    table = Table(f"CSV of {problem.n:,} rows, seconds", f"{'':<50}", "  emcli", "   peer", "    ×",
                  "wanted")
    with stage.room() as folder:
        path, shares = folder / "data.csv", folder / "shares.npy"
        problem.csv(path)
        for title, times in (
            ("read for a fit, as a command does; pyarrow.csv", _first(stage, path)),
            ("the same again and again in one process", _again(stage, path)),
        ):
            for name, beside, target in (("emcli", "", 1.3), ("--memory", "  --memory 256M", 3.5)):
                ours, theirs = times.get(name), times.get("pyarrow")
                table.row(beside or title, number(ours), number(theirs), ratio(ours, theirs),
                          f"≤ {target}")
        weights = np.random.default_rng(5).gamma(0.3, size=(10, problem.n))
        np.save(shares, weights / weights.sum(axis=0))
        with stage.cast("emcli", "pandas") as cast:
            found = contest(cast, "write", stage.rounds, shares=shares, path=folder / "out.csv")
        ours, theirs = seconds(found, "emcli"), seconds(found, "pandas")
        table.row("write colours and 10 probabilities; pandas.to_csv", number(ours),
                  number(theirs), ratio(theirs, ours), "≥ 5")


def _first(stage: Stage, path: Path) -> dict[str, float]:
    """Seconds of the first reading of a process: memory is not yet the process's own."""
    rounds = [_reading(stage, path, 1, warm=False) for _ in range(stage.rounds)]
    return {name: median(times[name] for times in rounds) for name in rounds[0]}


def _again(stage: Stage, path: Path) -> dict[str, float]:
    """Seconds of later ones."""
    return _reading(stage, path, stage.rounds, warm=True)


def _reading(stage: Stage, path: Path, rounds: int, warm: bool) -> dict[str, float]:
    """Seconds from the file to the source, with and without a limit on memory, and pyarrow's."""
    with stage.cast("emcli", "emcli", "pyarrow", ("pyarrow", 1)) as cast:
        cast[1].name, cast[1].ours = "--memory", False
        ready = []
        for one in cast:
            limit = {"memory": "256M"} if one.name == "--memory" else {}
            if (facts := one.ask("read", path=path, **limit)) is not None:
                ready.append((one, facts))
        return {name: one.value() for name, one in turns(ready, rounds, warm).items()}


def assign(stage: Stage) -> None:
    """Colouring from Parquet to Parquet, in time and memory; and the memory of a fit."""
    table = Table(
        "Colouring 10 columns from Parquet to Parquet, k = 10; the least is reading, one E step "
        "and writing the\nsame table. Memory is the most that was held",
        f"{'':<26}", "seconds", "  least", "    ×", "wanted", "MB held", "wanted",
    )  # fmt: skip
    with stage.room() as folder:
        params, fitted = folder / "p.json", [""]
        for n in (10_000, 100_000) if stage.quick else (1_000_000, 10_000_000):
            data, colours = folder / "data.parquet", folder / "colours.parquet"
            Problem(n, 10, 10).parquet(data)
            if not params.exists():
                fitted = _fitted(stage, data, params)
            found = race(stage, {
                "emcli assign": emcli("assign", params, data, "-a", colours),
                "least": [sys.executable, "-m", LEAST, *map(str, (params, data, folder / "least"))],
            }, stage.few, warm=False)  # fmt: skip
            ours, least = seconds(found, "emcli assign"), seconds(found, "least")
            table.row(f"assign {n:,} rows", number(ours), number(least), ratio(ours, least),
                      "≤ 1.3", _megabytes(found["emcli assign"]), "same")
        table.row(*fitted)


def _fitted(stage: Stage, data: Path, params: Path) -> list[str]:
    """A row of the table about a short fit of that file, which leaves the parameters."""
    short = ("-k", 10, "--starts", 1, "--max-iterations", 50, "-q")
    command = emcli("fit", data, *short, "-o", params)
    found = race(stage, {"emcli fit": command}, 1, warm=False)["emcli fit"]
    return ["fit of the first", number(found.value()), "", "", "", _megabytes(found), "≤ 200"]


def _megabytes(found: Outcome) -> str:
    return number(found.value("peak") / 2**20)
