"""Counts that vary more than a Poisson's: independent negative binomial columns.

log p_k(x) = sum_j [ log Gamma(x_j + s_kj) / (Gamma(s_kj) x_j!) + s_kj log(s_kj / (s_kj + mu_kj))
+ x_j log(mu_kj / (s_kj + mu_kj)) ], x whole numbers from 0; its variance is mu + mu^2 / s.
Parameters: size s (K, d), above 0, whose limit infinity is the Poisson, and mean mu (K, d). With
a = 1/s the first term is sum_{i<x} log(1 + i a) - x log a, regular in the limit a = 0.

M step: the mean is the weighted mean, whatever the size. As a function of z = mu / s what is left
of Q has one maximum, at nought where the variance is not above the mean (Levin & Reeds 1977). Its
slope times (1 + z)^2 is nearly a straight line, which falls from half the variance less the mean
where counts are alike; the sums tell the line's height and slope where they were taken, and the M
step goes to where it is nought. That is Newton's method, in a scale in which it hardly overshoots.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np

from emcli.families.base import Family, Part
from emcli.families.block import Block
from emcli.families.helpers import array_from, imputed, refuse_unseen, whole_numbers
from emcli.families.rising import curve, curve_slope, log_mass, ratio, rising
from emcli.frozen import immutable
from emcli.numerics import Array, Codes, flat, safe_log

# A component whose variance exceeds its mean by less than this share is a Poisson: of a row's log
# density at its best that is a share of 1e-16.
_POISSON = 1e-8
# A mean below this is made of rows that are not the component's.
_NOTHING = 1e-200
# Steps of the complete-data fit, and the relative change they stop at: the next one is its square.
_STEPS, _NEAR = 100, 1e-7


class Sums(NamedTuple):
    """Of each column (..., K, d): weight and sum of the counts, R - log x!, R's slope and minus its
    bend in unit/size, and where they were taken: the unit, the mean mostly, and unit/size."""

    n: Array
    total: Array
    value: Array
    slope: Array
    bend: Array
    unit: Array
    at: Array

    @property
    def mean(self) -> Array:
        return self.total / self.n

    def line(self) -> tuple[Array, Array, Array]:
        """z = mean/size where the sums were taken, and the line's height and slope there."""
        mean = self.mean
        scale = np.where(mean > _NOTHING, self.unit / np.maximum(mean, _NOTHING), 0.0)
        z = np.where(scale > 0, self.at / np.where(scale > 0, scale, 1.0), 0.0)
        first = scale * self.slope + self.total * curve(z)
        second = self.total * curve_slope(z) - scale * scale * self.bend
        height, rise = (1 + z) ** 2 * first, (1 + z) * (2 * first + (1 + z) * second)
        # Far off it may rise: then one that leads to twice 1 + z, or to half of z.
        reach = np.where(height > 0, 1 + z, z / 2)
        other = -np.abs(height) / np.where(reach > 0, reach, 1.0)
        return z, height, np.where(rise < 0, rise, other)

    def gain(self, z: Array) -> Array:
        """What Q gains from where the sums were taken to another mean/size, by the line."""
        at, height, rise = self.line()
        found: Array = rise * np.log1p((z - at) / (1 + at))
        return found + (height / (1 + at) - rise) * (z - at) / (1 + z)


