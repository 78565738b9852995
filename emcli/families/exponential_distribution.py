"""Waiting times without memory: independent exponential columns.

log p_k(x) = sum_j [ log lambda_kj - lambda_kj x_j ], x from 0.
Parameter: rate lambda (K, d), above 0. M step: one over the weighted mean.
"""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar, Self

import numpy as np

from emcli.families.base import Part
from emcli.families.block import Block
from emcli.families.exponential import Separable, fill_missing
from emcli.families.positive import Positive, refuse_flat, standardised
from emcli.frozen import immutable
from emcli.numerics import Array, Codes, Mask, flat


@immutable
class Exponential(Positive, Separable):
    rate: Array

    name: ClassVar = "exponential"
    summary: ClassVar = "waiting times without memory"
    density: ClassVar = "λ exp(-λx)"
    parameters: ClassVar = "rate λ, one a column"
    support: ClassVar = "numbers from 0"
    m_step: ClassVar = "analytic: one over the weighted mean"
    source: ClassVar = "Hasselblad (1969)"
    example: ClassVar = "emcli fit sample_data/acidity.csv -m exponential,gamma,lognormal -k 1-3"
    holds: ClassVar = ("rate",)
    arrays: ClassVar = ("rate",)

    @staticmethod
    def inside(values: Array) -> Mask:
        return np.asarray((values >= 0) & (values < np.inf))

    # The likelihood is infinite on zeros alone; no few rows above zero can make it so.
    least_rows: ClassVar = 1

    @classmethod
    def rows_wanted(cls, part: Part) -> int:
        return 1

    @property
    def sd(self) -> Array:
        return 1 / self.rate

    @classmethod
    def coordinates(cls, part: Part, block: Block) -> Array:
        """Cube roots, which make it nearly symmetric and are there for 0 (Wilson & Hilferty)."""
        return standardised(np.cbrt(block.values), block.weights)

    def column_features(self, values: Array, out: Array) -> None:
        fill_missing(values, out)

    def column_natural(self) -> tuple[Array, Array]:
        return -self.rate, np.log(self.rate)

    def maximise(self, n: Array, t: Array) -> Self:
        observed = self.observed(n, t)
        total = t[..., : len(self.columns)]
        if "rate" not in self.options:
            refuse_flat(self.columns, total, "holds nothing but zeros in")
        return replace(self, rate=self.keep("rate", observed / total))

    def to_vector(self, base: Self | None = None) -> Array:
        return flat(np.log(self.rate))

    def from_vector(self, vector: Array) -> Self:
        return replace(self, rate=self.keep("rate", np.exp(vector).reshape(self.rate.shape)))

    @property
    def means(self) -> Array:
        return 1 / self.rate

    def sample(self, rng: np.random.Generator, colours: Codes, given: Array | None) -> Array:
        return rng.exponential(1 / self.rate[colours]).T
