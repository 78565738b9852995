"""First-passage times: independent inverse Gaussian (Wald) columns.

log p_k(x) = sum_j [ 1/2 log(lambda / (2 pi x_j^3)) - lambda (x_j - mu)^2 / (2 mu^2 x_j) ], x above
0. Parameters: mean mu and shape lambda (K, d), above 0. M step: mu is the weighted mean, and
1 / lambda = mean(1/x) - 1/mean(x).
"""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar, Self

import numpy as np

from emcli.families.located import Located
from emcli.families.positive import LEAST, LogPower, refuse_flat
from emcli.families.quadratic import LOG_2PI
from emcli.frozen import immutable
from emcli.numerics import Array, Codes


@immutable
class InverseGaussian(Located):
    mean: Array
    shape: Array

    name: ClassVar = "inverse-gaussian"
    summary: ClassVar = "first-passage times, more skewed than gamma"
    density: ClassVar = "√(λ/(2πx³)) exp(-λ(x-μ)²/(2μ²x))"
    parameters: ClassVar = "mean μ and shape λ, one each a column; the variance is μ³/λ"
    m_step: ClassVar = "analytic: the weighted means of x and 1/x"
    source: ClassVar = "Tweedie (1957)"
    example: ClassVar = "emcli fit sample_data/faithful.csv -m 'inverse-gaussian(waiting)' -k 1-3"
    holds: ClassVar = ("mean", "shape")
    arrays: ClassVar = ("mean", "shape")

    @property
    def middle(self) -> Array:
        return self.mean

    @property
    def sd(self) -> Array:
        return self.mean * self.error

    @property
    def kappa(self) -> Array:
        far = self.origin / self.mean
        return (far + 1 / far) / np.square(self.error)

    def base(self) -> LogPower:
        return LogPower(self.inputs, -1.5)

    @staticmethod
    def about(x: Array, centre: Array) -> tuple[Array, Array]:
        """x / c - 1 and c / x - 1."""
        away = x - centre
        return away / centre, -away / x

    def coefficients(self, centre: Array) -> tuple[Array, Array, Array]:
        q, half = centre / self.mean, self.shape / (2 * centre)
        constant = 0.5 * (np.log(self.shape) - LOG_2PI) - half * np.square(q - 1)
        return -half * np.square(q), -half, constant

    def solved(self, centre: Array, one: Array, two: Array) -> Self:
        mean = self.keep("mean", centre * (1 + one))
        q = centre / mean
        spread = np.square(q - 1) + np.square(q) * one + two
        if "shape" not in self.options:
            refuse_flat(self.columns, spread)
        return replace(self, mean=mean, shape=self.keep("shape", centre / spread))

    @property
    def place(self) -> Array:
        return np.log(self.mean)

    @property
    def error(self) -> Array:
        return np.sqrt(self.mean / self.shape)

    @property
    def sharpness(self) -> Array:
        return self.shape

    def placed(self, place: Array, sharpness: Array) -> Self:
        mean = self.keep("mean", np.exp(place))
        return replace(self, mean=mean, shape=self.keep("shape", sharpness))

    @property
    def metric(self) -> tuple[float, float, float]:
        return 1.0, 0.0, 0.5

    def sample(self, rng: np.random.Generator, colours: Codes, given: Array | None) -> Array:
        return np.maximum(rng.wald(self.mean[colours], self.shape[colours]), LEAST).T
