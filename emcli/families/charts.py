"""Unconstrained coordinates of the 14 covariance structures, and the information in them.

Straight lines through points of a structure stay in it, so an accelerator can follow them.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from emcli.families.axes import common_axes, compose, diagonal, eigen, match
from emcli.families.structures import AXIS_ALIGNED, INVARIANCE
from emcli.numerics import Array, flat


def to_vector(structure: str, sigma: Array, base: Array | None = None) -> Array:
    """Unconstrained coordinates of `sigma` near `base` (by default itself), without units.

    Every structure is a linear subspace of its coordinates, so straight lines through points of
    it stay in it. Axis-aligned: log variances. The affine structures: the matrix logarithm of
    L_k⁻¹ Σ_k L_k⁻ᵀ, where base_k = L_k L_kᵀ, which is zero at the base. The others: log
    eigenvalues, then half the logarithms of the turns from the base's orientations, so that lines
    through it turn every plane at its own steady rate: geodesics.
    Raises numpy.linalg.LinAlgError when `sigma` or `base` is not positive definite.
    """
    if structure in AXIS_ALIGNED:
        return flat(np.log(sigma))
    base = sigma if base is None else base
    if INVARIANCE[structure] == "affine" and sigma is base:
        return np.zeros_like(flat(flat(sigma)))
    if INVARIANCE[structure] == "affine":
        whiten = np.linalg.inv(np.linalg.cholesky(base))
        values, axes = np.linalg.eigh(whiten @ sigma @ whiten.swapaxes(-2, -1))
        logs: Array = (axes * _logarithm(values)[..., None, :]) @ axes.swapaxes(-2, -1)
        return flat(flat(logs))
    values, axes = _oriented(structure, sigma)
    origin = axes if sigma is base else _oriented(structure, base)[1]
    turns, values = match(origin.swapaxes(-2, -1) @ axes, values)
    one = np.eye(sigma.shape[-1])
    tangents: Array = np.asarray(np.linalg.solve(one + turns, one - turns), dtype=np.float64)
    skew = _in_planes(np.arctan, tangents)
    angles = skew[..., *np.tril_indices(len(one), -1)]
    return np.concatenate((flat(_logarithm(values)), flat(angles)), axis=-1)


def from_vector(structure: str, vector: Array, base: Array) -> Array:
    """The covariances, shaped like `base`, with those coordinates.

    Raises ValueError for coordinates out of all range (or not finite).
    """
    if not np.isfinite(vector).all():
        raise ValueError("coordinates that are not finite")
    if structure in AXIS_ALIGNED:
        return _exponential(vector).reshape(base.shape)
    if INVARIANCE[structure] == "affine":
        values, axes = np.linalg.eigh(vector.reshape(base.shape))
        return compose(np.linalg.cholesky(base) @ axes, _exponential(values))
    *_, k, d, _ = base.shape
    _, origin = _oriented(structure, base)
    skew = np.zeros_like(origin)
    rows, columns = np.tril_indices(d, -1)
    skew[..., rows, columns] = vector[..., k * d :].reshape(*origin.shape[:-2], -1)
    skew = _in_planes(np.tan, skew - skew.swapaxes(-2, -1))
    turns = np.linalg.solve(np.eye(d) + skew, np.eye(d) - skew)
    values = _exponential(vector[..., : k * d]).reshape(base.shape[:-1])
    return compose(origin @ turns, values)


def chart_size(structure: str, k: int, d: int) -> int:
    """How many coordinates `k` covariances (or variances) of order `d` have."""
    if structure in AXIS_ALIGNED:
        return k * d
    if INVARIANCE[structure] == "affine":
        return k * d * d
    return k * d + (k if structure[2] == "V" else 1) * d * (d - 1) // 2


def information(structure: str, sigma: Array, weights: Array, vector: Array) -> Array:
    """The information on the covariances of one row, times vectors of the chart around `sigma`.

    Logarithms count a half each; the turn of two axes by half its angle, four times
    (a - b)^2 / ab, a and b being their eigenvalues.
    """
    halves = weights / 2
    if structure in AXIS_ALIGNED or INVARIANCE[structure] == "affine":
        return np.repeat(halves, vector.shape[-1] // weights.shape[-1], axis=-1) * vector
    values, axes = _oriented(structure, sigma)
    rows, columns = np.tril_indices(values.shape[-1], -1)
    first, second = values[..., rows], values[..., columns]
    turns = 4 * weights[..., None] * (first - second) ** 2 / (first * second)
    turns = turns.sum(axis=-2, keepdims=True) if axes.shape[-3] == 1 else turns
    logs = np.repeat(halves, values.shape[-1], axis=-1)
    return np.concatenate((logs, flat(turns)), axis=-1) * vector


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
