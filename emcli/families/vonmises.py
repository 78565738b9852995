"""Directions in the plane: independent von Mises columns.

log p_k(x) = sum_j [ kappa_kj cos(x_j - mu_kj) - log(2 pi I_0(kappa_kj)) ], angles x modulo the
circle, in radians or (flag `degrees`) in degrees; the density is per radian in both. Parameters:
mean direction mu (K, d) in the data's unit, concentration kappa (K, d), from 0. M step: the
direction of the mean of the unit vectors, and the kappa at which I_1 / I_0 is its length
(`spheres`). Sums are of cosines and sines; where a component is sharp, about its mean direction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np

from emcli.errors import DegenerateError
from emcli.families import spheres
from emcli.families.base import Part
from emcli.families.block import Block
from emcli.families.exponential import Separable
from emcli.families.helpers import imputed
from emcli.families.independent import Independent
from emcli.frozen import immutable
from emcli.numerics import Array, Codes, Mask, flat, safe_log


@immutable
class VonMises(Independent, Separable):
    mean_direction: Array
    concentration: Array
    centre: Array  # (d,) mean directions lie within half a turn of it: 0, or half a turn

    name: ClassVar = "vonmises"
    summary: ClassVar = "angles"
    density: ClassVar = "exp(κ cos(x-μ)) / (2π I₀(κ)), per radian whatever the unit"
    parameters: ClassVar = "mean direction μ, in the data's unit, and concentration κ, one a column"
    support: ClassVar = "angles, modulo the circle: radians, or vonmises(x, degrees)"
    m_step: ClassVar = "mean direction analytic, concentration by root finding"
    source: ClassVar = "von Mises (1918); Fisher (1993)"
    example: ClassVar = "emcli fit sample_data/turtles.csv -m 'vonmises(degrees)' -k 1-3"
    kind: ClassVar = "real"
    continuous: ClassVar = True
    measure: ClassVar = "circle"
    bounded: ClassVar = False
    ranged: ClassVar = True
    flags: ClassVar = ("degrees",)
    holds: ClassVar = ("mean_direction", "concentration")
    arrays: ClassVar = ("mean_direction", "concentration")

    @classmethod
    def range_of(cls, name: str) -> tuple[float, float]:
        return (0.0, np.inf) if name == "concentration" else (-np.inf, np.inf)

    @classmethod
    def invariance(cls, variant: str | None) -> str:
        return "turn"

    @classmethod
    def remarks(cls, part: Part) -> list[str]:
        if part.options.get("degrees"):
            return []
        return [
            f"vonmises: '{name}' goes from {low:g} to {high:g} radians; if these are degrees, "
            f"type vonmises({name}, degrees)"
            for name, (low, high) in zip(part.columns, part.ranges, strict=True)
            if high - low > 4 * np.pi
        ]

    @property
    def turn(self) -> float:
        """The circle in the data's unit."""
        return _turn(self.options)

    @classmethod
    def made(cls, part: Part, **arrays: Array) -> Self:
        centre = _centre(arrays["mean_direction"].min(axis=0), _turn(part.options))
        return super().made(part, **({"centre": centre} | arrays))

    @classmethod
    def estimate(cls, part: Part, block: Block, r: Array) -> Self:
        """About the directions of the means, for the digits of sharp components."""
        turn = _turn(part.options)
        centre = _centre(np.fmin.reduce(block.values, axis=1), turn)
        angles = np.where(np.isnan(block.values), 0.0, _radians(block.values, turn))
        east, north = (r @ f(angles).T for f in (np.cos, np.sin))
        mean = np.arctan2(north, east) * (turn / (2 * np.pi))
        sharp = np.full_like(mean, np.inf)
        blank = cls.made(part, mean_direction=mean, concentration=sharp, centre=centre)
        blank = replace(blank, mean_direction=blank.keep("mean_direction", mean))
        return blank.maximise(r.sum(axis=-1), blank.statistics(block, r))

    @classmethod
    def coordinates(cls, part: Part, block: Block) -> Array:
        """The points on the circle; the mean of a column's where a cell is missing."""
        angles = _radians(block.values, _turn(part.options))
        points = np.vstack([np.cos(angles), np.sin(angles)])
        return imputed(replace(block, values=points))

    @cached_property
    def forms(self) -> Mask:
        return np.asarray((self.concentration <= spheres.SHARP).all(axis=(-2, -1)))

    @cached_property
    def linear(self) -> bool:
        return bool(self.forms.all())

    @property
    def exempt(self) -> bool:
        return self.k == 1

    def narrowest(self, unit: Array) -> Array:
        """By the angular variance 2 (1 - A), which is the variance where angles hardly vary."""
        sd = np.sqrt(2 * spheres.lack(self.concentration, 2)) * (self.turn / (2 * np.pi))
        found: Array = np.square((sd / unit).min(axis=-1))
        return found

    @property
    def column_width(self) -> int:
        return 2 * len(self.columns)

    def column_features(self, values: Array, out: Array) -> None:
        d = len(self.columns)
        angles = _radians(values, self.turn)
        np.cos(angles, out=out[:d])
        np.sin(angles, out=out[d:])
        if self.incomplete:
            out[np.isnan(out)] = 0.0

    def column_natural(self) -> tuple[Array, Array]:
        mean, kappa = _radians(self.mean_direction, self.turn), self.concentration
        slopes = np.concatenate([kappa * np.cos(mean), kappa * np.sin(mean)], axis=-1)
        return slopes, self._height - kappa

    @cached_property
    def _height(self) -> Array:
        """(..., K, d) log densities at the mean directions."""
        return -spheres.log_mean(self.concentration, 2) - spheres.log_area(2)

    def _away(self, x: Array, column: int) -> Array:
        """(..., K, n) angles from the mean directions, in radians."""
        return _radians(x - self.mean_direction[..., column, None], self.turn)

    def log_density(self, block: Block) -> Array:
        if self.linear:
            return super().log_density(block)
        found = np.zeros((*self.concentration.shape[:-1], block.n))
        for j, row in enumerate(block.values):
            short = 2 * np.square(np.sin(self._away(row, j) / 2))  # 1 - cos
            one = self._height[..., j, None] - self.concentration[..., j, None] * short
            found += np.where(np.isnan(row), 0.0, one)
        return found

    def statistics(self, block: Block, r: Array) -> Array:
        """Of cosines and sines; of 1 - cos and sin of what lies between a sharp component's mean
        direction and each angle."""
        if self.linear:
            return super().statistics(block, r)
        short, sine = [], []
        for j, row in enumerate(block.values):
            away = np.where(np.isnan(row), 0.0, self._away(row, j))
            short.append((r * 2 * np.square(np.sin(away / 2))).sum(axis=-1))
            sine.append((r * np.sin(away)).sum(axis=-1))
        seen = ~np.isnan(block.values[list(self.incomplete)])
        return np.concatenate([np.stack([*short, *sine], axis=-1), r @ seen.T], axis=-1)

    def maximise(self, n: Array, t: Array) -> Self:
        d, turn, observed = len(self.columns), self.turn, self.observed(n, t)
        linear, sine = self.linear, t[..., d : 2 * d]
        about = np.zeros_like(sine) if linear else _radians(self.mean_direction, turn)
        short = observed - t[..., :d] if linear else t[..., :d]
        mean = about + np.arctan2(sine, observed - short)
        mean = self.keep("mean_direction", self._near(mean * (turn / (2 * np.pi))))
        # What the mean of the unit vectors lacks to length one, along the mean direction.
        away = _radians(mean, turn) - about
        lacking = short * np.cos(away) + 2 * observed * np.square(np.sin(away / 2))
        lacking = (lacking - sine * np.sin(away)) / observed
        if not (lacking > 0).all():
            *_, k, j = np.argwhere(~(lacking > 0))[0]
            raise DegenerateError(
                f"'{self.columns[j]}' does not vary in component {k + 1}", int(k)
            )
        kappa = self.keep("concentration", spheres.concentration(lacking, 2))
        return replace(self, mean_direction=mean, concentration=kappa)

    def _near(self, angles: Array) -> Array:
        """The same angles in the data's unit, within half a turn of the centre."""
        found: Array = angles - self.turn * np.round((angles - self.centre) / self.turn)
        return found

    def q(self, n: Array, t: Array) -> float:
        if self.linear:
            return super().q(n, t)
        short = t[..., : len(self.columns)]
        return float((self.observed(n, t) * self._height - self.concentration * short).sum())

    def to_vector(self, base: Self | None = None) -> Array:
        """Directions in standard deviations of the base's, logarithms of the concentrations."""
        base = base or self
        away = _radians(self.mean_direction - base.mean_direction, self.turn)
        away -= 2 * np.pi * np.round(away / (2 * np.pi))
        return flat(np.concatenate([away * base._scale, safe_log(self.concentration)], axis=-1))

    def from_vector(self, vector: Array) -> Self:
        d = len(self.columns)
        found = vector.reshape(*self.concentration.shape[:-1], 2 * d)
        away = found[..., :d] / self._scale * (self.turn / (2 * np.pi))
        return replace(
            self,
            mean_direction=self.keep("mean_direction", self._near(self.mean_direction + away)),
            concentration=self.keep("concentration", np.exp(found[..., d:])),
        )

    @property
    def _scale(self) -> Array:
        return np.sqrt(np.maximum(self.concentration, 1.0))

    def information(self, weights: Array, vector: Array) -> Array:
        kappa = self.concentration
        turns = kappa * (1 - spheres.lack(kappa, 2)) / np.square(self._scale)
        logs = np.square(kappa) * spheres.bend(kappa, 2)
        return flat(weights[..., None] * np.concatenate([turns, logs], axis=-1)) * vector

    def expectation(self, block: Block, r: Array) -> list[Array]:
        """Points in the circle."""
        length = 1 - spheres.lack(self.concentration, 2)
        mean = _radians(self.mean_direction, self.turn)
        points = (length * np.cos(mean)).T @ r, (length * np.sin(mean)).T @ r
        return [np.vstack(point) for point in zip(*points, strict=True)]

    def settled(self, sums: Sequence[Array]) -> Array:
        """Their directions."""
        angles = np.array([np.arctan2(north, east) for east, north in sums])
        return self._near(angles.T * (self.turn / (2 * np.pi))).T

    def sample(self, rng: np.random.Generator, colours: Codes, given: Array | None) -> Array:
        mean = _radians(self.mean_direction, self.turn)[colours]
        angles = rng.vonmises(mean, self.concentration[colours])
        return self._near(angles * (self.turn / (2 * np.pi))).T

    def boundary(self, component: int) -> list[str]:
        return [
            f"concentration of '{name}' is 0"
            for name, kappa in zip(self.columns, self.concentration[component], strict=True)
            if kappa < 1e-9
        ]


def _turn(options: Mapping[str, Any]) -> float:
    return 360.0 if options.get("degrees") else 2 * np.pi


def _centre(lowest: Array, turn: float) -> Array:
    """What mean directions are to lie around: angles from 0 on, or of both signs."""
    return np.where(lowest < 0, 0.0, turn / 2)


def _radians(angles: Array, turn: float) -> Array:
    """Whole turns are taken off degrees first; of radians cos and sin do it better."""
    return np.deg2rad(np.fmod(angles, 360.0)) if turn == 360.0 else angles
