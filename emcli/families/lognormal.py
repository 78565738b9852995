"""Amounts whose logarithms are normal: independent lognormal columns.

log p_k(x) = sum_j [ -(log x_j - mu)^2 / (2 sigma^2) - log(x_j sigma sqrt(2 pi)) ], x above 0.
Parameters: mu and sigma (K, d), mean and standard deviation of log x. M step: those of the weighted
logarithms.
"""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar, Self

import numpy as np

from emcli.families.base import Part
from emcli.families.block import Block
from emcli.families.located import Located, log_ratio
from emcli.families.positive import LEAST, LogPower, refuse_flat, standardised
from emcli.families.quadratic import LOG_2PI
from emcli.frozen import immutable
from emcli.numerics import Array, Codes


@immutable
class Lognormal(Located):
    mu: Array
    sigma: Array

    name: ClassVar = "lognormal"
    summary: ClassVar = "positive amounts whose logarithms are normal"
    density: ClassVar = "exp(-(log x - μ)²/(2σ²)) / (xσ√(2π))"
    parameters: ClassVar = "mu μ and sigma σ of log x, one each a column"
    m_step: ClassVar = "analytic: mean and standard deviation of the weighted logarithms"
    source: ClassVar = "Galton (1879); McAlister (1879)"
    example: ClassVar = "emcli fit sample_data/faithful.csv -m 'lognormal(waiting)' -k 1-3"
    holds: ClassVar = ("mu", "sigma")
    arrays: ClassVar = ("mu", "sigma")

    @classmethod
    def range_of(cls, name: str) -> tuple[float, float]:
        return (-np.inf if name == "mu" else 0.0), np.inf

    @property
    def middle(self) -> Array:
        return np.exp(self.mu)

    @property
    def sd(self) -> Array:
        square = np.square(self.sigma)
        return np.exp(self.mu + square / 2) * np.sqrt(np.expm1(square))

    @property
    def kappa(self) -> Array:
        return np.square((np.abs(self.mu - np.log(self.origin)) + self.sigma) / self.sigma)

    def base(self) -> LogPower:
        return LogPower(self.inputs, -1.0)

    @staticmethod
    def about(x: Array, centre: Array) -> tuple[Array, Array]:
        """log(x / c) and its square."""
        z = log_ratio(x / centre, (x - centre) / centre)
        return z, z * z

    def coefficients(self, centre: Array) -> tuple[Array, Array, Array]:
        offset, precision = self.mu - np.log(centre), 1 / np.square(self.sigma)
        constant = -0.5 * (np.square(offset) * precision + LOG_2PI) - np.log(self.sigma)
        return offset * precision, -0.5 * precision + 0 * offset, constant

    def solved(self, centre: Array, one: Array, two: Array) -> Self:
        mu = self.keep("mu", np.log(centre) + one)
        square = two - one * one + np.square(np.log(centre) + one - mu)
        if "sigma" not in self.options:
            refuse_flat(self.columns, square)
        return replace(self, mu=mu, sigma=self.keep("sigma", np.sqrt(square)))

    @property
    def place(self) -> Array:
        return self.mu

    @property
    def error(self) -> Array:
        return self.sigma

    @property
    def sharpness(self) -> Array:
        return 1 / np.square(self.sigma)

    def placed(self, place: Array, sharpness: Array) -> Self:
        sigma = self.keep("sigma", 1 / np.sqrt(sharpness))
        return replace(self, mu=self.keep("mu", place), sigma=sigma)

    @property
    def metric(self) -> tuple[float, float, float]:
        return 1.0, 0.0, 0.5

    @classmethod
    def coordinates(cls, part: Part, block: Block) -> Array:
        """About a held mu, where components differ in their spread alone, without the sign."""
        logs, held = np.log(block.values), part.options.get("mu")
        if held is not None:
            logs = np.abs(logs - np.reshape(held, (-1, 1)))
        return standardised(logs, block.weights)

    @property
    def means(self) -> Array:
        return np.exp(self.mu + np.square(self.sigma) / 2)

    def sample(self, rng: np.random.Generator, colours: Codes, given: Array | None) -> Array:
        return np.maximum(rng.lognormal(self.mu[colours], self.sigma[colours]), LEAST).T
