"""Mixtures of logistic regressions.

log p_k(y | x) = y eta - log(1 + exp(eta)), eta = x' beta_k + offset, y 0 for the first level of the
response and 1 for the second. Parameters: coefficients beta (K, p). M step: Newton (Wedel &
DeSarbo 1995).
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from emcli.families.block import Block
from emcli.families.canonical import Canonical
from emcli.families.completing import most_probable
from emcli.frozen import immutable
from emcli.numerics import Array, Codes, Mask, expit


@immutable
class Logistic(Canonical):
    name: ClassVar = "logistic"
    summary: ClassVar = "logistic regression: a column of two levels that depends on others"
    density: ClassVar = "exp(yη) / (1 + exp(η)), η = x'β + offset"
    parameters: ClassVar = "intercept and coefficients β, of the log odds of the second level"
    support: ClassVar = "two levels: 0/1, 1/2, no/yes, ..."
    source: ClassVar = "Wedel & DeSarbo (1995)"
    example: ClassVar = "emcli fit sample_data/npreg.csv -m 'logistic(yb ~ x)' -k 1-2"
    kind: ClassVar = "binary"

    @staticmethod
    def inside(values: Array) -> Mask:
        return (values == 0) | (values == 1)

    @staticmethod
    def moments(eta: Array) -> tuple[Array, Array, Array]:
        e = np.exp(-np.abs(eta))
        larger = 1 / (1 + e)  # of the two probabilities
        smaller = e * larger
        return np.maximum(eta, 0.0) + np.log1p(e), np.where(eta >= 0, larger, smaller), \
            larger * smaller

    @staticmethod
    def guess(y: Array) -> Array:
        return np.log(3.0) * (2 * y - 1)

    def expectation(self, block: Block, r: Array) -> list[Array]:
        (second,) = super().expectation(block, r)
        return [np.vstack([r.sum(axis=0) - second, second])]

    settled = staticmethod(most_probable)

    def drawn(self, rng: np.random.Generator, colours: Codes, eta: Array) -> Array:
        return (rng.random(len(eta)) < expit(eta)).astype(float)
