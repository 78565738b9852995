"""Print what an EM iteration costs, against scikit-learn, and how long whole commands take.

    python -m tests.benchmarks            the whole table, a few minutes
    python -m tests.benchmarks --quick    small sizes, seconds
"""

from __future__ import annotations

import argparse
import os
import platform
from importlib.metadata import version
from pathlib import Path

from emcli import __version__

from .commands import COMMANDS, seconds
from .iteration import Problem, Timing, measure

WHOLE = [
    Problem(1_000_000, 2, 5, "full"),
    Problem(1_000_000, 10, 10, "full"),
    Problem(100_000, 50, 20, "full"),
    Problem(20_000, 100, 10, "full"),
    Problem(1_000_000, 2, 5, "diag"),
    Problem(1_000_000, 10, 10, "diag"),
    Problem(100_000, 50, 20, "diag"),
]
QUICK = [
    Problem(100_000, 2, 5, "full"),
    Problem(100_000, 10, 10, "full"),
    Problem(100_000, 10, 10, "diag"),
]


def processor() -> str:
    """The processor's name as Linux tells it, else what Python knows."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    named = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor() or platform.machine()


def row(problem: Problem, timing: Timing) -> str:
    """One line of the table, in nanoseconds a row."""
    times = [timing.emcli, *timing.sklearn.values()]
    nanoseconds = "".join(f"{1e9 * seconds / problem.n:12.0f}" for seconds in times)
    size = f"{problem.n:>9,} {problem.d:>4} {problem.k:>3}  {problem.covariance:<5}"
    return f"{size}{nanoseconds}{timing.ratio:9.1f}"


def main() -> None:
    options = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    options.add_argument("--quick", action="store_true", help="small sizes only")
    options.add_argument("--rounds", type=int, help="iterations timed for each median")
    chosen = options.parse_args()
    cores = len(os.sched_getaffinity(0))
    packages = [f"{name} {version(name)}" for name in ("numpy", "scipy", "scikit-learn")]
    print(f"{processor()}, {cores} cores; emcli {__version__},",
          ", ".join([f"Python {platform.python_version()}", *packages]))
    print("\nOne EM iteration, nanoseconds a row, float64; ratio to scikit-learn's better")
    threads = sorted({1, cores})
    heads = ["emcli", *(f"sklearn({count})" for count in threads)]
    print(f"{'n':>9} {'d':>4} {'k':>3}  {'Σ':<5}", *(f"{head:>11}" for head in heads), "   ratio")
    rounds = chosen.rounds or (3 if chosen.quick else 7)
    for problem in QUICK if chosen.quick else WHOLE:
        print(row(problem, measure(problem, rounds, cores)), flush=True)
    print("\nWhole commands, seconds, the process's start included")
    for command in COMMANDS[:2] if chosen.quick else COMMANDS:
        print(f"{seconds(command, rounds=3):7.2f}  emcli {command}", flush=True)


main()
