"""What is to be fitted: rows drawn from a mixture, always the same, and where everyone starts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

Array = np.ndarray

LEVELS = 4
SMALL = 200  # rows of a small table
PIECE = 1_000_000
TITLES = f"{'rows':>10} {'d':>4} {'k':>3}  {'model':<19}"
SPREAD = 1.5  # variance of the components everyone starts from
SIMPLE = {
    "full": "real", "diag": "real", "student": "real", "categorical": "category",
    "poisson": "count",
}
# Cells missing at random; and patterns, of which each is one row's in ten.
RANDOM = 0.1
PATTERNS = ((0, 1), (2,), (3, 4, 5), (9,))


@dataclass(frozen=True)
class Problem:
    """n rows, d columns, k components of one model.

    model: "full" or "diag" (Gaussian), "student" (full), "categorical", "poisson", or a product of
    equally many columns each: "real+category", "real+category+count". apart: how far two centres
    are from each other on average, in standard deviations; they overlap, or peers would have
    converged before they are timed. holes: which cells are missing, "none", "few" (patterns) or
    "random".
    """

    n: int
    d: int
    k: int
    model: str = "full"
    apart: float = 3.0
    holes: str = "none"

    @property
    def words(self) -> dict[str, Any]:
        """As the values of a task."""
        return asdict(self)

    @property
    def title(self) -> str:
        """Beneath `TITLES` in a table."""
        return f"{self.n:>10,} {self.d:>4} {self.k:>3}  {self.model:<19}"

    @property
    def smaller(self) -> Problem:
        """The same with a hundredth of the rows."""
        return replace(self, n=max(self.n // 100, min(self.n, 2_000)))

    @property
    def kinds(self) -> dict[str, int]:
        """How many columns there are of each kind, in their order."""
        names = SIMPLE.get(self.model, self.model).split("+")
        return {name: self.d // len(names) for name in names}

    @property
    def truth(self) -> dict[str, Array]:
        """What the rows are drawn from: means, probabilities (k, d, levels), rates."""
        rng, scale = np.random.default_rng(1), self.apart / np.sqrt(2 * self.d)
        sizes = {"real": 0, "category": 0, "count": 0} | self.kinds
        return {
            "means": scale * rng.standard_normal((self.k, sizes["real"])),
            "probabilities": rng.dirichlet(np.ones(LEVELS), (self.k, sizes["category"])),
            "rates": 1 + rng.gamma(2.0, 2.0, (self.k, sizes["count"])),
        }

    @property
    def start(self) -> dict[str, Array]:
        """Parameters off the truth; weights are equal, covariances `covariance`."""
        rng, truth = np.random.default_rng(3), self.truth
        return {
            "means": truth["means"] + 0.3 * rng.standard_normal(truth["means"].shape),
            "probabilities": 0.7 * truth["probabilities"] + 0.3 / LEVELS,
            "rates": truth["rates"] * np.exp(0.3 * rng.standard_normal(truth["rates"].shape)),
        }

    def covariance(self, d: int) -> Array:
        """(d, d) every component's to begin with."""
        correlation = 0.0 if self.model == "diag" else 0.2
        return SPREAD * (correlation + (1 - correlation) * np.eye(d))

    def pieces(self) -> Iterator[Array]:
        """The rows (n, d), some at a time."""
        truth = self.truth
        for number, first in enumerate(range(0, self.n, PIECE)):
            rng = np.random.default_rng([2, number])
            colours = rng.integers(self.k, size=min(PIECE, self.n - first))
            rows = np.hstack([_drawn(rng, kind, truth, colours) for kind in self.kinds])
            yield _punched(rng, self.holes, rows)

    def write(self, folder: Path) -> dict[str, Any]:
        """Rows and start as .npy files in the folder; the words of the task."""
        rows = np.lib.format.open_memmap(
            folder / "rows.npy", "w+", dtype=np.float64, shape=(self.n, self.d)
        )
        for first, piece in zip(range(0, self.n, PIECE), self.pieces(), strict=True):
            rows[first : first + PIECE] = piece
        rows.flush()
        for name, array in self.start.items():
            np.save(folder / f"{name}.npy", array)
        return {**self.words, "folder": folder}


    def csv(self, path: Path) -> None:
        """The rows as a CSV file, rounded as measurements are."""
        from pyarrow import csv

        with csv.CSVWriter(path, self._table(np.empty((0, self.d))).schema) as writer:
            for piece in self.pieces():
                writer.write_table(self._table(piece.round(6)))

    def parquet(self, path: Path) -> None:
        """The rows as a Parquet file."""
        from pyarrow import parquet

        schema = self._table(np.empty((0, self.d))).schema
        with parquet.ParquetWriter(path, schema) as writer:
            for piece in self.pieces():
                writer.write_table(self._table(piece))

    def _table(self, rows: Array) -> Any:
        import pyarrow

        return pyarrow.table({f"x{j}": np.ascontiguousarray(x) for j, x in enumerate(rows.T)})


def _drawn(rng: np.random.Generator, kind: str, truth: dict[str, Array], colours: Array) -> Array:
    """Rows (n, columns of the kind), each from the component of its colour."""
    if kind == "real":
        means = truth["means"]
        return means[colours] + rng.standard_normal((len(colours), means.shape[1]))
    if kind == "count":
        return rng.poisson(truth["rates"][colours]).astype(float)
    edges = truth["probabilities"].cumsum(axis=2)[..., :-1]
    uniform = rng.random((len(colours), edges.shape[1]))
    found = np.zeros(uniform.shape)
    for level in range(LEVELS - 1):
        found += uniform > edges[colours, :, level]
    return found


def _punched(rng: np.random.Generator, holes: str, rows: Array) -> Array:
    """The rows (n, d) with what is missing of them."""
    if holes == "random":
        rows[rng.random(rows.shape) < RANDOM] = np.nan
    elif holes == "few":
        of = rng.integers(10, size=len(rows))
        for number, pattern in enumerate(PATTERNS):
            rows[np.ix_(of == number, pattern)] = np.nan
    return rows


def taken(folder: str) -> Array:
    """The rows that `write` wrote, not yet in memory."""
    return np.load(f"{folder}/rows.npy", mmap_mode="r")


def start(folder: str) -> dict[str, Array]:
    """The start that `write` wrote."""
    names = ("means", "probabilities", "rates")
    return {name: np.load(f"{folder}/{name}.npy") for name in names}


def problem(n: str, d: str, k: str, model: str, apart: str, holes: str) -> Problem:
    """The problem in a task's words."""
    return Problem(int(n), int(d), int(k), model, float(apart), holes)
