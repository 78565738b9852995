"""Small tables, where what is around the arithmetic counts: a search, and a thousand fits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

import numpy as np

from .commands import FAITHFUL
from .contest import Contestant, Outcome, Words, turns
from .problems import SMALL, Problem
from .report import Table, number, ratio
from .stage import Stage

# scikit-learn's own tolerance, and the one at which it converges as far as emcli does.
TOLERANCES = ("default", "1e-7")
FAR = 0.01  # nats that make a worse fit


def small(stage: Stage) -> None:
    """Both, against the loops people write around scikit-learn."""
    table = Table(
        "Small fits of ten starts, milliseconds each: cells of a search; tables, all in a call of\n"
        "emcli's `fit_each`, its workers' start included. scikit-learn in a loop, with its own\n"
        "tolerance, and with one of 1e-7 nats in total; how many of its fits end 0.01 nats and\n"
        "more below emcli's, by how much at the median, and how many above (emcli refuses spikes)",
        f"{'':<40}", "  emcli", "scikit-learn", "    ×", "wanted", "   fits", "below", "    by",
        "above",
    )  # fmt: skip
    peers: list[str | tuple[str, int]] = [("scikit-learn", 1)]
    if not stage.quick:
        peers.append("scikit-learn")  # on all threads
    with stage.cast("emcli", *peers) as cast:
        for tolerance in TOLERANCES:
            _search(stage, cast, table, tolerance)
        for tolerance in TOLERANCES:
            _many(stage, cast, table, tolerance)


def _search(stage: Stage, cast: Sequence[Contestant], table: Table, tolerance: str) -> None:
    """Old Faithful: all structures, one to nine components; a cell of the table is a fit."""
    ks = 2 if stage.quick else 9
    with stage.room() as folder:
        np.save(folder / "rows.npy", np.loadtxt(FAITHFUL, delimiter=",", skiprows=1))
        ours = {"folder": folder, "model": "gaussian:*", "k": f"1-{ks}"}
        theirs = {"folder": folder, "ks": ks, "tolerance": tolerance}
        found = turns(_asked(cast, "search", ours, theirs), stage.few, warm=False)
    table.row(f"faithful, k 1-{ks}, tolerance {tolerance}", *_cells(found))


def _many(stage: Stage, cast: Sequence[Contestant], table: Table, tolerance: str) -> None:
    """Tables of 200 rows and two columns: all of them in a call, or some of them in a loop."""
    count, some = (4, 2) if stage.quick else (1_000, 100)
    with stage.room() as folder:
        Problem(count * SMALL, 2, 2).write(folder)
        ours = {"folder": folder, "each": count}
        theirs = {"folder": folder, "each": some, "tolerance": tolerance}
        found = turns(_asked(cast, "many", ours, theirs), stage.few, warm=False)
    table.row(f"{count:,} tables, k 2, tolerance {tolerance}", *_cells(found))


def _asked(
    cast: Sequence[Contestant], task: str, ours: Mapping[str, Any], theirs: Mapping[str, Any]
) -> list[tuple[Contestant, Words]]:
    """All who can do the task, each asked in its own words."""
    return [
        (one, facts) for one in cast
        if (facts := one.ask(task, **(ours if one.ours else theirs))) is not None
    ]  # fmt: skip


def _cells(found: Mapping[str, Outcome]) -> list[str]:
    """Times of a fit, and how the log-likelihoods compare."""
    ours, theirs = found["emcli"], found.get("scikit-learn")
    if theirs is None:
        return [number(_each(ours)), "-", "-", "≥ 10"]
    reached = [_reached(one) for one in (ours, theirs)]
    gaps = [reached[0][fit] - reached[1][fit] for fit in reached[0] if fit in reached[1]]
    below = [gap for gap in gaps if gap >= FAR]
    return [
        number(_each(ours)), number(_each(theirs)), ratio(_each(theirs), _each(ours)), "≥ 10",
        str(len(gaps)), str(len(below)), number(median(below) if below else 0.0),
        str(sum(gap <= -FAR for gap in gaps)),
    ]  # fmt: skip


def _each(outcome: Outcome) -> float:
    """Milliseconds of a fit."""
    return 1e3 * outcome.value() / outcome.value("fits")


def _reached(outcome: Outcome) -> dict[str, float]:
    """The log-likelihood of every fit."""
    return {key: float(value) for step in outcome.steps for key, value in step.items()
            if key.startswith("ll.")}
