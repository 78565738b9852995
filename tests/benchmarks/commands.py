"""Whole commands, from the shell to the files they write."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from .contest import ROOT, Outcome, turns
from .problems import Problem
from .report import Table, number, ratio
from .stage import Stage

# As much as the script does, and no end below its own.
LIKE = ("--starts", "1", "--tolerance", "100")
FAITHFUL = str(ROOT / "sample_data" / "faithful.csv")


def emcli(*words: object) -> list[str]:
    """The command of this tree, as its installed script would begin."""
    start = [sys.executable, "-c", "from emcli.cli.main import main; main()"]
    return [*start, *map(str, words)]


def race(
    stage: Stage, commands: Mapping[str, Sequence[str] | None], rounds: int, warm: bool = True
) -> dict[str, Outcome]:
    """The outcomes of commands that take turns; None is one that is not installed."""
    with stage.commands(commands) as cast:
        ready = [
            (one, facts) for one, command in zip(cast, commands.values(), strict=True)
            if (facts := one.ask("run", command=shlex.join(command or []))) is not None
        ]  # fmt: skip
        return turns(ready, rounds, warm)


def seconds(found: Mapping[str, Outcome], name: str, what: str = "seconds") -> float | None:
    """The median of one that took part."""
    return found[name].value(what) if name in found else None


def script(stage: Stage, data: object, k: int, folder: Path) -> list[str] | None:
    """The script people write today, where what it needs is installed."""
    python = stage.python("sklearn")
    outputs = (folder / "script.json", folder / "script.csv")
    module = "tests.benchmarks.peers.script"
    return [python, "-m", module, *map(str, (data, k, *outputs))] if python else None


def likelihood(path: Path) -> float | None:
    """The log-likelihood in a parameters file, emcli's or the script's."""
    if not path.exists():
        return None
    found = json.loads(path.read_text())
    return float(found.get("fit", found)["log_likelihood"])


def whole(stage: Stage) -> None:
    """A fit of a large table, for clusters that lie far apart, nearer, and on each other."""
    near = Problem(10_000, 10, 3) if stage.quick else Problem(1_000_000, 10, 10)
    table = Table(
        f"The whole command: {near.n:,} rows x {near.d} as CSV, k = {near.k}, to parameters and "
        "colours; the script is pandas and\nscikit-learn with their defaults: one start, and a "
        "tolerance of 0.001 nats a row. emcli with its own, of\nten starts and 1e-7 nats in all, "
        f"and with {' '.join(LIKE)}. Apart: how many standard\ndeviations two centres are, on "
        "average",
        f"{'apart':<14}", "  emcli", "log-likelihood", "  script", "log-likelihood", "    ×",
        "wanted",
    )  # fmt: skip
    for apart in (8.0, 5.0, 3.0):
        with stage.room() as folder:
            _whole(stage, table, replace(near, apart=apart), folder)


def _whole(stage: Stage, table: Table, problem: Problem, folder: Path) -> None:
    data, colours = folder / "data.csv", folder / "c.csv"
    problem.csv(data)
    ours = {"emcli": (f"{problem.apart}", folder / "p.json", ()),
            "emcli like it": ("  as the script", folder / "like.json", LIKE)}
    commands: dict[str, Sequence[str] | None] = {
        name: emcli("fit", data, "-k", problem.k, "-o", params, "-a", colours, *more)
        for name, (_, params, more) in ours.items()
    }
    commands["script"] = script(stage, data, problem.k, folder)
    found = race(stage, commands, stage.few, warm=False)
    theirs = seconds(found, "script")
    for name, (title, params, _) in ours.items():
        ends = [f"{end:.1f}" if (end := likelihood(path)) is not None else "-"
                for path in (params, folder / "script.json")]
        took = seconds(found, name)
        table.row(title, number(took), ends[0], number(theirs), ends[1], ratio(theirs, took),
                  "≥ 10")


def startup(stage: Stage) -> None:
    """What a one-liner waits for before anything happens, and after."""
    python, imports = sys.executable, "import numpy, click, pyarrow.csv"
    with stage.room() as folder:
        outputs = ("-o", folder / "p.json", "-a", folder / "c.csv")
        commands = {
            "python -c pass": [python, "-c", "pass"],
            "python -c 'import click'": [python, "-c", "import click"],
            f"python -c '{imports}'": [python, "-c", imports],
            "emcli --version": emcli("--version"),
            "emcli --help": emcli("--help"),
            "emcli fit faithful.csv -k 2 -o -a": emcli("fit", FAITHFUL, "-k", 2, *outputs),
            "the script people write": script(stage, FAITHFUL, 2, folder),
        }
        found = race(stage, commands, 1 if stage.quick else 2 * stage.rounds, warm=not stage.quick)
    table = Table("Start-up, milliseconds", f"{'':<50}", "    ms", "of", "     ×", "wanted")
    _, click, more, version, help_, fit, today = commands
    wanted = {
        version: [(click, "≤ 1.6")], help_: [(click, "≤ 1.6")],
        fit: [(more, "≤ 1.5"), (today, "≤ 0.33")],
    }  # fmt: skip
    for name in commands:
        took = seconds(found, name)
        table.row(name, number(took and 1e3 * took))
        for base, target in wanted.get(name, []):
            table.row(f"    of {base}", "", "", ratio(took, seconds(found, base)), target)
