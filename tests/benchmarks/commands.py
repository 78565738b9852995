"""Wall time of whole commands: what a person at a shell waits for."""

from __future__ import annotations

import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parent.parent.parent
COMMANDS = (
    "--help",
    "fit sample_data/faithful.csv",
    "fit sample_data/faithful.csv -m 'gaussian:*' -k 1-9",
    "fit sample_data/iris.csv -m 'gaussian:*' -k 1-9",
)


def commands(rounds: int) -> Iterator[tuple[str, float]]:
    """Each command and the median of its wall times."""
    for command in COMMANDS:
        arguments = [sys.executable, "-m", "emcli", *shlex.split(command)]
        seconds = []
        for _ in range(rounds):
            begin = time.perf_counter()
            subprocess.run(arguments, cwd=ROOT, check=True, capture_output=True)
            seconds.append(time.perf_counter() - begin)
        yield f"emcli {command}", median(seconds)
