"""Mixtures of Poisson regressions.

log p_k(y | x) = y eta - exp(eta) - log y!, eta = x' beta_k + offset, y whole numbers from 0.
Parameters: coefficients beta (K, p). M step: Newton (Wedel, DeSarbo, Bult & Ramaswamy 1993).
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from emcli.families.canonical import Canonical
from emcli.families.helpers import whole_numbers
from emcli.families.poisson import LogFactorial
from emcli.frozen import immutable
from emcli.numerics import Array, Codes


@immutable
class PoissonRegression(Canonical):
    name: ClassVar = "poisson-regression"
    summary: ClassVar = "Poisson regression: counts that depend on other columns"
    density: ClassVar = "λʸ exp(-λ) / y!, log λ = x'β + offset"
    parameters: ClassVar = "intercept and coefficients β, of the logarithm of the rate"
    support: ClassVar = "whole numbers from 0"
    source: ClassVar = "Wedel, DeSarbo, Bult & Ramaswamy (1993)"
    example: ClassVar = "emcli fit sample_data/npreg.csv -m 'poisson-regression(yp ~ x)' -k 2"
    kind: ClassVar = "count"

    inside = staticmethod(whole_numbers)

    @staticmethod
    def levelled(y: Array) -> Array:
        return np.sqrt(y)

    def base(self) -> LogFactorial:
        return LogFactorial(self.columns)

    @staticmethod
    def moments(eta: Array) -> tuple[Array, Array, Array]:
        mean = np.exp(eta)
        return mean, mean, mean

    @staticmethod
    def guess(y: Array) -> Array:
        return np.log(y + 0.5)

    def drawn(self, rng: np.random.Generator, colours: Codes, eta: Array) -> Array:
        return rng.poisson(np.exp(eta)).astype(float)
