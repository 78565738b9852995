"""Print how fast emcli is, beside whoever else does the same, and what was aimed at.

    python -m tests.benchmarks                      every section: half an hour and more
    python -m tests.benchmarks iteration passes     these sections
    python -m tests.benchmarks --quick              small sizes, within a minute
    python -m tests.benchmarks --peers PYTHON       an interpreter that holds peers; repeatable

Every figure is the median of rounds in which all contestants take turns, each in its own process.
A peer that is not installed is shown as "-".
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
from pathlib import Path

from . import commands, files, growth, holes, iteration, machine, passes, small
from .stage import Stage

SECTIONS = {
    "iteration": iteration.iteration,
    "families": iteration.families,
    "missing": holes.missing,
    "passes": passes.passes,
    "whole": commands.whole,
    "files": files.files,
    "small": small.small,
    "startup": commands.startup,
    "assign": files.assign,
    "growth": growth.growth,
    "threads": growth.threads,
    "floor": growth.floor,
}


def main() -> None:
    options = argparse.ArgumentParser(
        prog="python -m tests.benchmarks", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    options.add_argument("sections", nargs="*", metavar="SECTION", help=", ".join(SECTIONS))
    options.add_argument("--quick", action="store_true", help="small sizes only")
    options.add_argument("--rounds", type=int, help="steps timed for each median")
    options.add_argument("--peers", action="append", default=[], metavar="PYTHON",
                         help="an interpreter that has peers installed")
    asked = options.parse_args()
    unknown = [name for name in asked.sections if name not in SECTIONS]
    if unknown:
        options.error(f"there is no section '{unknown[0]}'; there are {', '.join(SECTIONS)}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # folders are removed first
    for python in asked.peers:
        if not os.access(python, os.X_OK):
            options.error(f"there is no interpreter '{python}'")
    with tempfile.TemporaryDirectory(prefix="emcli-benchmark-") as folder:
        rounds = asked.rounds or (2 if asked.quick else 7)
        pythons = (*map(os.path.abspath, asked.peers), sys.executable)
        stage = Stage(asked.quick, rounds, pythons, Path(folder))
        machine.header(stage)
        for name in asked.sections or SECTIONS:
            SECTIONS[name](stage)
        print("", *stage.notes, sep="\n")


main()
