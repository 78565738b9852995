"""What the sections share: the options, who can take part, and a folder that is gone afterwards."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from .contest import Contestant
from .problems import Problem

# Contestants by the names in the tables: the file in peers/, and the package it needs.
PEERS = {
    "emcli": ("emcli", "emcli"),
    "scikit-learn": ("sklearn", "sklearn"),
    "oneDAL": ("onedal", "daal4py"),
    "StepMix": ("stepmix", "stepmix"),
    "pomegranate": ("pomegranate", "pomegranate"),
    "pandas": ("frames", "pandas"),
    "pyarrow": ("frames", "pyarrow"),
    "machine": ("machine", "numpy"),
}


@dataclass
class Stage:
    """How large and how often, and the interpreters in which peers are looked for."""

    quick: bool
    rounds: int
    interpreters: tuple[str, ...]
    folder: Path
    notes: dict[str, None] = field(default_factory=dict)  # in order, each once
    cores: int = len(os.sched_getaffinity(0))

    @property
    def few(self) -> int:
        """Rounds of what takes long."""
        return 1 if self.quick else min(self.rounds, 3)

    @contextmanager
    def cast(self, *wanted: str | tuple[str, int]) -> Iterator[list[Contestant]]:
        """Contestants by name, or name and threads."""
        names = [(one, None) if isinstance(one, str) else one for one in wanted]
        with self._playing([self._contestant(*name) for name in names]) as found:
            yield found

    @contextmanager
    def commands(self, wanted: Mapping[str, Sequence[str] | None]) -> Iterator[list[Contestant]]:
        """Contestants that run a command each; None is one that is not installed."""
        shell = [sys.executable, "-S", "-m", "tests.benchmarks.peers.shell"]
        with self._playing([
            Contestant(name, shell if command else None, ours=name.startswith("emcli"))
            for name, command in wanted.items()
        ]) as found:
            yield found

    @contextmanager
    def _playing(self, found: list[Contestant]) -> Iterator[list[Contestant]]:
        """They are sent home afterwards, and why one could not take part is noted."""
        try:
            yield found
        finally:
            for one in found:
                one.close()
                if one.trouble and one.command:
                    self.notes[f"{one.name}: {one.trouble}"] = None

    def _contestant(self, name: str, threads: int | None) -> Contestant:
        if name == "mclust":
            return Contestant(name, self._rscript, threads)
        file, package = PEERS[name]
        ours = file in ("emcli", "machine")
        python = sys.executable if ours else self.python(package)
        command = [python, "-m", f"tests.benchmarks.peers.{file}"] if python else None
        return Contestant(name, command, threads, ours)

    @cached_property
    def _rscript(self) -> list[str] | None:
        """R, where it has mclust."""
        found = shutil.which("Rscript")
        if found is None or subprocess.run(
            [found, "-e", "stopifnot(requireNamespace('mclust'))"], capture_output=True
        ).returncode:
            return None
        return [found, str(Path(__file__).parent / "peers" / "mclust.R")]

    def python(self, package: str) -> str | None:
        """The first interpreter that has the package."""
        ask = f"import importlib.util as u, sys; sys.exit(u.find_spec({package!r}) is None)"
        for python in self.interpreters:
            if not subprocess.run([python, "-c", ask], cwd="/", capture_output=True).returncode:
                return python
        return None

    @contextmanager
    def room(self) -> Iterator[Path]:
        """A folder for the files of one row of a table."""
        with tempfile.TemporaryDirectory(dir=self.folder) as folder:
            yield Path(folder)

    def sized(self, problem: Problem) -> Problem:
        """The problem, or a small one of its kind under `--quick`."""
        return problem.smaller if self.quick else problem
