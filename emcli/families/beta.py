"""Shares and proportions: independent beta columns.

log p_k(x) = sum_j [ (a - 1) log x_j + (b - 1) log(1 - x_j) - log B(a, b) ], x between 0 and 1.
Parameters: alpha a and beta b (K, d), above 0. M step: the maximum of a function of a and b that is
concave, of the weighted means of log x and log(1 - x), by Newton's method.
"""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar, Self

import numpy as np

from emcli.families.base import Part
from emcli.families.block import Block
from emcli.families.located import Located, log_ratio
from emcli.families.positive import LEAST, refuse_flat, standardised
from emcli.frozen import frozen, immutable
from emcli.numerics import Array, Codes, Mask, expit, stirling

# Newton steps of the M step, and the gain per row it stops at.
STEPS, ENOUGH = 100, 1e-16


@frozen
class LogOdds:
    """h(x): minus the sum of log x_j + log(1 - x_j) over what was observed."""

    inputs: tuple[str, ...]

    def __call__(self, values: Array) -> Array:
        found = np.log(values) + np.log1p(-values)
        return -np.where(np.isnan(found), 0.0, found).sum(axis=0)


@immutable
class Beta(Located):
    alpha: Array
    beta: Array

    name: ClassVar = "beta"
    summary: ClassVar = "shares and proportions"
    density: ClassVar = "xᵅ⁻¹ (1-x)ᵝ⁻¹ / B(α, β)"
    parameters: ClassVar = "alpha α and beta β, one each a column; the mean is α/(α+β)"
    support: ClassVar = "numbers between 0 and 1, without the ends"
    m_step: ClassVar = "numerical: Newton on the sums of log x and log(1-x), a concave problem"
    source: ClassVar = "Ji et al. (2005)"
    example: ClassVar = "emcli fit sample_data/swiss.csv -m 'beta(examination,education)' -k 1-3"
    arrays: ClassVar = ("alpha", "beta")

    @staticmethod
    def inside(values: Array) -> Mask:
        return np.asarray((values > 0) & (values < 1))

    @classmethod
    def invariance(cls, variant: str | None) -> str:
        return "none"

    @property
    def sharpness(self) -> Array:
        return self.alpha + self.beta

    @property
    def middle(self) -> Array:
        return self.alpha / self.sharpness

    @property
    def sd(self) -> Array:
        return np.sqrt(self.middle * (self.beta / self.sharpness) / (1 + self.sharpness))

    @property
    def kappa(self) -> Array:
        logs = self._logs(self.origin)
        return self.alpha * (1 + np.abs(logs[0])) + self.beta * (1 + np.abs(logs[1]))

    def _logs(self, centre: Array) -> tuple[Array, Array]:
        """Logarithms of the centre over the mean, and of what is left of one."""
        away = (centre - self.middle) / self.middle
        rest = self.beta / self.sharpness
        return (
            log_ratio(centre / self.middle, away),
            log_ratio((1 - centre) / rest, (self.middle - centre) / rest),
        )

    def base(self) -> LogOdds:
        return LogOdds(self.inputs)

    @staticmethod
    def about(x: Array, centre: Array) -> tuple[Array, Array]:
        """log(x / c) and log((1 - x) / (1 - c))."""
        away, rest = x - centre, 1 - centre
        return log_ratio(x / centre, away / centre), log_ratio((1 - x) / rest, -away / rest)

    def coefficients(self, centre: Array) -> tuple[Array, Array, Array]:
        a, b = self.alpha, self.beta
        one, two = self._logs(centre)
        log_b = stirling(a)[0] + stirling(b)[0] - stirling(a + b)[0]
        return a, b, a * one + b * two - log_b

    def solved(self, centre: Array, one: Array, two: Array) -> Self:
        a, b, rest = self.alpha, self.beta, 1 - centre
        refuse_flat(self.columns, -centre * np.expm1(one) - rest * np.expm1(two))
        for _ in range(STEPS):
            s = a + b
            _, (slope, slope_a, slope_b), (bend, bend_a, bend_b) = stirling(np.stack([s, a, b]))
            away = a / s - centre
            up = one - log_ratio(a / s / centre, away / centre) - slope_a + slope
            down = two - log_ratio(b / s / rest, -away / rest) - slope_b + slope
            # The determinant of the bend, from which p q = 1 / s^2 has been taken out.
            both, bend_a, bend_b = 1 / s + bend, bend_a - bend, bend_b - bend
            p, q = b / (a * s), a / (b * s)
            det = bend_b * p + bend_a * q + bend_a * bend_b - bend * (both + 1 / s)
            step_a = ((q + bend_b) * up + both * down) / det
            step_b = (both * up + (p + bend_a) * down) / det
            short = 0.9 / np.maximum(np.maximum(-step_a / a, -step_b / b), 0.9)
            a, b = a + short * step_a, b + short * step_b
            if not (up * step_a + down * step_b > ENOUGH).any():
                break
        return replace(self, alpha=a, beta=b)

    @property
    def place(self) -> Array:
        return np.log(self.alpha / self.beta)

    @property
    def error(self) -> Array:
        return np.sqrt(self.sharpness / self.alpha / self.beta)

    def placed(self, place: Array, sharpness: Array) -> Self:
        return replace(self, alpha=sharpness * expit(place), beta=sharpness * expit(-place))

    @property
    def metric(self) -> tuple[Array, Array, Array]:
        a, b, s = self.alpha, self.beta, self.sharpness
        bend_a, bend_b, bend = (x * stirling(x)[2] for x in (a, b, s))
        square = a * b / s  # the derivatives of a and -b in units of `error`, squared
        place = 1 + square * (bend_a / a + bend_b / b)
        return place, np.sqrt(square) * (bend_a - bend_b), a * bend_a + b * bend_b - s * bend

    @classmethod
    def coordinates(cls, part: Part, block: Block) -> Array:
        """Standardised log odds."""
        return standardised(np.log(block.values) - np.log1p(-block.values), block.weights)

    def sample(self, rng: np.random.Generator, colours: Codes, given: Array | None) -> Array:
        found = rng.beta(self.alpha[colours], self.beta[colours])
        return np.clip(found, LEAST, 1 - np.finfo(float).epsneg).T
