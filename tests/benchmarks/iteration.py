"""One EM iteration against everyone who does the same from the same start."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .contest import Outcome, contest
from .problems import TITLES, Problem
from .report import Table, number, per_row, ratio
from .stage import Stage


@dataclass(frozen=True)
class Row:
    """A problem, and the speed wanted: times that of each peer that has a target."""

    problem: Problem
    targets: Mapping[str, float]


GAUSSIAN = (
    Row(Problem(1_000_000, 2, 5), {"scikit-learn": 25, "oneDAL": 1}),
    Row(Problem(1_000_000, 10, 10), {"scikit-learn": 15, "oneDAL": 1}),
    Row(Problem(1_000_000, 20, 64), {"scikit-learn": 15, "oneDAL": 2}),
    Row(Problem(100_000, 50, 20), {"scikit-learn": 5, "oneDAL": 1 / 1.3}),
    Row(Problem(20_000, 100, 10), {"scikit-learn": 3, "oneDAL": 1 / 1.3}),
    Row(Problem(1_000_000, 2, 5, "diag"), {"oneDAL": 1}),
    Row(Problem(1_000_000, 10, 10, "diag"), {"scikit-learn": 10, "oneDAL": 1}),
    Row(Problem(100_000, 50, 20, "diag"), {"oneDAL": 1}),
)
OTHERS = (
    Row(Problem(1_000_000, 16, 5, "categorical"), {"StepMix": 5, "pomegranate": 5}),
    Row(Problem(1_000_000, 8, 5, "poisson"), {"pomegranate": 5}),
    Row(Problem(1_000_000, 8, 5, "real+category"), {"StepMix": 5}),
    Row(Problem(1_000_000, 8, 5, "real+count"), {"pomegranate": 5}),
    Row(Problem(1_000_000, 12, 5, "real+category+count"), {}),
)
# What peers of other arithmetic may differ by, relative to the log-likelihood.
SAME = {"pomegranate": 1e-4}


def iteration(stage: Stage) -> None:
    """Gaussian mixtures."""
    _section(
        stage, GAUSSIAN, ("scikit-learn", "oneDAL", "mclust"),
        "One iteration of a Gaussian mixture, nanoseconds a row, float64; peers at their better "
        "of one and all\nthreads, mclust on one thread and fewer rows; × is how many times as long "
        "they take",
    )  # fmt: skip


def families(stage: Stage) -> None:
    """The other families, against whoever has them."""
    _section(
        stage, OTHERS, ("StepMix", "pomegranate"),
        "One iteration of other families, nanoseconds a row; pomegranate in its float32. StepMix "
        "has no\ncounts, pomegranate no categories beside other columns",
    )  # fmt: skip


def _section(stage: Stage, rows: tuple[Row, ...], peers: tuple[str, ...], title: str) -> None:
    """A table with everyone's time, how much longer peers take, and what is wanted of that."""
    against = [peer for peer in peers if peer != "mclust"]
    heads = [head for peer in against for head in (f"× {peer}", "wanted")]
    table = Table(title, TITLES, "  emcli", *(f"{peer:>12}" for peer in peers), *heads)
    alone = [(peer, 1) for peer in peers]
    several = [] if stage.quick else against
    with stage.cast("emcli", *alone, *several) as cast:
        for row in rows:
            problem = stage.sized(row.problem)
            able = [one for one in cast if _has(one.name, problem)]
            with stage.room() as folder:
                found = contest(able, "iterate", stage.rounds, **problem.write(folder))
            _check(stage, problem, found)
            times = {name: per_row(found.get(name), problem.n) for name in ("emcli", *peers)}
            ratios = [
                cell for peer in against
                for cell in (ratio(times[peer], times["emcli"]), _wanted(row, peer))
            ]  # fmt: skip
            table.row(problem.title, *map(number, times.values()), *ratios)


def _wanted(row: Row, peer: str) -> str:
    return f"≥ {row.targets[peer]:.2g}" if peer in row.targets else ""


def _has(name: str, problem: Problem) -> bool:
    """Does the peer know this model?"""
    kinds = set(problem.kinds)
    lacking = {"StepMix": {"count"}, "pomegranate": {"category"} if len(kinds) > 1 else set()}
    return not lacking.get(name, set()) & kinds


def _check(stage: Stage, problem: Problem, found: Mapping[str, Outcome]) -> None:
    """Note whoever computes another log-likelihood from the same start."""
    ours = found["emcli"].value("log_likelihood")
    for name, outcome in found.items():
        if float(outcome.facts.get("rows", problem.n)) == problem.n:
            theirs = outcome.value("log_likelihood")
            if abs(theirs - ours) > SAME.get(name, 1e-9) * abs(ours):
                note = f"{name}: log-likelihood {theirs}, not {ours}, of {problem.title}"
                stage.notes[note] = None
