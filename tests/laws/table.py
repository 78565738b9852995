"""The table of families: each row is a mixture on which every law is tried.

To put a family under the laws, add it here: its block before any fit, the parameters of three
well-chosen components as a parameters file has them, and its twin: SciPy's log density of one
component's parameters at x (inputs, n), as (d, n) where the columns are independent, else (n,).
`grid` lists values of each input column over which the masses (or the densities, times the
spacing) add up to one; `trials` draws the column it is described by but does not describe.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.special import logsumexp

from emcli.columns import Column
from emcli.families.base import Part
from emcli.families.bernoulli import Bernoulli
from emcli.families.binomial import Binomial
from emcli.families.categorical import Categorical
from emcli.families.gaussian import Gaussian
from emcli.families.poisson import Poisson
from emcli.families.structures import AXIS_ALIGNED, STRUCTURES
from emcli.mixture import Mixture, Model
from emcli.sources.memory import MemorySource

WEIGHTS = np.array([0.5, 0.3, 0.2])
Twin = Callable[[dict[str, Any], np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Example:
    """One block: how it stands before a fit, its true parameters, and its twin."""

    part: Part
    entries: Sequence[dict[str, Any]]
    twin: Twin
    grid: tuple[np.ndarray, ...] | None = None
    trials: Callable[[np.random.Generator, int], np.ndarray] | None = None

    def family(self, part: Part | None = None):
        return self.part.family.from_dict(part or self.part, self.entries)

    @property
    def invariance(self) -> str:
        return self.part.family.invariance(self.part.variant)

    @property
    def independent(self) -> bool:
        return not self.part.family.needs_whole_rows(self.part)

    @property
    def text(self) -> str:
        """The block in the model grammar, columns and all."""
        trials = self.part.options.get("trials")
        beside = [f"{'n' if isinstance(trials, int) else 'trials'}={trials}"] if trials else []
        arguments = ", ".join([*self.part.columns, *beside])
        return f"{self.part.family.title(self.part)}({arguments})"


@dataclass(frozen=True)
class Row:
    """A product of examples with three components."""

    name: str
    blocks: tuple[Example, ...]

    @cached_property
    def model(self) -> Model:
        return Model(tuple(block.part for block in self.blocks))

    @cached_property
    def mixture(self) -> Mixture:
        families = tuple(block.family() for block in self.blocks)
        return Mixture(WEIGHTS, families, colours=("red", "blue", "green"))

    @property
    def names(self) -> tuple[str, ...]:
        return self.mixture.inputs

    @property
    def text(self) -> str:
        return " + ".join(block.text for block in self.blocks)

    @property
    def independent(self) -> bool:
        """Can it use a row with missing cells?"""
        return all(block.independent for block in self.blocks)

    @property
    def continuous(self) -> bool:
        return any(block.part.family.continuous for block in self.blocks)

    def draw(self, n: int, seed: int = 0) -> np.ndarray:
        """(inputs, n) rows of the mixture."""
        rng = np.random.default_rng(seed)
        given = {
            block.part.inputs[-1]: block.trials(rng, n) for block in self.blocks if block.trials
        }
        values, _ = self.mixture.sample(rng, n, given or None)
        return values

    def source(self, n: int, seed: int = 0, weights: np.ndarray | None = None) -> MemorySource:
        return MemorySource(self.draw(n, seed), self.names, weights)

    def places(self, block: Example) -> list[int]:
        """Where a block's inputs lie among the row's columns."""
        return [self.names.index(name) for name in block.part.inputs]

    def expected(self, values: np.ndarray) -> np.ndarray:
        """(K, n) log pi_k p_k(x_i) by SciPy; what is missing is integrated out."""
        joint = np.repeat(np.log(WEIGHTS)[:, None], values.shape[1], axis=1)
        for block in self.blocks:
            for k, entry in enumerate(block.entries):
                found = block.twin(entry, values[self.places(block)])
                joint[k] += np.where(np.isnan(found), 0.0, found).sum(axis=0) \
                    if found.ndim == 2 else found
        return joint

    def log_density(self, values: np.ndarray) -> np.ndarray:
        return logsumexp(self.expected(values), axis=0)

    def frame(self, values: np.ndarray) -> pd.DataFrame:
        """The rows as a user has them: words for the levels, whole numbers for counts."""
        found: dict[str, Any] = {}
        for block in self.blocks:
            levels = (*block.part.levels, *[None] * len(block.part.inputs))
            for place, name, words in zip(
                self.places(block), block.part.inputs, levels, strict=False
            ):
                column = values[place]
                if words:
                    found[name] = np.array(words)[column.astype(int)]
                else:
                    found[name] = column if block.part.family.continuous else column.astype(int)
        return pd.DataFrame(found)

    @property
    def columns(self) -> tuple[Column, ...]:
        """Its columns, as they stand in a parameters file."""
        found = {}
        for block in self.blocks:
            levels = (*block.part.levels, *[None] * len(block.part.inputs))
            for name, words in zip(block.part.inputs, levels, strict=False):
                kind = block.part.family.kind
                words = (0, 1) if kind == "binary" else words
                found[name] = Column(name, kind, words)
        return tuple(found.values())


def rough(row: Row, source: MemorySource, seed: int = 0, mix: float = 0.5) -> Mixture:
    """A start some way off: the fit to the true responsibilities mixed with random ones."""
    rng = np.random.default_rng(seed)
    r, _ = row.mixture.seeing(source.values, row.names).at(row.names).posterior(source.all())
    r = (1 - mix) * r + mix * rng.dirichlet(np.ones(3), source.rows).T
    return prepared(row, source).estimate(source.all(), row.names, r)


def prepared(row: Row, source: MemorySource) -> Model:
    """The row's model, its blocks knowing which of the source's columns have missing cells."""
    empty = np.isnan(source.values).any(axis=1)
    return Model(tuple(
        replace(part, incomplete=tuple(
            j for j, name in enumerate(part.columns) if empty[row.names.index(name)]
        ))
        for part in row.model.parts
    ))


def masked(values: np.ndarray, share: float = 0.15, seed: int = 0) -> np.ndarray:
    """The values with some cells missing, and no row without any unless there is one column."""
    rng = np.random.default_rng(seed)
    gone = rng.random(values.shape) < share
    if len(values) > 1:
        gone[:, gone.all(axis=0)] = False
    return np.where(gone, np.nan, values)


def by_column(logs: Callable[..., np.ndarray]) -> Twin:
    """A twin of independent columns: `logs` takes an entry and one column's parameters' index."""

    def twin(entry: dict[str, Any], x: np.ndarray) -> np.ndarray:
        return np.array([logs(entry, j, column) for j, column in enumerate(x)])

    return twin


# The Gaussian's fourteen structures

_VOLUMES = (1.0, 0.4, 2.2)
_SHAPES = np.array([[3.0, 1.0, 1 / 3], [2.5, 2.0, 1 / 5], [4.0, 0.5, 1 / 2]])
_MEANS = np.array([[0.0, 0.0, 0.0], [4.0, 1.0, -3.0], [-2.0, 5.0, 3.0]])
_ROTATIONS = [stats.special_ortho_group(3, seed=s).rvs() for s in (1, 2, 3)]


def covariances(structure: str) -> np.ndarray:
    """(3, 3, 3) covariances of the structure: E takes the first's, V each its own, I identity."""
    found = []
    for k in range(3):
        volume, shape, turn = (k if letter == "V" else 0 for letter in structure)
        a = np.ones(3) if structure[1] == "I" else _SHAPES[shape]
        d = np.eye(3) if structure[2] == "I" else _ROTATIONS[turn]
        found.append(_VOLUMES[volume] * (d * a) @ d.T)
    return np.array(found)


