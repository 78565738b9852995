"""Contestants, each in a process of its own, told to work one at a time and in turns.

What one does to its thread pools, its environment or its memory cannot disturb another that way,
and a machine that is busy for a while is busy for all. They are told what to do by lines of words:

    TASK name=value ...    ->  ok name=value ...      prepare a task and say what was found
    step                   ->  ok seconds=0.12 ...    do the work once

One that is not installed or dies takes no part, and why is kept.
"""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import IO, Any

ROOT = Path(__file__).parents[2]
FEWEST, PATIENCE = 3, 90.0
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")

Words = dict[str, str]


def environment(threads: int | None = None) -> Words:
    """What a user's shell has: nothing that sets threads or kernels, unless threads are given.

    Compiled modules are kept, as in whatever pip installed: else every start would compile emcli
    from this tree, and the others' packages not.
    """
    unusual = (*THREADS, "PYTHONDONTWRITEBYTECODE")
    kept = {name: value for name, value in os.environ.items()
            if name not in unusual and not name.startswith("EMCLI_")}
    return kept | ({} if threads is None else dict.fromkeys(THREADS, str(threads)))


@dataclass
class Contestant:
    """Somebody who does the work, by name; `command` is None where it is not installed.

    threads: as many as its environment allows, None for the default. ours: its failure is ours
    too and ends the benchmark.
    """

    name: str
    command: Sequence[str] | None
    threads: int | None = None
    ours: bool = False
    trouble: str = ""
    process: subprocess.Popen[str] | None = None
    complaints: IO[str] = field(default_factory=lambda: tempfile.TemporaryFile("w+"))

    def ask(self, task: str, **values: Any) -> Words | None:
        """Its answer to one line; None where it takes no part."""
        if self.command is None:
            self.trouble = "not installed"
            return None
        self.process = self.process or self._started(self.command)
        words = [task, *(f"{name}={value}" for name, value in values.items())]
        assert self.process.stdin and self.process.stdout
        try:
            self.process.stdin.write(shlex.join(words) + "\n")
            self.process.stdin.flush()
            answer = self.process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        if not answer:
            self._died()
            return None
        return dict(_pair(word) for word in shlex.split(answer)[1:])

    def close(self) -> None:
        """End its process, and those it started."""
        if self.process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.communicate()
            self.process = None

    def _started(self, command: Sequence[str]) -> subprocess.Popen[str]:
        return subprocess.Popen(
            command, cwd=ROOT, env=environment(self.threads), text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.complaints,
            start_new_session=True,
        )  # fmt: skip

    def _died(self) -> None:
        self.complaints.seek(0)
        said = self.complaints.read().strip() or "it died without a word"
        if self.ours:
            raise SystemExit(f"{self.name}: {said}")
        self.trouble = said.splitlines()[-1]
        self.close()


def _pair(word: str) -> tuple[str, str]:
    name, _, value = word.partition("=")
    return name, value


@dataclass
class Outcome:
    """What one contestant made of one task: what it said at first, and after each step."""

    facts: Mapping[str, str]
    steps: list[Words]

    def all(self, name: str) -> list[float]:
        """A number of every step."""
        return [float(step[name]) for step in self.steps]

    def value(self, name: str = "seconds") -> float:
        """The median of its steps, or what it said at first."""
        found = self.all(name) if name in self.steps[0] else [float(self.facts[name])]
        return median(found)


def contest(
    cast: Iterable[Contestant], task: str, rounds: int, warm: bool = True, **values: Any
) -> dict[str, Outcome]:
    """Everyone's outcome, by name, from steps in turns after one to warm up.

    Where several contestants have one name (a peer with other threads), the fastest counts.
    """
    ready = [(one, facts) for one in cast if (facts := one.ask(task, **values)) is not None]
    return turns(ready, rounds, warm)


def turns(
    ready: Iterable[tuple[Contestant, Words]], rounds: int, warm: bool = True
) -> dict[str, Outcome]:
    """The outcomes of contestants that are prepared, each for a task of its own maybe.

    After `PATIENCE` seconds the rounds are as few as `FEWEST`.
    """
    playing = [(one, Outcome(facts, [])) for one, facts in ready]
    begin = time.monotonic()
    for number in range(rounds + warm):
        if number >= FEWEST + warm and time.monotonic() - begin > PATIENCE:
            break
        for one, outcome in playing:
            answer = one.ask("step") if one.process else None
            if answer and number >= warm:
                outcome.steps.append(answer)
    found: dict[str, Outcome] = {}
    for one, outcome in playing:
        if not one.process:
            continue
        best = found.get(one.name)
        if best is None or outcome.value() < best.value():
            found[one.name] = outcome
    return found
