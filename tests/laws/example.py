"""A row of the table of families: a mixture on which every law is tried.

To put a family under the laws: its block before any fit, the parameters of three well-chosen
components as a parameters file has them, and its twin: SciPy's log density of one component's
parameters at x (inputs, n), as (d, n) where the columns are independent, else (n,).
`grid` lists values of each input column over which the masses (or the densities, times the
spacing) add up to one; `given` draws the columns that describe it but that it does not describe.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import logsumexp

from emcli.columns import Column
from emcli.families.base import Part
from emcli.families.undivided import gapped
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
    given: Callable[[np.random.Generator, int], np.ndarray] | None = None
    words: tuple[str, ...] = ()  # arguments that the name of the fitted model leaves out

    def family(self, part: Part | None = None):
        return self.part.family.from_dict(part or self.part, self.entries)

    @property
    def invariance(self) -> str:
        return self.part.family.invariance(self.part.variant)

    @property
    def independent(self) -> bool:
        """Can any of its cells be missing, and the others be used?"""
        return not self.part.family.correlated

    @property
    def text(self) -> str:
        """The block in the model grammar, columns and all."""
        family = self.part.family
        spelt = family.spelt(self.part.columns, self.part.options, False)
        return f"{family.title(self.part)}({', '.join([*spelt, *self.words])})"

    @property
    def beside(self) -> tuple[str, ...]:
        """The columns that describe it and that it does not describe."""
        return self.part.inputs[len(self.part.columns) :]


@dataclass(frozen=True)
class Row:
    """A product of examples with three components."""

    name: str
    blocks: tuple[Example, ...]
    options: dict[str, str] = field(default_factory=dict)  # of the fit, beside the model

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
        """Can any cell of a row be missing, and the others be used?"""
        return all(block.independent for block in self.blocks)

    @property
    def continuous(self) -> bool:
        return any(block.part.family.continuous for block in self.blocks)

    @property
    def hidden(self) -> bool:
        """Is Q over more than the colours?"""
        return any(block.part.family.hidden for block in self.blocks)

    @property
    def exact(self) -> bool:
        """Does the M step maximise Q?"""
        return self.mixture.exact

    def draw(self, n: int, seed: int = 0) -> np.ndarray:
        """(inputs, n) rows of the mixture."""
        rng = np.random.default_rng(seed)
        given: dict[str, np.ndarray] = {}
        for block in self.blocks:
            if block.given:
                found = np.atleast_2d(block.given(rng, n))
                # Where nothing stands beside it, its own columns: their totals are given.
                given |= dict(zip(block.beside or block.part.columns, found, strict=True))
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
                x = values[self.places(block)]
                if not block.independent:
                    there = ~np.isnan(x[: len(block.part.columns)]).any(axis=0)
                    joint[k, there] += block.twin(entry, x[:, there])
                    continue
                found = block.twin(entry, x)
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
                    family = block.part.family
                    whole = family.beside == "count" if name in block.beside \
                        else not family.continuous
                    found[name] = column.astype(int) if whole else column
        return pd.DataFrame(found)

    @property
    def columns(self) -> tuple[Column, ...]:
        """Its columns, as they stand in a parameters file."""
        found = {}
        for block in self.blocks:
            levels = (*block.part.levels, *[None] * len(block.part.inputs))
            for name, words in zip(block.part.inputs, levels, strict=False):
                kind = block.part.family.kind
                if name in block.beside:
                    kind = "count" if block.part.family.beside == "count" else "real"
                    kind = "category" if words else kind
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

    def ready(part: Part) -> Part:
        missing = [j for j, name in enumerate(part.columns) if empty[row.names.index(name)]]
        options = part.options
        if "kinds" in options:
            kinds = [replace(kind, parts=tuple(map(ready, kind.parts)))
                     for kind in options["kinds"]]
            options = {"kinds": tuple(kinds)}
        return gapped(replace(part, incomplete=tuple(missing), options=options))

    return Model(tuple(map(ready, row.model.parts)))


def masked(values: np.ndarray, share: float = 0.15, seed: int = 0) -> np.ndarray:
    """The values with some cells missing, and no row without any unless there is one column."""
    rng = np.random.default_rng(seed)
    gone = rng.random(values.shape) < share
    if len(values) > 1:
        gone[:, gone.all(axis=0)] = False
    return np.where(gone, np.nan, values)


def flattened(value: Any) -> np.ndarray:
    """The numbers of a parameter as a file has it, however nested; null is infinite."""
    if isinstance(value, (list, tuple)):
        return np.concatenate([flattened(part) for part in value])
    return np.array([np.inf if value is None else value], float)


def by_column(logs: Callable[..., np.ndarray]) -> Twin:
    """A twin of independent columns: `logs` takes an entry and one column's parameters' index."""

    def twin(entry: dict[str, Any], x: np.ndarray) -> np.ndarray:
        return np.array([logs(entry, j, column) for j, column in enumerate(x)])

    return twin
