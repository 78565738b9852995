"""A contestant's end of the line: see `tests.benchmarks.contest`.

It runs under whatever interpreter holds the peer and imports nothing but the standard library.
"""

from __future__ import annotations

import os
import shlex
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

Answer = Mapping[str, Any]
Step = Callable[[], Answer]
Task = Callable[..., tuple[Answer, Step]]


def serve(**tasks: Task) -> None:
    """Prepare tasks and do their steps until the other end hangs up."""
    line = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is not an answer

    def idle() -> Answer:
        return {}

    step: Step = idle
    for request in sys.stdin:
        name, *words = shlex.split(request)
        if name == "step":
            answer = step()
        else:
            step = idle  # lets go of the last task's memory
            answer, step = tasks[name](**dict(word.split("=", 1) for word in words))
        said = [f"{key}={value}" for key, value in answer.items()]
        print(shlex.join(["ok", *said]), file=line, flush=True)


# What takes less is done several times: the first finds a processor that has slept.
LEAST = 0.1


def timed(work: Callable[[], Any]) -> Step:
    """A step that does the work, some times if it is short, and says how long it took."""

    def step() -> Answer:
        begin, times, took = time.perf_counter(), 0, 0.0
        while took < LEAST:
            work()
            times, took = times + 1, time.perf_counter() - begin
        return {"seconds": took / times}

    return step


def several(tables: Any, each: int, fits: Callable[[Iterable[Any]], Iterable[float]]) -> Step:
    """Fits `each` of the tables a step, in turns; says the log-likelihood of every one."""
    turn = iter(range(0, 10**9, each))

    def step() -> Answer:
        first = next(turn)
        numbers = [number % len(tables) for number in range(first, first + each)]
        found: dict[str, float] = {}

        def work() -> None:
            reached = fits(tables[number] for number in numbers)
            found.update(zip([f"ll.{number}" for number in numbers], reached, strict=True))

        return {**timed(work)(), "fits": len(numbers), **found}

    return step


def versions(*packages: str) -> Callable[[], tuple[Answer, Step]]:
    """The task `versions`: of Python, these packages, and the kernel of NumPy's BLAS."""

    def task() -> tuple[Answer, Step]:
        import platform
        from importlib.metadata import version

        found = {"Python": platform.python_version()} | {name: version(name) for name in packages}
        return found | ({"BLAS": kernel()} if "numpy" in packages else {}), dict

    return task


def kernel() -> str:
    """The instructions NumPy's BLAS was chosen for."""
    import numpy  # noqa: F401
    import threadpoolctl

    for pool in threadpoolctl.threadpool_info():
        if pool["user_api"] == "blas":
            return f"{pool['internal_api']} {pool.get('architecture', '?')}"
    return "?"
