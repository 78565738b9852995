"""Whole commands as a shell runs them: wall time and the most memory they held.

What a process is said to have held is at least what its parent held when it began; this one is
small, for it imports almost nothing.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import time

from tests.benchmarks.peers.line import Answer, Step, serve


def run(command: str) -> tuple[Answer, Step]:
    """The command, its output thrown away; if it fails, so does this one, with nothing to add."""
    words = shlex.split(command)

    def step() -> Answer:
        begin = time.perf_counter()
        child = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - begin
        if status:
            sys.exit(1)
        unit = 1 if sys.platform == "darwin" else 1024
        return {"seconds": seconds, "peak": usage.ru_maxrss * unit}

    return {}, step


serve(run=run)
