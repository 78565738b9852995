"""Counts with more zeros than a Poisson has: independent zero-inflated Poisson columns.

p_k(x) = prod_j [ omega_kj 1{x_j = 0} + (1 - omega_kj) lambda_kj^x_j exp(-lambda_kj) / x_j! ], x
whole numbers from 0. Parameters: rate lambda (K, d), from 0, and zero probability omega (K, d), of
a zero that is no count. M step: the rate whose Poisson, where it is not zero, has the positive
values' mean, by Newton's method; the zero probability makes up the share of zeros. Where it would
be negative it is zero, and the rate is the mean (Lambert 1992).

Of one column a mixture tells how many zeros are no counts, but not of which component.
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
from emcli.families.poisson import LogFactorial
from emcli.frozen import immutable
from emcli.numerics import LOG_TINY, LOG_ZERO, Array, Codes, expit, flat, safe_log

# Newton steps for the rate, and the relative change they stop at.
_STEPS, _ENOUGH = 100, 1e-15
# Where among the rates that can be best, with a held zero probability, Newton begins.
_GRID = np.linspace(0.0, 1.0, 33)


@immutable
class ZeroInflatedPoisson(Independent, Separable):
    rate: Array
    zero_probability: Array

    name: ClassVar = "zip"
    summary: ClassVar = "counts with more zeros than a Poisson has"
    density: ClassVar = "ω 1{x=0} + (1-ω) λˣ exp(-λ) / x!"
    parameters: ClassVar = "rate λ ≥ 0 and zero probability ω, one each a column"
    support: ClassVar = "whole numbers from 0"
    m_step: ClassVar = "rate by root finding, zero probability analytic"
    source: ClassVar = "Lambert (1992)"
    example: ClassVar = "emcli fit sample_data/death_notices.csv -m zip -k 1-2 --weight frequency"
    kind: ClassVar = "count"
    continuous: ClassVar = False
    holds: ClassVar = ("rate", "zero_probability")
    arrays: ClassVar = ("rate", "zero_probability")

    inside = staticmethod(whole_numbers)

    @classmethod
    def range_of(cls, name: str) -> tuple[float, float]:
        return 0.0, 1.0 if name == "zero_probability" else np.inf

    @classmethod
    def coordinates(cls, part: Part, block: Block) -> Array:
        """2 sqrt(x), whose variance among a component's counts is about one."""
        return 2 * np.sqrt(imputed(block))

    def base(self) -> LogFactorial:
        return LogFactorial(self.inputs)

    @property
    def column_width(self) -> int:
        return 2 * len(self.columns)

    def column_features(self, values: Array, out: Array) -> None:
        d = len(self.columns)
        np.greater(values, 0, out=out[:d])
        fill_missing(values, out[d:])

    def column_natural(self) -> tuple[Array, Array]:
        counted, zero = self._logs(self.rate)
        return np.concatenate([counted - zero, safe_log(self.rate)], axis=-1), zero

    def _logs(self, rate: Array) -> tuple[Array, Array]:
        """log (1 - omega) exp(-lambda), and of a zero's whole probability."""
        with np.errstate(divide="ignore"):
            inflation, counts = np.log(self.zero_probability), np.log1p(-self.zero_probability)
        counted = np.maximum(counts, LOG_ZERO) - rate
        return counted, np.logaddexp(inflation, counted)

    def maximise(self, n: Array, t: Array) -> Self:
        d, observed = len(self.columns), self.observed(n, t)
        positive, total = t[..., :d], t[..., d : 2 * d]
        if "zero_probability" in self.options:
            rate = self.keep("rate", self._rate(observed, positive, total))
            return replace(self, rate=rate)
        some = positive > 0
        rate = self.keep("rate", truncated(np.where(some, total / np.where(some, positive, 1), 1)))
        # A Poisson of this rate has more positive values, unless there are fewer zeros than it has.
        positives = -np.expm1(-rate)
        inflated = positive < observed * positives
        share = positive / np.where(inflated, observed * positives, 1.0)
        rate = self.keep("rate", np.where(inflated, rate, total / observed))
        return replace(self, rate=rate, zero_probability=np.where(inflated, 1 - share, 0.0))

    def _rate(self, observed: Array, positive: Array, total: Array) -> Array:
        """The best rate beside a held zero probability.

        It lies between the mean of all and that of the positive values; there may be two maxima,
        so that the best point of a grid is where Newton's method begins.
        """
        zeros = observed - positive
        low = total / observed
        high = total / np.where(positive > 0, positive, 1.0)

        def gain(rate: Array) -> Array:
            counted, zero = self._logs(rate)
            gained: Array = zeros * zero + positive * counted + total * safe_log(rate)
            return gained

        rates = low + (high - low) * _GRID.reshape(-1, *[1] * low.ndim)
        best = np.array([gain(rate) for rate in rates]).argmax(axis=0)
        below, above = np.maximum(best - 1, 0), np.minimum(best + 1, len(_GRID) - 1)
        low, rate, high = (np.take_along_axis(rates, at[None], 0)[0] for at in (below, best, above))
        for _ in range(_STEPS):
            counted, zero = self._logs(rate)
            share = np.exp(counted - zero)
            # rate times the slope of the gain, falling where the maximum is
            slope = total - rate * (positive + zeros * share)
            bend = -positive - zeros * share * (1 - rate * (1 - share))
            low, high = np.where(slope > 0, rate, low), np.where(slope > 0, high, rate)
            step = np.where(bend < 0, -slope / np.where(bend < 0, bend, 1.0), np.inf)
            inside = (rate + step >= low) & (rate + step <= high)
            ahead = np.where(inside, rate + step, (low + high) / 2)
            done = np.abs(ahead - rate) <= _ENOUGH * rate
            rate = ahead
            if done.all():
                break
        return rate

    def to_vector(self, base: Self | None = None) -> Array:
        omega = self.zero_probability
        logits = safe_log(omega) - safe_log(1 - omega)
        return flat(np.concatenate([safe_log(self.rate), logits], axis=-1))

    def from_vector(self, vector: Array) -> Self:
        d = len(self.columns)
        found = vector.reshape(*self.rate.shape[:-1], 2 * d)
        # What was none on the way there is none.
        zero = np.where(found[..., d:] < LOG_TINY, 0.0, expit(found[..., d:]))
        return replace(
            self,
            rate=self.keep("rate", np.exp(found[..., :d])),
            zero_probability=self.keep("zero_probability", zero),
        )

    def information(self, weights: Array, vector: Array) -> Array:
        rate, omega, d = self.rate, self.zero_probability, len(self.columns)
        counted, zero = self._logs(rate)
        share = np.exp(counted - zero)  # of the zeros, of those that are counts
        found = vector.reshape(*vector.shape[:-1], self.k, 2 * d)
        one, two = found[..., :d], found[..., d:]
        own = (1 - omega) * rate - np.square(rate) * np.exp(zero) * share * (1 - share)
        cross = -rate * share * omega
        odds = omega * (1 - share) * -np.expm1(zero)
        pulled = np.concatenate([own * one + cross * two, cross * one + odds * two], axis=-1)
        return flat(weights[..., None] * pulled)

    @property
    def means(self) -> Array:
        return (1 - self.zero_probability) * self.rate

    def sample(self, rng: np.random.Generator, colours: Codes, given: Array | None) -> Array:
        counts = rng.poisson(self.rate[colours])
        counted = rng.random(counts.shape) >= self.zero_probability[colours]
        return (counts * counted).T.astype(float)

    def boundary(self, component: int) -> list[str]:
        rates, omegas = self.rate[component], self.zero_probability[component]
        return [
            *(f"rate of '{name}' is 0"
              for name, rate in zip(self.columns, rates, strict=True) if rate < 1e-9),
            *(f"zero probability of '{name}' is 0"
              for name, omega in zip(self.columns, omegas, strict=True) if omega < 1e-9),
        ]


def truncated(mean: Array) -> Array:
    """The rate of the Poisson whose values above zero have this mean, 1 or more.

    lambda - mean (1 - exp(-lambda)) is convex, so that Newton's method from the mean on goes down
    to its root.
    """
    rate = mean
    for _ in range(_STEPS):
        empty = np.exp(-rate)
        step = (rate + mean * np.expm1(-rate)) / np.maximum(1 - mean * empty, 1e-300)
        rate = np.maximum(rate - step, 0.0)
        if (np.abs(step) <= _ENOUGH * mean).all():
            break
    return rate
