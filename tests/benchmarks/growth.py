"""How an iteration's cost grows: with rows and components, with threads, and over its floor."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from statistics import linear_regression

from .contest import Contestant, Outcome, contest, turns
from .iteration import GAUSSIAN
from .problems import TITLES, Problem
from .report import Table, number, ratio
from .stage import Stage

ROWS = (10_000, 100_000, 1_000_000, 10_000_000)
COMPONENTS = (1, 2, 4, 8, 16, 32, 64)


def growth(stage: Stage) -> None:
    """With n and with k, and the exponent of each: the slope of log time over log size.

    With n on one thread too: few rows are not shared out, so that more of them seem cheaper.
    """
    table = Table(
        "Growth of one iteration, the exponent of time over rows, and over components",
        TITLES, "threads", "  ms an iteration", "ns a row", "exponent", "    wanted",
    )  # fmt: skip
    rows = [Problem(n, 10, 10) for n in (ROWS[:2] if stage.quick else ROWS)]
    components = [Problem(10_000 if stage.quick else 1_000_000, 10, k) for k in COMPONENTS]
    counts = [problem.n for problem in rows]
    series = ((rows, counts, 1), (rows, counts, stage.cores),
              (components, list(COMPONENTS), stage.cores))
    with stage.cast("emcli") as cast:
        for problems, sizes, cores in series:
            times = []
            for problem in problems:
                times.append(_seconds(stage, cast, problem, cores))
                cells = (number(1e3 * times[-1]), number(1e9 * times[-1] / problem.n))
                table.row(problem.title, str(cores), *cells)
            table.row("", "", "", "", f"{slope(sizes, times):.3f}", "0.95-1.05")
        # Features are the same work whatever k is: what grows is the rest.
        each, fixed = line(COMPONENTS, times)
        rest = slope(COMPONENTS[2:], [time - fixed for time in times[2:]])
        n = components[0].n
        stage.notes[
            f"A step takes {1e9 * fixed / n:.0f} ns a row for features and {1e9 * each / n:.1f} ns "
            f"for each component, by a line\nthrough these times; the exponent of what is above "
            f"the features is {rest:.3f}."
        ] = None


def _seconds(
    stage: Stage, cast: Sequence[Contestant], problem: Problem, threads: int | None = None
) -> float:
    with stage.room() as folder:
        own = {"threads": threads or stage.cores}
        found = contest(cast, "iterate", stage.rounds, **problem.write(folder), **own)
    return found["emcli"].value()


def slope(sizes: Sequence[float], times: Sequence[float]) -> float:
    """Of the line through the logarithms by least squares."""
    return line([math.log(size) for size in sizes], [math.log(time) for time in times])[0]


def line(x: Sequence[float], y: Sequence[float]) -> tuple[float, float]:
    """Slope and intercept by least squares."""
    found = linear_regression(x, y)
    return found.slope, found.intercept


def threads(stage: Stage) -> None:
    """One thread against all."""
    table = Table(
        f"One thread against {stage.cores}, milliseconds an iteration",
        TITLES, "one thread", "     all", "    ×", "wanted",
    )  # fmt: skip
    for n in (1_000, 10_000) if stage.quick else (1_000, 10_000, 100_000, 1_000_000):
        problem = Problem(n, 10, 10)
        with stage.room() as folder, stage.cast("emcli", "emcli") as cast:
            words = problem.write(folder)
            cast[0].name, cast[1].name = "one", "all"
            counts = (1, stage.cores)
            ready = [(one, one.ask("iterate", threads=count, **words) or {})
                     for one, count in zip(cast, counts, strict=True)]
            found = turns(ready, 3 * stage.rounds)
        alone, together = found["one"].value(), found["all"].value()
        target = 1.7 if n >= 1_000_000 else 1
        table.row(problem.title, number(1e3 * alone), number(1e3 * together),
                  ratio(alone, together), f"≥ {target}")


@dataclass(frozen=True)
class Work:
    """What the two matrix products of an iteration take a row, and the exponentials between."""

    flops: int
    exps: int
    far: int  # bytes of columns, from memory
    near: int  # bytes of features, in a core's cache

    @classmethod
    def of(cls, problem: Problem) -> Work:
        """joint = theta @ phi and sums = r @ phi', with D features."""
        d, k = problem.d, problem.k
        width = 1 + d + d * (d + 1) // 2 if problem.model == "full" else 1 + 2 * d
        return cls(2 * 2 * k * width, k, 8 * d, 8 * width)

    def seconds(self, rates: Outcome) -> float:
        """Of a row, one after the other."""
        return sum(getattr(self, f.name) / rates.value(f.name) for f in fields(self))


def floor(stage: Stage) -> None:
    """What the machine could do at best, and how close an iteration comes."""
    with stage.cast("machine") as cast:
        rates = contest(cast, "rates", stage.rounds, threads=stage.cores)["machine"]
    table = Table(
        f"The floor on {stage.cores} cores: {rates.value('flops') / 1e9:.0f} GFLOP/s of matrix "
        f"products, {rates.value('exps') / 1e9:.2f} exponentials a nanosecond,\n"
        f"{rates.value('far') / 1e9:.0f} GB/s copied in memory, {rates.value('near') / 1e9:.0f} "
        "in cache; nanoseconds a row",
        TITLES, "   flops", "exps", "bytes far", "near", "   floor", "   emcli", "× floor",
    )  # fmt: skip
    with stage.cast("emcli") as cast:
        for row in GAUSSIAN:
            problem = stage.sized(row.problem)
            work = Work.of(problem)
            least, took = work.seconds(rates), _seconds(stage, cast, problem) / problem.n
            table.row(
                problem.title, f"{work.flops:,}", str(work.exps), f"{work.far:,}",
                f"{work.near:,}", number(1e9 * least), number(1e9 * took), ratio(took, least),
            )  # fmt: skip
