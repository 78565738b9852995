"""Normals along the axes, their columns independent (see `gaussian`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np

from emcli.families import quadratic
from emcli.families.base import Part
from emcli.families.block import Block
from emcli.families.completing import Completing
from emcli.families.exponential import Separable, fill_missing
from emcli.families.normal import Normal, means_of, structure_of
from emcli.frozen import immutable, replace
from emcli.numerics import Array, Codes, Mask


@immutable
class Diagonal(Normal, Separable):
    """Axis-aligned: EII VII EEI VEI EVI VVI, and E and V on one column."""

    variance: Array
    arrays: ClassVar = ("mean", "variance")

    @property
    def spread(self) -> Array:
        return self.variance

    @property
    def variances(self) -> Array:
        return self.variance

    @property
    def log_variances(self) -> Array:
        return np.log(self.variance)

    def log_volume(self, block: Block) -> Array:
        if not self.incomplete:
            return super().log_volume(block)
        found: Array = (self.log_variances + quadratic.LOG_2PI) @ ~np.isnan(block.values)
        return found

    @property
    def precision(self) -> Array:
        found: Array = np.eye(len(self.columns)) / self.variance[..., None]
        return found

    expectation = Completing.expectation
    completed = Completing.completed

    @property
    def column_width(self) -> int:
        return 2 * len(self.columns)

    @cached_property
    def forms(self) -> Mask:
        if not self.known:
            return np.zeros(self.mean.shape[:-2], dtype=bool)
        offset = self.mean - self.origin
        return quadratic.from_origin(offset, np.sqrt(self.variance), 1 / self.variance)

    @cached_property
    def linear(self) -> bool:
        return bool(self.forms.all())

    def narrowest(self, unit: Array) -> Array:
        largest = (unit * unit / self.variance).max(axis=1)
        return 1 / np.maximum(largest, np.finfo(float).tiny)

    def _pull(self, away: Array) -> Array:
        return away / self.variance

    def column_features(self, values: Array, out: Array) -> None:
        d = len(self.columns)
        z = out[:d]
        np.subtract(values, self.origin[:, None], out=z)
        if self.incomplete:
            fill_missing(z.copy(), z)
        np.multiply(z, z, out=out[d:])

    def column_natural(self) -> tuple[Array, Array]:
        offset, precision = self.mean - self.origin, 1 / self.variance
        slope = offset * precision
        normaliser = -0.5 * (slope * offset + np.log(self.variance) + quadratic.LOG_2PI)
        return np.concatenate([slope, -0.5 * precision], axis=-1), normaliser

    def log_density(self, block: Block) -> Array:
        if self.linear:
            return super().log_density(block)
        return quadratic.diagonal_centred(block, self.mean, self.variance)

    def statistics(self, block: Block, r: Array) -> Array:
        if self.linear:
            return super().statistics(block, r)
        seen = ~np.isnan(block.values[list(self.incomplete)])
        sums = quadratic.diagonal_sums(block, self.mean, r)
        return np.concatenate([sums, r @ seen.T], axis=-1)

    def moments(self, n: Array, t: Array) -> tuple[Array, Array]:
        d = len(self.columns)
        observed = self.observed(n, t)
        shift = t[..., :d] / observed
        about = self.origin if self.linear else self.mean
        mean = self.keep("mean", about + shift)
        scatter = t[..., d : 2 * d] - observed * shift * shift
        if "mean" in self.options:
            scatter += observed * (about + shift - mean) ** 2
        return mean, scatter

    def maximise(self, n: Array, t: Array) -> Self:
        mean, scatter = self.moments(n, t)
        if self.incomplete:
            observed = self.observed(n, t)
            # An unobserved cell's squared deviation is expected to be the current variance.
            scatter += (n[..., None] - observed) * (
                self.variance if self.known else scatter / observed
            )
        return self.fitted(n, mean, scatter)

    def q(self, n: Array, t: Array) -> float:
        d = len(self.columns)
        observed = self.observed(n, t)
        about = (self.origin if self.linear else self.mean) - self.mean
        square = t[..., d : 2 * d] + 2 * about * t[..., :d] + observed * about * about
        constant = np.log(self.variance) + quadratic.LOG_2PI
        return float(-0.5 * (observed * constant + square / self.variance).sum())

    def surplus(self, here: Self, block: Block, r: Array) -> float:
        """Of the squared deviations of unobserved cells, which the M step expects."""
        lacking = r @ np.isnan(block.values).T
        expected = np.log(self.variance) + quadratic.LOG_2PI + here.variance / self.variance
        return float(-0.5 * (lacking * expected).sum())

    def _with(self, mean: Array, spread: Array) -> Self:
        return replace(self, mean=mean, variance=spread, known=True)

    def sample(self, rng: np.random.Generator, colours: Codes, given: Array | None) -> Array:
        z = rng.standard_normal((len(colours), len(self.columns)))
        return (self.mean[colours] + np.sqrt(self.variance)[colours] * z).T

    def to_dict(self, component: int) -> dict[str, Any]:
        return {
            "mean": self.mean[component].tolist(),
            "variance": self.variance[component].tolist(),
        }

    @classmethod
    def unknown(cls, part: Part, mean: Array, origin: Array) -> Diagonal:
        return Diagonal(
            part.columns, structure_of(part.variant, len(part.columns)), mean, origin,
            np.ones_like(mean), incomplete=part.incomplete, known=False, options=part.options,
        )  # fmt: skip

    @classmethod
    def from_dict(cls, part: Part, found: Sequence[Mapping[str, Any]]) -> Diagonal:
        mean = means_of(found, len(part.columns))
        variance = np.array([entry["variance"] for entry in found], float)
        if variance.shape != mean.shape or not (variance > 0).all():
            raise ValueError("'variance' must hold one positive number for each column")
        structure = structure_of(part.variant, len(part.columns))
        return Diagonal(
            part.columns, structure, mean, mean.mean(axis=0), variance,
            incomplete=part.incomplete, options=part.options,
        )  # fmt: skip
