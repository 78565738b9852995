"""Counts: independent Poisson columns.

log p_k(x) = sum_j [ x_j log lambda_kj - lambda_kj - log x_j! ], x whole numbers from 0.
Parameter: rate lambda (K, d), from 0. M step: the weighted mean.
"""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar, Self

import numpy as np

from emcli.families.base import Part
from emcli.families.block import Block
from emcli.families.exponential import Separable, fill_missing
from emcli.families.helpers import imputed, whole_numbers
from emcli.families.independent import Independent
from emcli.frozen import frozen, immutable
from emcli.numerics import Array, Codes, flat, log_factorial, safe_log


@frozen
class LogFactorial:
    """h(x) of a Poisson block: -sum_j log x_j!."""

    inputs: tuple[str, ...]

    def __call__(self, values: Array) -> Array:
        return -log_factorial(np.where(np.isnan(values), 0.0, values)).sum(axis=0)


@immutable
class Poisson(Independent, Separable):
    rate: Array

    name: ClassVar = "poisson"
    summary: ClassVar = "counts"
    density: ClassVar = "λˣ exp(-λ) / x!"
    parameters: ClassVar = "rate λ ≥ 0, one a column"
    support: ClassVar = "whole numbers from 0"
    m_step: ClassVar = "analytic: the weighted mean"
    source: ClassVar = "Hasselblad (1969)"
    example: ClassVar = (
        "emcli fit sample_data/death_notices.csv -m poisson -k 1-3 --weight frequency"
    )
    kind: ClassVar = "count"
    continuous: ClassVar = False
    arrays: ClassVar = ("rate",)
    holds: ClassVar = ("rate",)

    inside = staticmethod(whole_numbers)

    @classmethod
    def range_of(cls, name: str) -> tuple[float, float]:
        return 0.0, np.inf

    @classmethod
    def coordinates(cls, part: Part, block: Block) -> Array:
        """2 sqrt(x), whose variance within a component is about one."""
        return 2 * np.sqrt(imputed(block))

    def base(self) -> LogFactorial:
        return LogFactorial(self.inputs)

    def column_features(self, values: Array, out: Array) -> None:
        fill_missing(values, out)

    def column_natural(self) -> tuple[Array, Array]:
        return safe_log(self.rate), -self.rate

    def maximise(self, n: Array, t: Array) -> Self:
        d = len(self.columns)
        return replace(self, rate=self.keep("rate", t[..., :d] / self.observed(n, t)))

    def to_vector(self, base: Self | None = None) -> Array:
        return flat(safe_log(self.rate))

    def from_vector(self, vector: Array) -> Self:
        return replace(self, rate=self.keep("rate", np.exp(vector).reshape(self.rate.shape)))

    def information(self, weights: Array, vector: Array) -> Array:
        return flat(weights[..., None] * self.rate) * vector

    @property
    def means(self) -> Array:
        return self.rate

    def sample(self, rng: np.random.Generator, colours: Codes, given: Array | None) -> Array:
        return rng.poisson(self.rate[colours]).T.astype(float)

    def boundary(self, component: int) -> list[str]:
        return [
            f"rate of '{name}' is 0"
            for name, rate in zip(self.columns, self.rate[component], strict=True)
            if rate < 1e-9
        ]