def _normals(entry: dict[str, Any], x: np.ndarray) -> np.ndarray:
    if "variance" in entry:
        sd = np.sqrt(entry["variance"])
        return np.array([
            stats.norm(m, s).logpdf(c) for m, s, c in zip(entry["mean"], sd, x, strict=True)
        ])
    return np.atleast_1d(stats.multivariate_normal(entry["mean"], entry["covariance"]).logpdf(x.T))


def gaussian(structure: str, columns: Sequence[str] = ("a", "b", "c")) -> Example:
    d = len(columns)
    if d == 1:
        spread = [[1.0], [1.0 if structure == "E" else 0.3], [1.0 if structure == "E" else 2.0]]
        entries = [{"mean": [m], "variance": v} for m, v in zip((-3.0, 1.0, 6.0), spread,
                                                               strict=True)]
        grid: tuple[np.ndarray, ...] | None = (np.linspace(-16, 20, 3601),)
        return Example(Part(Gaussian, tuple(columns), structure), entries, _normals, grid)
    entries = []
    for mean, sigma in zip(_MEANS[:, :d], covariances(structure)[:, :d, :d], strict=True):
        sigma = (sigma + sigma.T) / 2
        spread_of = (
            {"variance": sigma.diagonal().tolist()} if structure in AXIS_ALIGNED
            else {"covariance": sigma.tolist()}
        )
        entries.append({"mean": mean.tolist(), **spread_of})
    return Example(Part(Gaussian, tuple(columns), structure), entries, _normals)


