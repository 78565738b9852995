"""Times to failure: independent Weibull columns.

log p_k(x) = sum_j [ log(c / s) + (c - 1) log(x_j / s) - (x_j / s)^c ], x above 0.
Parameters: shape c and scale s (K, d), above 0. M step: with z = c log(x / s), Q at the shape
c (1 + e) asks for the sum of r exp(z + e z), and the sums of r exp(z) z^j / j! are its Taylor
series in e. The best scale for an e is then known, and e the root of a function that falls. e is
kept where the last term hardly counts, so that the step is short at first and exact near the end.
"""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar, NamedTuple, Self

import numpy as np

from emcli.families.base import Part
from emcli.families.block import Block
from emcli.families.positive import LEAST, UNSEEN, LogPower, Placed, refuse_flat
from emcli.frozen import immutable
from emcli.numerics import Array, Codes, flat

# Of the series; the share of the sum that its last may be, and the largest e.
TERMS = 6
SHARE, FAR = 1e-4, 0.5
FACTORIALS = np.array([1.0, 1.0, 2.0, 6.0, 24.0, 120.0])
# exp(z) overflows beyond the first. Beyond the second z^5 exp(z) would count in the sums with the
# 1e-282 that `softmax_columns` leaves of a probability of nought.
OVERFLOW, NOUGHT = 700.0, 300.0
# Above this shape z is mostly the rounding of x: all rows of a component are one number.
SHARPEST = 1e13
# Passes of the complete-data fit, and the step of the shape after which it is exact.
PASSES, NEAR = 50, 1e-3


class Sums(NamedTuple):
    """Per row of a component: mean z, series (..., K, d, TERMS), and where they were taken."""

    n: Array
    z: Array
    shape: Array
    scale: Array
    series: Array

    def tilted(self, e: Array) -> tuple[Array, Array, Array]:
        """The mean of exp(z + e z), and its first two derivatives in e."""
        j, powers = np.arange(TERMS), e[..., None] ** np.arange(TERMS)
        once, twice = self.series[..., 1:] * j[1:], self.series[..., 2:] * j[2:] * j[1:-1]
        return (
            (self.series * powers).sum(axis=-1),
            (once * powers[..., :-1]).sum(axis=-1),
            (twice * powers[..., :-2]).sum(axis=-1),
        )

    def best(self) -> Array:
        """The e of the highest Q, by Newton's method."""
        last = np.abs(self.series[..., -1]) / self.series[..., 0]
        far = np.minimum(FAR, (SHARE / np.maximum(last, SHARE)) ** (1 / (TERMS - 1)))
        e = np.zeros_like(far)
        for _ in range(10):
            m, once, twice = self.tilted(e)
            slope = 1 / (1 + e) + self.z - once / m
            bend = 1 / np.square(1 + e) + twice / m - np.square(once / m)
            e = np.clip(e + slope / bend, -far, far)
        return e