@immutable
class NegBinomial(Family):
    size: Array
    mean: Array
    bend: Array  # of one row's log density in the excess mean/size, turned round; for `information`
    incomplete: tuple[int, ...] = field(default=(), kw_only=True)

    name: ClassVar = "negbinomial"
    summary: ClassVar = "counts that vary more than a Poisson's"
    density: ClassVar = "Γ(x+s) / (Γ(s) x!) (s/(s+μ))ˢ (μ/(s+μ))ˣ"
    parameters: ClassVar = "size s, null where infinite (a Poisson), and mean μ, one each a column"
    support: ClassVar = "whole numbers from 0"
    m_step: ClassVar = "mean analytic, size numerical"
    source: ClassVar = "Anscombe (1950); Levin & Reeds (1977)"
    example: ClassVar = (
        "emcli fit sample_data/death_notices.csv -m negbinomial -k 1-2 --weight frequency"
    )
    kind: ClassVar = "count"
    continuous: ClassVar = False
    exact: ClassVar = False
    holds: ClassVar = ("size",)
    arrays: ClassVar = ("size", "mean", "bend")

    inside = staticmethod(whole_numbers)

    @classmethod
    def range_of(cls, name: str) -> tuple[float, float]:
        return 0.0, np.inf

    @property
    def free(self) -> int:
        return self.mean.size * (1 + ("size" not in self.options))

    @property
    def excess(self) -> Array:
        """(..., K, d) by how much of the mean the variance exceeds it."""
        return self.mean / self.size

    @property
    def _unit(self) -> Array:
        """(..., K, d) what counts are measured by in slopes and bends, for the digits' sake."""
        return np.maximum(self.mean, 1e-9)

    def seeing(self, incomplete: tuple[int, ...]) -> Self:
        return self if incomplete == self.incomplete else replace(self, incomplete=incomplete)

    @classmethod
    def estimate(cls, part: Part, block: Block, r: Array) -> Self:
        """From the size that suits mean and variance to the maximum."""
        n, seen = r.sum(axis=-1), ~np.isnan(block.values)
        counts = np.maximum(r @ seen.T, 1e-300)
        mean = (r @ np.where(seen, block.values, 0.0).T) / counts
        away = np.where(seen, block.values - mean[..., None], 0.0)
        unit = np.where(mean > 0, mean, 1.0)
        excess = (r[..., None, :] * away / unit[..., None] * away).sum(axis=-1) / counts - 1
        size = np.where(excess > 0, mean / np.where(excess > 0, excess, 1.0), np.inf)
        found = cls(
            part.columns, size, mean, np.zeros_like(mean),
            options=part.options, incomplete=part.incomplete,
        )
        found = replace(found, size=found.keep("size", size))
        for _ in range(_STEPS):
            before = found
            found = found.maximise(n, found.statistics(block, r))
            if np.allclose(found.excess, before.excess, rtol=_NEAR, atol=0):
                break
        return found

    @classmethod
    def coordinates(cls, part: Part, block: Block) -> Array:
        """2 arsinh sqrt(x), between what suits sizes of one and of infinity."""
        return 2 * np.arcsinh(np.sqrt(imputed(block)))

    def _columns(self, block: Block) -> list[tuple[int, Array, Any]]:
        """Each column's number, its counts, and which rows have one."""
        found = []
        for j, x in enumerate(block.values):
            seen = ~np.isnan(x) if j in self.incomplete else slice(None)
            found.append((j, x[seen], seen))
        return found

    def log_density(self, block: Block) -> Array:
        found = np.zeros((*self.mean.shape[:-1], block.n))
        for j, x, seen in self._columns(block):
            found[..., seen] += log_mass(x, self.mean[..., j], self.size[..., j])
        return found

    def statistics(self, block: Block, r: Array) -> Array:
        found = []
        for j, x, seen in self._columns(block):
            share, unit = r[..., seen], self._unit[..., j]
            n, at = share.sum(axis=-1), unit / self.size[..., j]
            value, slope, bend = (
                np.einsum("...n,...n->...", share, one) for one in rising(x, unit, at)
            )
            found += [n, share @ x, value, slope, bend, n * unit, n * at]
        return np.stack(found, axis=-1)

    def _sums(self, whole: Array, t: Array) -> Sums:
        """Raises `DegenerateError` where a component never saw a column.

        whole: (..., K) the weight of all rows.
        """
        found = t.reshape(*t.shape[:-1], len(self.columns), len(Sums._fields))
        n, total, value, slope, bend, unit, at = np.moveaxis(found, -1, 0)
        refuse_unseen(n, self.columns, whole)
        return Sums(n, total, value, slope, bend, unit / n, at / n)

    def maximise(self, n: Array, t: Array) -> Self:
        sums = self._sums(n, t)
        z, height, rise = sums.line()
        z = np.maximum(z - height / np.where(rise < 0, rise, -1.0), 0.0)
        # Held, the size is no direction to go.
        bend = 0.0 if "size" in self.options else -rise / np.square(1 + z) / sums.n
        return replace(
            self, size=self._size(sums.mean, z), mean=sums.mean, bend=np.zeros_like(z) + bend
        )

    def _size(self, mean: Array, excess: Array) -> Array:
        poisson = excess <= _POISSON
        return self.keep("size", np.where(poisson, np.inf, mean / np.where(poisson, 1.0, excess)))

    def q(self, n: Array, t: Array) -> float:
        sums = self._sums(n, t)

        def rest(mean: Array, z: Array) -> Array:
            """Q without R."""
            return sums.total * (safe_log(mean) - np.log1p(z)) - sums.n * mean * ratio(z)

        at, best = sums.line()[0], sums.mean
        found = sums.value + rest(best, at) + sums.gain(best / self.size)
        found += rest(self.mean, self.excess) - rest(best, best / self.size)
        return float(found.sum())

    def to_vector(self, base: Self | None = None) -> Array:
        """Logarithms of mean and of variance over mean, which is nought in the limit."""
        return flat(np.concatenate([safe_log(self.mean), np.log1p(self.excess)], axis=-1))

    def from_vector(self, vector: Array) -> Self:
        d = len(self.columns)
        found = vector.reshape(*self.mean.shape[:-1], 2 * d)
        mean = np.exp(found[..., :d])
        return replace(self, mean=mean, size=self._size(mean, np.expm1(found[..., d:])))

    def information(self, weights: Array, vector: Array) -> Array:
        d, excess = len(self.columns), self.excess
        found = vector.reshape(*vector.shape[:-1], self.k, 2 * d)
        one, two = found[..., :d], found[..., d:]
        along = (1 + excess) * two - excess * one  # of the excess, the mean staying
        pulled = np.concatenate([
            self.mean / (1 + excess) * one - self.bend * excess * along,
            self.bend * (1 + excess) * along,
        ], axis=-1)  # fmt: skip
        return flat(weights[..., None] * pulled)

    @property
    def means(self) -> Array:
        return self.mean

    def sample(self, rng: np.random.Generator, colours: Codes, given: Array | None) -> Array:
        size, mean = self.size[colours], self.mean[colours]
        some = np.isfinite(size)
        rates = rng.gamma(np.where(some, size, 1.0), mean / np.where(some, size, 1.0))
        return rng.poisson(np.where(some, rates, mean)).T.astype(float)

    def boundary(self, component: int) -> list[str]:
        pairs = list(zip(self.columns, self.size[component], self.mean[component], strict=True))
        return [
            *(f"mean of '{name}' is 0" for name, _, mean in pairs if mean < 1e-9),
            *(f"size of '{name}' is infinite (a Poisson)" for name, size, _ in pairs
              if np.isinf(size)),
        ]

    def to_dict(self, component: int) -> dict[str, Any]:
        return {
            "size": [None if np.isinf(s) else float(s) for s in self.size[component]],
            "mean": self.mean[component].tolist(),
        }

    @classmethod
    def from_dict(cls, part: Part, found: Sequence[Mapping[str, Any]]) -> Self:
        d = len(part.columns)
        sizes = [{"size": [np.inf if s is None else s for s in e["size"]]} for e in found]
        size = array_from(sizes, "size", d, low=np.finfo(float).tiny)
        mean = array_from(found, "mean", d, low=0.0)
        return cls(
            part.columns, size, mean, np.ones_like(mean),
            options=part.options, incomplete=part.incomplete,
        )
