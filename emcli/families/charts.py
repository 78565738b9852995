"""Unconstrained coordinates of the 14 covariance structures, and the information in them.

Straight lines through points of a structure stay in it, so an accelerator can follow them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import cached_property

import numpy as np

from emcli.families.axes import common_axes, compose, diagonal, eigen, match
from emcli.families.structures import AXIS_ALIGNED, INVARIANCE
from emcli.frozen import immutable
from emcli.numerics import Array, flat


@immutable
class Chart(ABC):
    """Coordinates (..., p) without units of the covariances of a structure, shaped like `base`.

    What there is to know of the base is found once: an accelerator stays in a chart for steps.
    """

    base: Array

    @abstractmethod
    def to_vector(self, sigma: Array) -> Array:
        """The coordinates of these covariances.

        Raises numpy.linalg.LinAlgError when they or the base are not positive definite.
        """

    def from_vector(self, vector: Array) -> Array:
        """The covariances, shaped like the base, with those coordinates.

        Raises ValueError for coordinates out of all range (or not finite).
        """
        if not np.isfinite(vector).all():
            raise ValueError("coordinates that are not finite")
        return self._from_vector(vector)

    @abstractmethod
    def _from_vector(self, vector: Array) -> Array: ...

    def information(self, weights: Array, vector: Array) -> Array:
        """The information on the covariances of one row, times vectors: logarithms count a half."""
        found: Array = np.repeat(weights / 2, vector.shape[-1] // weights.shape[-1], -1) * vector
        return found


class LogVariances(Chart):
    """Of the axis-aligned structures: log variances."""

    def to_vector(self, sigma: Array) -> Array:
        return flat(np.log(sigma))

    def _from_vector(self, vector: Array) -> Array:
        return _exponential(vector).reshape(self.base.shape)


class MatrixLogarithms(Chart):
    """Of the affine structures: log L_k⁻¹ Σ_k L_k⁻ᵀ, where base_k = L_k L_kᵀ; nought at the base.

    Every structure is a linear subspace of its coordinates.
    """

    @cached_property
    def _root(self) -> Array:
        return np.asarray(np.linalg.cholesky(self.base), dtype=np.float64)

    @cached_property
    def _whiten(self) -> Array:
        return np.asarray(np.linalg.inv(self._root), dtype=np.float64)

    def to_vector(self, sigma: Array) -> Array:
        if sigma is self.base:
            return np.zeros_like(flat(flat(sigma)))
        whiten = self._whiten
        values, axes = np.linalg.eigh(whiten @ sigma @ whiten.swapaxes(-2, -1))
        logs: Array = (axes * _logarithm(values)[..., None, :]) @ axes.swapaxes(-2, -1)
        return flat(flat(logs))

    def _from_vector(self, vector: Array) -> Array:
        values, axes = np.linalg.eigh(vector.reshape(self.base.shape))
        return compose(self._root @ axes, _exponential(values))


@immutable
class Turns(Chart):
    """Of the others: log eigenvalues, then half the logarithms of the turns from the base's
    orientations, so that lines through it turn every plane at its own steady rate: geodesics."""

    structure: str

    @cached_property
    def _oriented(self) -> tuple[Array, Array]:
        return _oriented(self.structure, self.base)

    def to_vector(self, sigma: Array) -> Array:
        origin = self._oriented[1]
        values, axes = (
            self._oriented if sigma is self.base else _oriented(self.structure, sigma)
        )
        turns, values = match(origin.swapaxes(-2, -1) @ axes, values)
        one = np.eye(sigma.shape[-1])
        tangents: Array = np.asarray(np.linalg.solve(one + turns, one - turns), dtype=np.float64)
        skew = _in_planes(np.arctan, tangents)
        angles = skew[..., *np.tril_indices(len(one), -1)]
        return np.concatenate((flat(_logarithm(values)), flat(angles)), axis=-1)

    def _from_vector(self, vector: Array) -> Array:
        *_, k, d, _ = self.base.shape
        origin = self._oriented[1]
        skew = np.zeros_like(origin)
        rows, columns = np.tril_indices(d, -1)
        skew[..., rows, columns] = vector[..., k * d :].reshape(*origin.shape[:-2], -1)
        skew = _in_planes(np.tan, skew - skew.swapaxes(-2, -1))
        turns = np.linalg.solve(np.eye(d) + skew, np.eye(d) - skew)
        values = _exponential(vector[..., : k * d]).reshape(self.base.shape[:-1])
        return compose(origin @ turns, values)

    def information(self, weights: Array, vector: Array) -> Array:
        """The turn of two axes counts by half its angle, four times (a - b)^2 / ab, a and b being
        their eigenvalues."""
        values, axes = self._oriented
        rows, columns = np.tril_indices(values.shape[-1], -1)
        first, second = values[..., rows], values[..., columns]
        turns = 4 * weights[..., None] * (first - second) ** 2 / (first * second)
        turns = turns.sum(axis=-2, keepdims=True) if axes.shape[-3] == 1 else turns
        logs = np.repeat(weights / 2, values.shape[-1], axis=-1)
        return np.concatenate((logs, flat(turns)), axis=-1) * vector


def around(structure: str, base: Array) -> Chart:
    """The chart of a structure around these covariances."""
    if structure in AXIS_ALIGNED:
        return LogVariances(base)
    return MatrixLogarithms(base) if INVARIANCE[structure] == "affine" else Turns(base, structure)


def chart_size(structure: str, k: int, d: int) -> int:
    """How many coordinates `k` covariances (or variances) of order `d` have."""
    if structure in AXIS_ALIGNED:
        return k * d
    if INVARIANCE[structure] == "affine":
        return k * d * d
    return k * d + (k if structure[2] == "V" else 1) * d * (d - 1) // 2


def _in_planes(f: Callable[[Array], Array], skew: Array) -> Array:
    """An odd function of skew-symmetric matrices (..., d, d): of the entry in each of its planes.

    Cayley's transform makes of the tangents of half angles, in their planes, the rotation.
    """
    values, axes = np.linalg.eigh(1j * skew)
    found = (axes * f(values)[..., None, :]) @ axes.conj().swapaxes(-2, -1)
    return np.asarray(found.imag, dtype=np.float64)


def _logarithm(eigenvalues: Array) -> Array:
    if not (eigenvalues > 0).all():
        raise np.linalg.LinAlgError("not positive definite")
    return np.log(eigenvalues)


def _exponential(logs: Array) -> Array:
    if not (np.abs(logs) < 700).all():
        raise ValueError("variances out of range")
    return np.exp(logs)


def _oriented(structure: str, sigma: Array) -> tuple[Array, Array]:
    """Eigenvalues (..., K, d), axes (..., K, d, d), or (..., 1, d, d) where they are common."""
    if structure[2] == "V":
        return eigen(sigma)
    axes = common_axes(sigma)[..., None, :, :]
    return diagonal(axes.swapaxes(-2, -1) @ sigma @ axes), axes
