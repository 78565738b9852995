"""What missing cells cost: an iteration against one of the same table without any."""

from __future__ import annotations

from dataclasses import replace
from statistics import quantiles

from .contest import Outcome, turns
from .problems import TITLES, Problem
from .report import Table, number, ratio
from .stage import Stage

# How many times as long it may take.
TARGETS = {"few": 2, "random": 15}
MODELS = ("full", "diag", "student")


def missing(stage: Stage) -> None:
    """Few patterns of missing cells, and cells missing at random, in thousands of patterns."""
    table = Table(
        "One iteration with missing cells: in four patterns, of one row in ten each; and one cell "
        "in ten at random.\n× is how many times as long it takes as without, of medians; and "
        "round by round, its quartiles",
        TITLES, " missing", "  ms", "    ×", "  quartiles", "wanted",
    )  # fmt: skip
    for model in MODELS:
        problem = stage.sized(Problem(100_000, 10, 5, model))
        found = {holes: _played(stage, replace(problem, holes=holes)) for holes in TARGETS}
        for holes, (whole, punched) in found.items():
            low, _, high = quantiles(
                a / b for a, b in zip(punched.all("seconds"), whole.all("seconds"), strict=True)
            )
            table.row(
                problem.title, holes, number(1e3 * punched.value()),
                ratio(punched.value(), whole.value()), f"{low:.2f}-{high:.2f}",
                f"≤ {TARGETS[holes]}",
            )  # fmt: skip


def _played(stage: Stage, problem: Problem) -> tuple[Outcome, Outcome]:
    """Iterations without and with missing cells, in turns."""
    with stage.room() as one, stage.room() as other, stage.cast("emcli", "emcli") as cast:
        both = (replace(problem, holes="none"), one), (problem, other)
        ready = []
        for contestant, (asked, folder), name in zip(cast, both, ("whole", "holes"), strict=True):
            contestant.name = name
            ready.append((contestant, contestant.ask("iterate", **asked.write(folder)) or {}))
        found = turns(ready, 3 * stage.rounds)
    return found["whole"], found["holes"]