# Counts and categories

POISSON = Example(
    Part(Poisson, ("visits", "calls")),
    [{"rate": rate} for rate in ([1.0, 12.0], [6.0, 3.0], [15.0, 20.0])],
    by_column(lambda entry, j, x: stats.poisson(entry["rate"][j]).logpmf(x)),
    (np.arange(80.0), np.arange(90.0)),
)

_YES = ([0.9, 0.9, 0.8, 0.1, 0.2, 0.1], [0.1, 0.2, 0.1, 0.9, 0.8, 0.9],
        [0.8, 0.2, 0.9, 0.1, 0.9, 0.2])  # fmt: skip
BERNOULLI = Example(
    Part(Bernoulli, tuple("pqrstu")),
    [{"probability": p} for p in _YES],
    by_column(lambda entry, j, x: stats.bernoulli(entry["probability"][j]).logpmf(x)),
    (np.arange(2.0),) * 6,
)

_LEVELS = (("high", "low", "mid"), ("no", "yes"), ("n", "o", "p", "q"), ("x", "y", "z"))
_SHARES = (
    [[0.7, 0.2, 0.1], [0.8, 0.2], [0.1, 0.1, 0.2, 0.6], [0.1, 0.8, 0.1]],
    [[0.1, 0.8, 0.1], [0.3, 0.7], [0.6, 0.2, 0.1, 0.1], [0.7, 0.2, 0.1]],
    [[0.1, 0.2, 0.7], [0.2, 0.8], [0.1, 0.7, 0.1, 0.1], [0.1, 0.1, 0.8]],
)


def _category(entry: dict[str, Any], j: int, x: np.ndarray) -> np.ndarray:
    p = entry["probabilities"][j]
    return stats.rv_discrete(values=(np.arange(len(p)), p)).logpmf(x)


def categorical(columns: Sequence[str], first: int = 0) -> Example:
    levels = _LEVELS[first : first + len(columns)]
    entries = [
        {"levels": levels, "probabilities": p[first : first + len(columns)]} for p in _SHARES
    ]
    grid = tuple(np.arange(float(len(some))) for some in levels)
    part = Part(Categorical, tuple(columns), levels=levels)
    return Example(part, entries, by_column(_category), grid)


BINOMIAL = Example(
    Part(Binomial, ("heads", "wins"), options={"trials": "tosses"}),
    [{"trials": "tosses", "probability": p} for p in ([0.1, 0.6], [0.5, 0.2], [0.9, 0.8])],
    lambda entry, x: np.array([
        stats.binom(x[2], p).logpmf(row)
        for p, row in zip(entry["probability"], x[:2], strict=True)
    ]),
    (np.arange(13.0), np.arange(13.0), np.array([12.0])),
    lambda rng, n: rng.integers(5, 21, n).astype(float),
)
BINOMIAL_OF_12 = Example(
    Part(Binomial, ("heads", "wins"), options={"trials": 12}),
    [{"trials": 12, "probability": p} for p in ([0.1, 0.6], [0.5, 0.2], [0.9, 0.8])],
    by_column(lambda entry, j, x: stats.binom(12, entry["probability"][j]).logpmf(x)),
    (np.arange(13.0), np.arange(13.0)),
)

TABLE = [
    *(Row(f"gaussian:{structure}", (gaussian(structure),)) for structure in STRUCTURES),
    *(Row(f"gaussian:{volume}", (gaussian(volume, ("a",)),)) for volume in "EV"),
    Row("poisson", (POISSON,)),
    Row("bernoulli", (BERNOULLI,)),
    Row("categorical", (categorical(("level", "answer", "letter", "axis")),)),
    Row("binomial trials=", (BINOMIAL,)),
    Row("binomial n=", (BINOMIAL_OF_12,)),
    Row("VVI+categorical+poisson", (gaussian("VVI"), categorical(("island",)), POISSON)),
    Row("VVV+bernoulli", (gaussian("VVV", ("a", "b")), BERNOULLI)),
]

every_row = pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
independent_rows = pytest.mark.parametrize(
    "row", [row for row in TABLE if row.independent], ids=lambda row: row.name
)
continuous_rows = pytest.mark.parametrize(
    "row", [row for row in TABLE if row.continuous], ids=lambda row: row.name
)
