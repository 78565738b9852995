"""Directions in space: the columns of a block are one vector, and only its direction counts.

log p_k(x) = kappa_k <mu_k, x/|x|> - log c(kappa_k), a density with respect to the surface of the
unit sphere in d dimensions (`spheres`). Parameters: mean direction mu (K, d), a unit vector, and
concentration kappa (K,), from 0. M step: the direction of the mean of the unit vectors, and the
kappa at which I_{d/2} / I_{d/2-1} is its length, by Newton's method (Banerjee et al. 2005). Sums
are of the unit vectors; where a component is sharp, of what they differ from its mean direction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np

from emcli.errors import DegenerateError, UsageError
from emcli.families import spheres
from emcli.families.base import Part
from emcli.families.block import Block
from emcli.families.exponential import ExponentialFamily
from emcli.families.helpers import array_from
from emcli.families.undivided import Undivided
from emcli.frozen import immutable
from emcli.numerics import Array, Codes, Mask, flat, safe_log

# What may be left of ties between unit vectors, times a hundred.
_ROUNDING = 1e-13


@immutable
class VonMisesFisher(Undivided, ExponentialFamily):
    mean_direction: Array
    concentration: Array

    name: ClassVar = "vonmisesfisher"
    summary: ClassVar = "directions in two dimensions or more"
    density: ClassVar = "exp(κ μ'x/|x|) / c(κ), with respect to the surface of the unit sphere"
    parameters: ClassVar = "mean direction μ, a unit vector over the columns; concentration κ"
    support: ClassVar = "vectors other than zero, of which only the direction counts"
    m_step: ClassVar = "mean direction analytic, concentration by root finding"
    source: ClassVar = "Fisher (1953); Banerjee, Dhillon, Ghosh & Sra (2005)"
    example: ClassVar = "emcli fit sample_data/iris.csv -m vonmisesfisher -k 1-4 -x species"
    kind: ClassVar = "real"
    continuous: ClassVar = True
    measure: ClassVar = "sphere"
    bounded: ClassVar = False
    holds: ClassVar = ("concentration",)
    arrays: ClassVar = ("mean_direction", "concentration")

    @classmethod
    def rows_inside(cls, values: Array) -> Mask:
        return np.asarray((values != 0).any(axis=0))

    @classmethod
    def range_of(cls, name: str) -> tuple[float, float]:
        return 0.0, np.inf

    @classmethod
    def refuse(cls, part: Part) -> None:
        if len(part.columns) < 2:
            raise UsageError(
                "vonmisesfisher needs two columns at least: they are one vector",
                "for a column of angles type vonmises",
            )
        if len(part.options.get("concentration", (1,))) > 1:
            raise UsageError("a vonmisesfisher block has one concentration, whatever its columns")
        super().refuse(part)

    @classmethod
    def remarks(cls, part: Part) -> list[str]:
        return ["vonmisesfisher: rows are scaled to unit length"]

    @classmethod
    def invariance(cls, variant: str | None) -> str:
        return "turn"

    @property
    def d(self) -> int:
        return len(self.columns)

    @property
    def free(self) -> int:
        return self.k * (self.d - ("concentration" in self.options))

    @property
    def width(self) -> int:  # type: ignore[override]
        return self.d

    @classmethod
    def estimate(cls, part: Part, block: Block, r: Array) -> Self:
        """About the directions of the means, for the digits of sharp components."""
        unit = np.empty_like(block.values)
        scaled(block.values, unit)
        mean = r @ unit.T
        mean /= np.maximum(np.linalg.norm(mean, axis=-1, keepdims=True), 1e-300)
        sharp = np.full(mean.shape[:-1], np.inf)
        blank = cls(part.columns, mean, sharp, options=part.options)
        return blank.maximise(r.sum(axis=-1), blank.statistics(block, r))

    @classmethod
    def coordinates(cls, part: Part, block: Block) -> Array:
        """The points on the sphere."""
        unit = np.zeros_like(block.values)
        scaled(block.values, unit)
        return unit

    @cached_property
    def forms(self) -> Mask:
        return np.asarray((self.concentration <= spheres.SHARP).all(axis=-1))

    @cached_property
    def linear(self) -> bool:
        return bool(self.forms.all())

    @property
    def exempt(self) -> bool:
        return self.k == 1

    def narrowest(self, unit: Array) -> Array:
        """Of rows scaled to unit length the columns' gaps tell no rounding: that of the doubles is
        left, which ties do not exceed. 2 (1 - A) / (d - 1) is the variance where it is small.
        """
        variance = 2 * spheres.lack(self.concentration, self.d) / (self.d - 1)
        return variance / np.square(_ROUNDING)

    def features(self, block: Block, out: Array) -> None:
        scaled(block.values, out)

    def natural(self) -> Array:
        kappa = self.concentration[..., None]
        return np.concatenate([self._height[..., None] - kappa, kappa * self.mean_direction], -1)

    @cached_property
    def _height(self) -> Array:
        """(..., K) log densities at the mean directions."""
        return -spheres.log_mean(self.concentration, self.d) - spheres.log_area(self.d)

    def log_density(self, block: Block) -> Array:
        if self.linear:
            return super().log_density(block)
        unit = self._filled(block)
        found = np.empty((*self.concentration.shape, block.n))
        for place in np.ndindex(self.concentration.shape):
            away = unit - self.mean_direction[place][:, None]
            square = np.einsum("ij,ij->j", away, away)
            found[place] = self._height[place] - self.concentration[place] / 2 * square
        return found

    def statistics(self, block: Block, r: Array) -> Array:
        """Of unit vectors x; of x - mu for sharp components, its part along mu by -|x - mu|^2 / 2,
        which it is, but for what rounding makes of it."""
        if self.linear:
            return super().statistics(block, r)
        unit = self._filled(block)
        found = np.empty((*self.concentration.shape, self.d))
        for place in np.ndindex(self.concentration.shape):
            mean = self.mean_direction[place]
            away = unit - mean[:, None]
            short = np.einsum("ij,ij->j", away, away) @ r[place] / 2
            total = away @ r[place]
            found[place] = total - (mean @ total + short) * mean
        return found

    def maximise(self, n: Array, t: Array) -> Self:
        mean = self.mean_direction
        total = t if self.linear else n[..., None] * mean + t
        length = np.linalg.norm(total, axis=-1)
        if self.linear:
            lacking = 1 - length / n
        else:
            short = -(mean * t).sum(axis=-1)
            lacking = (2 * n * short - (t * t).sum(axis=-1)) / (n + length) / n
        if not (lacking > 0).all():
            k = int(np.argwhere(~(lacking > 0))[0][-1])
            columns = ", ".join(self.columns)
            raise DegenerateError(f"the direction of {columns} does not vary in component {k + 1}",
                                  k)
        some = length[..., None] > 0
        mean = np.where(some, total / np.where(some, length[..., None], 1.0), mean)
        kappa = self.keep("concentration", spheres.concentration(lacking, self.d))
        return replace(self, mean_direction=mean, concentration=kappa)

    def q(self, n: Array, t: Array) -> float:
        if self.linear:
            return super().q(n, t)
        short = -(self.mean_direction * t).sum(axis=-1)
        return float((n * self._height - self.concentration * short).sum())

    @property
    def chart_size(self) -> int:
        return self.k * (self.d + 1)

    def to_vector(self, base: Self | None = None) -> Array:
        """Along the sphere from the base's directions, in its standard deviations; log kappa."""
        base = base or self
        origin = base.mean_direction
        away = self.mean_direction - origin
        along = (away * origin).sum(axis=-1, keepdims=True)
        away = away - along * origin
        sine = np.linalg.norm(away, axis=-1, keepdims=True)
        angle = np.arctan2(sine, 1 + along)
        away = away * np.where(sine > 0, angle / np.where(sine > 0, sine, 1.0), 1.0)
        logs = safe_log(self.concentration)[..., None]
        return flat(np.concatenate([away * base._scale, logs], axis=-1))

    def from_vector(self, vector: Array) -> Self:
        origin = self.mean_direction
        found = vector.reshape(*origin.shape[:-1], self.d + 1)
        away = found[..., :-1] / self._scale
        away = away - (away * origin).sum(axis=-1, keepdims=True) * origin
        angle = np.linalg.norm(away, axis=-1, keepdims=True)
        mean = np.cos(angle) * origin + np.sinc(angle / np.pi) * away
        return replace(
            self,
            mean_direction=mean / np.linalg.norm(mean, axis=-1, keepdims=True),
            concentration=self.keep("concentration", np.exp(found[..., -1])),
        )

    @property
    def _scale(self) -> Array:
        return np.sqrt(np.maximum(self.concentration, 1.0))[..., None]

    def information(self, weights: Array, vector: Array) -> Array:
        kappa = self.concentration
        found = vector.reshape(*vector.shape[:-1], self.k, self.d + 1).copy()
        turns = weights * kappa * (1 - spheres.lack(kappa, self.d))
        found[..., :-1] *= turns[..., None] / np.square(self._scale)
        found[..., -1] *= weights * np.square(kappa) * spheres.bend(kappa, self.d)
        return flat(found)

    @property
    def means(self) -> Array:
        """Of unit vectors."""
        length = 1 - spheres.lack(self.concentration, self.d)
        return self.mean_direction * length[..., None]

    def settled(self, sums: Sequence[Array]) -> Array:
        """Their directions, as unit vectors."""
        found = np.vstack(sums)
        return found / np.maximum(np.linalg.norm(found, axis=0), np.finfo(float).tiny)

    def sample(self, rng: np.random.Generator, colours: Codes, given: Array | None) -> Array:
        """Wood's method (1994), by what the part along the mean direction lacks to one."""
        mean, kappa, d = self.mean_direction[colours], self.concentration[colours], self.d
        short = np.empty(len(colours))
        left = np.arange(len(colours))
        while len(left):
            c = kappa[left]
            b = (d - 1) / (2 * c + np.hypot(2 * c, d - 1))
            z = rng.beta((d - 1) / 2, (d - 1) / 2, len(left))
            found = 2 * b * z / (1 - (1 - b) * z)
            least = 2 * b / (1 + b)
            level = c * (least - found) + (d - 1) * np.log(
                (least + (1 - least) * found) * (1 + b) ** 2 / (4 * b)
            )
            taken = level >= np.log1p(-rng.random(len(left)))
            short[left[taken]] = found[taken]
            left = left[~taken]
        across = rng.standard_normal((len(colours), d))
        across -= (across * mean).sum(axis=1, keepdims=True) * mean
        across *= (np.sqrt(short * (2 - short)) / np.linalg.norm(across, axis=1))[:, None]
        return ((1 - short)[:, None] * mean + across).T

    def boundary(self, component: int) -> list[str]:
        return ["concentration is 0"] if self.concentration[component] < 1e-9 else []

    def to_dict(self, component: int) -> dict[str, Any]:
        return {
            "mean_direction": self.mean_direction[component].tolist(),
            "concentration": float(self.concentration[component]),
        }

    @classmethod
    def from_dict(cls, part: Part, found: Sequence[Mapping[str, Any]]) -> Self:
        mean = array_from(found, "mean_direction", len(part.columns), low=-1.0, high=1.0)
        if not np.allclose((mean * mean).sum(axis=1), 1, rtol=0, atol=1e-6):
            raise ValueError("'mean_direction' is not a unit vector")
        kappa = array_from(found, "concentration", 1, low=0.0)[:, 0]
        return cls(part.columns, mean, kappa, options=part.options)


def scaled(values: Array, out: Array) -> None:
    """Write the rows' unit vectors into out (d, n)."""
    square = np.einsum("ij,ij->j", values, values)
    if not ((square > 1e-280) & (square < np.inf)).all():
        values = values / np.abs(values).max(axis=0)
        square = np.einsum("ij,ij->j", values, values)
    np.divide(values, np.sqrt(square), out=out)
