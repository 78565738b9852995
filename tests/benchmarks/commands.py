"""Wall time of whole commands: what a person at a shell waits for."""

from __future__ import annotations

import shlex
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parent.parent.parent
COMMANDS = (
    "--help",
    "fit sample_data/faithful.csv",
    "fit sample_data/faithful.csv -m 'gaussian:*' -k 1-9",
    "fit sample_data/iris.csv -m 'gaussian:*' -k 1-9",
)


def seconds(command: str, rounds: int) -> float:
    """The median of its wall times."""
    arguments = [sys.executable, "-m", "emcli", *shlex.split(command)]
    times = []
    for _ in range(rounds):
        begin = time.perf_counter()
        subprocess.run(arguments, cwd=ROOT, check=True, capture_output=True)
        times.append(time.perf_counter() - begin)
    return median(times)
