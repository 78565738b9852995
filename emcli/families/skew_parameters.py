"""The parameters of skew normals, as people and as EM want them, and the chart between.

People: location xi, the matrix Omega, skewness alpha. EM: xi + Delta |z| + e with z ~ N(0, 1),
e ~ N(0, Psi). With the slope eta = alpha/omega, omega the roots of Omega's diagonal, and
s^2 = 1/(1 + eta' Omega eta): Delta = s Omega eta, Psi = Omega - Delta Delta' and
Psi^-1 = Omega^-1 + eta eta'; back, Omega = Psi + Delta Delta' and eta = s Psi^-1 Delta.

The length of the lean, the root of Delta' Psi^-1 Delta, is kept below a limit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from typing import ClassVar, Self

import numpy as np

from emcli.families import charts
from emcli.families.base import Family
from emcli.families.full import Full
from emcli.families.skew_regression import HALF, MOST, pull
from emcli.frozen import immutable
from emcli.numerics import Array, flat, outer


@immutable
class Leaning(Family):
    """normal: location and scale, as normal distributions N(xi, Omega); skewness: (..., K, d)."""

    normal: Full
    skewness: Array

    arrays: ClassVar = ("skewness",)

    def mapped(self, f: Callable[..., Array], *others: Self) -> Self:
        normal = self.normal.mapped(f, *(other.normal for other in others))
        return replace(
            self, normal=normal, skewness=f(self.skewness, *(x.skewness for x in others))
        )

    @cached_property
    def slope(self) -> Array:
        """eta (..., K, d)."""
        return self.skewness / np.sqrt(self.normal.variances)

    @cached_property
    def s(self) -> Array:
        """(..., K) sd of z given x, before it is cut off."""
        return 1 / np.sqrt(1 + (self.slope * self._across).sum(axis=-1))

    @cached_property
    def _across(self) -> Array:
        """Omega eta (..., K, d)."""
        found: Array = (self.normal.covariance @ self.slope[..., None])[..., 0]
        return found

    @cached_property
    def delta(self) -> Array:
        """Delta (..., K, d)."""
        return self.s[..., None] * self._across

    @cached_property
    def precision(self) -> Array:
        """Psi^-1 (..., K, d, d)."""
        found: Array = self.normal.precision + outer(self.slope)
        return found

    def _with(self, location: Array, delta: Array, psi: Array) -> Self:
        """The same family with these parameters."""
        along, square = pull(psi, delta)
        # A longer lean than there may be: Psi is widened along it.
        more = np.maximum(square / MOST**2, 1.0)[..., None]
        psi = psi + ((more - 1) / np.maximum(square, 1.0)[..., None])[..., None] * outer(delta)
        slope = along / more / np.sqrt(1 + square[..., None] / more)
        omega = psi + outer(delta)
        if len(self.columns) == 1:
            omega = np.sqrt(omega) ** 2  # so that the root in the file is that of its square
        normal = replace(self.normal, mean=location, covariance=omega, known=True)
        return replace(self, normal=normal, skewness=slope * np.sqrt(normal.variances))

    # The chart: locations, Deltas, Psi

    @cached_property
    def psi(self) -> Array:
        """Psi (..., K, d, d)."""
        found = np.linalg.inv(self.precision)
        return (found + found.swapaxes(-2, -1)) / 2

    @cached_property
    def _chart(self) -> charts.Chart:
        return charts.around("VVV", self.psi)

    @cached_property
    def _unit(self) -> Array:
        """(..., 1, d) an average scale."""
        return np.sqrt(self.normal.variances.mean(axis=-2, keepdims=True))

    def to_vector(self, base: Self | None = None) -> Array:
        base = base or self
        location = (self.normal.mean - base.normal.mean) / base._unit
        delta = (self.delta - base.delta) / base._unit
        psi = base._chart.to_vector(self.psi)
        return np.concatenate([flat(location), flat(delta), psi], axis=-1)

    def from_vector(self, vector: Array) -> Self:
        size = self.skewness.shape[-2] * self.skewness.shape[-1]
        location, delta = (
            vector[..., part].reshape(self.skewness.shape) * self._unit
            for part in (slice(size), slice(size, 2 * size))
        )
        psi = self._chart.from_vector(vector[..., 2 * size :])
        return self._with(self.normal.mean + location, self.delta + delta, psi)

    @property
    def chart_size(self) -> int:
        k, d = self.skewness.shape[-2:]
        return 2 * k * d + charts.chart_size("VVV", k, d)

    def information(self, weights: Array, vector: Array) -> Array:
        k, d = self.skewness.shape[-2:]
        both = vector[..., : 2 * k * d].reshape(*vector.shape[:-1], 2, k, d)
        both = both * self._unit[..., None, :, :]
        both = both + HALF * both[..., ::-1, :, :]  # E|z| between them, E z^2 is one
        both = (self.precision[..., None, :, :, :] @ both[..., None])[..., 0]
        both *= self._unit[..., None, :, :] * weights[..., None, :, None]
        psi = self._chart.information(weights, vector[..., 2 * k * d :])
        return np.concatenate([both.reshape(*vector.shape[:-1], -1), psi], axis=-1)
