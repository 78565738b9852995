"""A constant density over a box: the background that outliers come from.

log p_k(x) = -sum_j log(upper_j - lower_j) inside the box, minus infinity outside. Parameters: lower
and upper (K, d), the least and the largest value of each column. They are the maximum-likelihood
estimate of any component that has a share of every row, so the M step leaves them as they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from typing import Any, ClassVar, Self

import numpy as np

from emcli.families.base import Part
from emcli.families.block import Block
from emcli.families.helpers import imputed
from emcli.families.independent import Independent
from emcli.families.still import Still
from emcli.frozen import immutable
from emcli.numerics import Array, Codes


@immutable
class Uniform(Still, Independent):
    lower: Array
    upper: Array
    incomplete: tuple[int, ...] = field(default=(), kw_only=True)

    name: ClassVar = "uniform"
    summary: ClassVar = "a constant density: background for outliers (see --noise)"
    density: ClassVar = "1 / (b - a) from a to b"
    parameters: ClassVar = "lower a and upper b, one each a column"
    support: ClassVar = "finite numbers"
    m_step: ClassVar = "none: the range of the data"
    source: ClassVar = "Banfield & Raftery (1993)"
    example: ClassVar = "emcli fit sample_data/faithful.csv -m 'gaussian | uniform' -k 3"
    kind: ClassVar = "real"
    continuous: ClassVar = True
    ranged: ClassVar = True
    background: ClassVar = True
    holds: ClassVar = ("lower", "upper")
    arrays: ClassVar = ("lower", "upper")

    @classmethod
    def invariance(cls, variant: str | None) -> str:
        return "columns"

    @classmethod
    def estimate(cls, part: Part, block: Block, r: Array) -> Self:
        ranges = part.ranges or tuple((np.nanmin(row), np.nanmax(row)) for row in block.values)
        shape = (*r.shape[:-1], len(part.columns))
        lower, upper = (np.broadcast_to(ends, shape).copy() for ends in zip(*ranges, strict=True))
        found = cls.made(part, lower=lower, upper=upper)
        return replace(
            found, lower=found.keep("lower", lower), upper=found.keep("upper", upper)
        )

    @classmethod
    def coordinates(cls, part: Part, block: Block) -> Array:
        """In units of the range."""
        values = imputed(block)
        reach = np.ptp(values, axis=1, keepdims=True)
        found: Array = values / np.where(reach > 0, reach, 1.0)
        return found

    def seeing(self, incomplete: tuple[int, ...]) -> Self:
        return self if incomplete == self.incomplete else replace(self, incomplete=incomplete)

    def log_density(self, block: Block) -> Array:
        found = np.zeros((*self.lower.shape[:-1], block.n))
        ends = zip(
            block.values, np.moveaxis(self.lower, -1, 0), np.moveaxis(self.upper, -1, 0),
            strict=True,
        )  # fmt: skip
        for x, low, high in ends:
            inside = (x >= low[..., None]) & (x <= high[..., None])
            heights = np.where(inside, -np.log(high - low)[..., None], -np.inf)
            found += np.where(np.isnan(x), 0.0, heights)
        return found

    def statistics(self, block: Block, r: Array) -> Array:
        """(..., K, d) weight of the cells that were observed."""
        seen = ~np.isnan(block.values)
        return np.asarray(r @ seen.T.astype(float))

    def q(self, n: Array, t: Array) -> float:
        return float(-(t * np.log(self.upper - self.lower)).sum())

    @property
    def means(self) -> Array:
        return self.lower + (self.upper - self.lower) / 2

    def sample(self, rng: np.random.Generator, colours: Codes, given: Array | None) -> Array:
        u = rng.random((len(colours), len(self.columns)))
        return (self.lower[colours] + u * (self.upper - self.lower)[colours]).T

    @classmethod
    def from_dict(cls, part: Part, found: Sequence[Mapping[str, Any]]) -> Self:
        read = super().from_dict(part, found)
        if not (read.lower < read.upper).all():
            raise ValueError("'lower' must be below 'upper'")
        return read
