"""Positive, skewed amounts: independent gamma columns.

log p_k(x) = sum_j [ (a - 1) log x_j - x_j / s - a log s - log Gamma(a) ], x above 0.
Parameters: shape a and scale s (K, d), above 0. M step: the mean a s is the weighted mean, and a is
the root of log a - digamma(a) = log mean(x) - mean(log x), by Newton's method (Minka 2002).
"""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar, Self

import numpy as np

from emcli.families.located import Located, log_ratio
from emcli.families.positive import LEAST, LogPower, refuse_flat
from emcli.frozen import immutable
from emcli.numerics import Array, Codes, stirling


@immutable
class Gamma(Located):
    shape: Array
    scale: Array

    name: ClassVar = "gamma"
    summary: ClassVar = "positive, skewed amounts and durations"
    density: ClassVar = "xᵃ⁻¹ exp(-x/s) / (sᵃ Γ(a))"
    parameters: ClassVar = "shape a and scale s, one each a column; the mean is a s"
    m_step: ClassVar = "analytic mean; the shape by root finding on the sums of x and log x"
    source: ClassVar = "Minka (2002); Almhana et al. (2006)"
    example: ClassVar = "emcli fit sample_data/faithful.csv -m 'gamma(waiting)' -k 1-3"
    holds: ClassVar = ("shape", "scale")
    arrays: ClassVar = ("shape", "scale")

    @property
    def middle(self) -> Array:
        return self.shape * self.scale

    @property
    def sd(self) -> Array:
        return self.scale * np.sqrt(self.shape)

    @property
    def kappa(self) -> Array:
        far = self.origin / self.middle
        return self.shape * (1 + far + np.abs(np.log(far)))

    def base(self) -> LogPower:
        return LogPower(self.inputs, -1.0)

    @staticmethod
    def about(x: Array, centre: Array) -> tuple[Array, Array]:
        """x / c - 1 and log(x / c)."""
        d = (x - centre) / centre
        return d, log_ratio(x / centre, d)

    def coefficients(self, centre: Array) -> tuple[Array, Array, Array]:
        q, a = centre / self.middle, self.shape
        return -a * q, a, a * (np.log(q) + 1 - q) - stirling(a)[0]

    def solved(self, centre: Array, one: Array, two: Array) -> Self:
        mean = centre * (1 + one)
        if "scale" in self.options:
            scale = self.keep("scale", mean)
            shape = self.keep("shape", digamma_inverse(np.log(centre / scale) + two))
            return replace(self, shape=shape, scale=scale)
        shape = mean
        if "shape" not in self.options:
            shape = shape_of(refuse_flat(self.columns, np.log1p(one) - two))
        shape = self.keep("shape", shape)
        return replace(self, shape=shape, scale=mean / shape)

    @property
    def place(self) -> Array:
        return np.log(self.middle)

    @property
    def error(self) -> Array:
        return 1 / np.sqrt(self.shape)

    @property
    def sharpness(self) -> Array:
        return self.shape

    def placed(self, place: Array, sharpness: Array) -> Self:
        shape = self.keep("shape", sharpness)
        return replace(self, shape=shape, scale=self.keep("scale", np.exp(place) / shape))

    @property
    def metric(self) -> tuple[float, float, Array]:
        return 1.0, 0.0, np.square(self.shape) * stirling(self.shape)[2]

    def sample(self, rng: np.random.Generator, colours: Codes, given: Array | None) -> Array:
        return np.maximum(rng.gamma(self.shape[colours], self.scale[colours]), LEAST).T


def shape_of(gap: Array) -> Array:
    """The root a of log a - digamma(a) = gap > 0, by Newton's method in 1/a.

    It begins within 1.5 per cent, so that five steps reach the last digit.
    """
    a = (3 - gap + np.sqrt(np.square(gap - 3) + 24 * gap)) / (12 * gap)
    for _ in range(5):
        _, slope, bend = stirling(a)
        a = 1 / (1 / a + (gap + slope) / (np.square(a) * bend))
    return a


def digamma_inverse(value: Array) -> Array:
    """The root a of digamma(a) = value, by Newton's method (Minka 2000)."""
    a = np.where(value > -2.22, np.exp(value) + 0.5, -1 / np.minimum(value + np.euler_gamma, -1.0))
    for _ in range(6):
        _, slope, bend = stirling(a)
        a = a - (np.log(a) + slope - value) / (1 / a + bend)
    return a