@immutable
class Weibull(Placed):
    shape: Array
    scale: Array

    name: ClassVar = "weibull"
    summary: ClassVar = "times to failure"
    density: ClassVar = "c/s (x/s)ᶜ⁻¹ exp(-(x/s)ᶜ)"
    parameters: ClassVar = "shape c and scale s, one each a column"
    m_step: ClassVar = "analytic scale; the shape by root finding on the Taylor series of Q in it"
    source: ClassVar = "Weibull (1951); Dempster, Laird & Rubin (1977), section 3"
    example: ClassVar = "emcli fit sample_data/faithful.csv -m 'weibull(waiting)' -k 1-3"
    exact: ClassVar = False
    holds: ClassVar = ("shape",)
    arrays: ClassVar = ("shape", "scale")

    @property
    def sd(self) -> Array:
        """That of log x times the scale: what it tends to where a spike is in question."""
        return self.scale * np.pi / np.sqrt(6) / self.shape

    @classmethod
    def made(cls, part: Part, **arrays: Array) -> Self:
        found = cls(part.columns, **arrays, options=part.options)
        return replace(found, shape=found.keep("shape", found.shape))

    def base(self) -> LogPower:
        return LogPower(self.inputs, -1.0)

    def _z(self, x: Array, j: int) -> Array:
        """z (..., K, n) of values (n,) of a column."""
        return self.shape[..., j, None] * np.log(x / self.scale[..., j, None])

    def log_density(self, block: Block) -> Array:
        found = np.zeros((*self.shape.shape[:-1], block.n))
        for j, x in enumerate(block.values):
            z = self._z(x, j)
            logs = np.log(self.shape[..., j, None]) + z - np.exp(np.minimum(z, OVERFLOW))
            found += np.where(np.isnan(x), 0.0, logs)
        return found

    def statistics(self, block: Block, r: Array) -> Array:
        sums = np.empty((*self.shape.shape[:-1], 4 + TERMS, len(self.columns)))
        for j, x in enumerate(block.values):
            seen = ~np.isnan(x)
            share, z = r * seen, np.where(seen, self._z(x, j), 0.0)
            sums[..., 0, j], sums[..., 1, j] = share.sum(axis=-1), (share * z).sum(axis=-1)
            np.minimum(z, NOUGHT, out=z)
            share *= np.exp(z)
            for i in range(TERMS):
                sums[..., 4 + i, j] = share.sum(axis=-1)
                share *= z
        sums[..., 2, :] = sums[..., 0, :] * self.shape
        sums[..., 3, :] = sums[..., 0, :] * self.scale
        return flat(sums)

    def _sums(self, t: Array) -> Sums:
        sums = np.moveaxis(t.reshape(*t.shape[:-1], 4 + TERMS, -1), -2, 0)
        n = refuse_flat(self.columns, sums[0], UNSEEN)
        z, shape, scale, *series = sums[1:] / n
        return Sums(n, z, shape, scale, np.stack(series, axis=-1) / FACTORIALS)

    def maximise(self, n: Array, t: Array) -> Self:
        sums = self._sums(t)
        e = np.zeros_like(sums.n) if "shape" in self.options else sums.best()
        shape = self.keep("shape", sums.shape * (1 + e))
        refuse_flat(self.columns, SHARPEST - shape)
        return replace(self, shape=shape, scale=sums.scale * sums.tilted(e)[0] ** (1 / shape))

    def q(self, n: Array, t: Array) -> float:
        sums = self._sums(t)
        e, shift = self.shape / sums.shape - 1, self.shape * np.log(self.scale / sums.scale)
        value = np.log(self.shape) + (1 + e) * sums.z - shift
        return float((sums.n * (value - np.exp(-shift) * sums.tilted(e)[0])).sum())

    @classmethod
    def estimate(cls, part: Part, block: Block, r: Array) -> Self:
        """From the moments of log x, whose standard deviation is pi / (c sqrt(6))."""
        seen = ~np.isnan(block.values)
        logs = np.log(np.where(seen, block.values, 1.0))
        n = refuse_flat(part.columns, r @ seen.T, UNSEEN)
        mean = r @ logs.T / n
        square = np.empty_like(mean)
        for j, y in enumerate(logs):
            square[..., j] = (r * seen[j] * np.square(y - mean[..., j, None])).sum(axis=-1)
        shape = np.pi / np.sqrt(6 * refuse_flat(part.columns, square / n))
        here = cls.made(part, shape=shape, scale=np.exp(mean + np.euler_gamma / shape))
        for _ in range(PASSES):
            before, here = here, here.maximise(n, here.statistics(block, r))
            if (np.abs(here.shape / before.shape - 1) < NEAR).all():
                break
        return here

    @property
    def place(self) -> Array:
        return np.log(self.scale)

    @property
    def error(self) -> Array:
        return 1 / self.shape

    @property
    def sharpness(self) -> Array:
        return self.shape

    def placed(self, place: Array, sharpness: Array) -> Self:
        return replace(self, shape=self.keep("shape", sharpness), scale=np.exp(place))

    @property
    def metric(self) -> tuple[float, float, float]:
        both = np.euler_gamma - 1
        return 1.0, both, both * both + np.pi**2 / 6

    @property
    def means(self) -> Array:
        from scipy.special import gamma

        found: Array = self.scale * gamma(1 + 1 / self.shape)
        return found

    def sample(self, rng: np.random.Generator, colours: Codes, given: Array | None) -> Array:
        found = self.scale[colours] * rng.weibull(self.shape[colours])
        return np.maximum(found, LEAST).T
