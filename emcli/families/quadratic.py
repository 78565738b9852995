"""Quadratic forms of a block: Mahalanobis distances and their sums, and how they are evaluated.

Three forms give the same numbers. With z = x - origin,

    features    log density = <theta, [1, z, vech(z z')]>: one matrix product for all components,
                and one for the sums; relative errors grow like 1e-16 kappa
    banded      z whitened, a few coordinates of all components at a time, and the sums of the
                features a few rows at a time: as exact, and cheaper where columns are many and
                components few
    centred     z = x - mean_k, whitened one component at a time: exact whatever kappa

`from_origin` and `by_bands` choose, from the parameters alone and how many starts go together, so
the choice is the same for any table, thread or engine. kappa is the size of the terms that cancel
in the quadratic form of a point one standard deviation from its component's mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from math import prod

import numpy as np

from emcli.families.block import Block
from emcli.numerics import Array, Mask, triangle

# Measured: at kappa 1e6 features are good to 1e-10, at 1e12 to 2e-4.
MOST_KAPPA = 1e6
# Columns up to which features are worth their time where the other way is to centre rows.
MOST_COLUMNS = 64
# Measured: as cheap as features at K = 3 of d = 10, 9 of 20, 14 of 30, 28 of 50, 55 of 100.
_COLUMNS, _COLUMNS_EACH = 4, 2

# Rows of triangular matrices that are multiplied at a time: of 100, four tenths are saved.
_BAND = 16

LOG_2PI = float(np.log(2 * np.pi))


def kappa(offset: Array, sd: Array, precision: Array) -> Array:
    """Largest cancellation of any component (...); offset is mean - origin (..., K, d)."""
    reach = np.abs(offset) + sd
    if precision.ndim == offset.ndim:
        return np.asarray((reach * reach * precision).max(axis=(-2, -1)))
    return np.asarray((reach * _product(np.abs(precision), reach)).sum(axis=-1).max(axis=-1))


def _product(matrices: Array, vectors: Array) -> Array:
    """(..., d) products of matrices (..., d, d) with vectors (..., d)."""
    found: Array = (matrices @ vectors[..., None])[..., 0]
    return found


def from_origin(offset: Array, sd: Array, precision: Array) -> Mask:
    """(...) are features exact enough for these parameters?"""
    return np.asarray(kappa(offset, sd, precision) <= MOST_KAPPA)


def by_bands(d: int, components: int) -> bool:
    """Are bands cheaper than features for so many components, those of all starts?"""
    return d >= _COLUMNS + _COLUMNS_EACH * components


def full_working(d: int, components: int) -> int:
    """Numbers held for each row where components are evaluated by bands."""
    return 1 + d + (2 + min(_BAND, d)) * components


def full_features(block: Block, origin: Array, out: Array) -> None:
    """Write [z, upper triangle of z z' row by row], z = x - origin, into out (d + d(d+1)/2, n)."""
    d = len(origin)
    z = out[:d]
    np.subtract(block.values, origin[:, None], out=z)
    at = d
    for i in range(d):
        np.multiply(z[i:], z[i], out=out[at : at + d - i])
        at += d - i


def full_natural(offset: Array, precision: Array, log_determinant: Array) -> Array:
    """(K, 1 + d + d(d+1)/2) coefficients of [1, features] for the normal log density."""
    d = offset.shape[-1]
    slope = _product(precision, offset)
    i, j = triangle(d)
    found = np.empty((*offset.shape[:-1], 1 + d + len(i)))
    found[..., 0] = -0.5 * ((slope * offset).sum(axis=-1) + log_determinant + d * LOG_2PI)
    found[..., 1 : d + 1] = slope
    np.multiply(precision[..., i, j], _halves(d), out=found[..., d + 1 :])
    return found


@cache
def _halves(d: int) -> Array:
    """-1/2 for the diagonal of a packed triangle, -1 for what stands for two entries."""
    i, j = triangle(d)
    return np.where(i == j, -0.5, -1.0)


def full_bands(offset: Array, root: Array) -> list[Array]:
    """Inverse Cholesky factors (..., K, d, d) for `full_whitened`: of each few rows of all
    components (K rows, 1 + columns that are not all zero), the constant first."""
    d = offset.shape[-1]
    turned = _product(root, offset).reshape(-1, d)
    root = root.reshape(-1, d, d)
    found = []
    for at in range(0, d, _BAND):
        end = min(at + _BAND, d)
        band = np.empty((len(root), end - at, 1 + end))
        np.negative(turned[:, at:end], out=band[..., 0])
        band[..., 1:] = root[:, at:end, :end]
        found.append(band.reshape(-1, 1 + end))
    return found


def _from_origin(block: Block, origin: Array) -> Array:
    """(1 + d, n) [1, x - origin]."""
    z = block.array("from origin", 1 + len(origin), block.n)
    z[0] = 1.0
    np.subtract(block.values, origin[:, None], out=z[1:])
    return z


def full_whitened(block: Block, origin: Array, bands: Sequence[Array], k: int) -> Array:
    """Squared Mahalanobis distances (k, n) of the components of all starts."""
    z = _from_origin(block, origin)
    distance = np.zeros((k, block.n))
    for band in bands:
        y = block.array("band", len(band), block.n)
        np.matmul(band, z[: band.shape[1]], out=y)
        each = y.reshape(k, len(band) // k, block.n)
        distance += np.einsum("kin,kin->kn", each, each)
    return distance


def full_products(block: Block, origin: Array, r: Array) -> Array:
    """(..., K, d + d(d+1)/2) sums of r times [z, upper triangle of z z'] with z = x - origin."""
    z, d = _from_origin(block, origin), len(origin)
    shares = r.reshape(prod(r.shape[:-1]), 1, block.n)
    products = np.empty((len(shares), 1 + d, 1 + d))
    for at in range(1, 1 + d, _BAND):
        end = min(at + _BAND, 1 + d)
        weighted = block.array("band", len(shares) * (end - at), block.n)
        each = weighted.reshape(len(shares), end - at, block.n)
        np.multiply(z[at:end], shares, out=each)
        products[:, at:end, :end] = (weighted @ z[:end].T).reshape(-1, end - at, end)
    i, j = triangle(d)
    sums = np.concatenate([products[:, 1:, 0], products[:, 1 + j, 1 + i]], axis=-1)
    return sums.reshape(*r.shape[:-1], -1)


def full_centred(block: Block, mean: Array, root: Array) -> Array:
    """Squared Mahalanobis distances (..., K, n); root (..., K, d, d) inverse Cholesky factors."""
    d = mean.shape[-1]
    distance = np.empty((*mean.shape[:-1], block.n))
    z = block.array("centred", d, block.n)
    y = block.array("whitened", d, block.n)
    rows = distance.reshape(-1, block.n)
    for row, centre, turn in zip(rows, mean.reshape(-1, d), root.reshape(-1, d, d), strict=True):
        np.subtract(block.values, centre[:, None], out=z)
        for at in range(0, d, _BAND):
            end = min(at + _BAND, d)
            np.matmul(turn[at:end, :end], z[:end], out=y[at:end])
        np.einsum("ij,ij->j", y, y, out=row)
    return distance


def full_sums(block: Block, mean: Array, r: Array) -> Array:
    """(..., K, d + d(d+1)/2) sums of r times [z, upper triangle of z z'] with z = x - mean_k."""
    d = mean.shape[-1]
    i, j = triangle(d)
    sums = np.empty((*mean.shape[:-1], d + len(i)))
    z = block.array("centred", d, block.n)
    weighted = block.array("weighted", d, block.n)
    pairs = zip(mean.reshape(-1, d), r.reshape(-1, block.n), strict=True)
    for row, (centre, share) in zip(sums.reshape(-1, d + len(i)), pairs, strict=True):
        np.subtract(block.values, centre[:, None], out=z)
        np.matmul(z, share, out=row[:d])
        np.multiply(z, np.sqrt(share), out=weighted)
        row[d:] = (weighted @ weighted.T)[i, j]  # of a matrix with itself: half the flops
    return sums


def diagonal_centred(block: Block, mean: Array, variance: Array) -> Array:
    """(..., K, n) normal log densities of what was observed, columns independent."""
    d = mean.shape[-1]
    found = np.empty((*mean.shape[:-1], block.n))
    rows = found.reshape(-1, block.n)
    for row, centre, spread in zip(
        rows, mean.reshape(-1, d), variance.reshape(-1, d), strict=True
    ):
        z = block.values - centre[:, None]
        z *= z
        z /= spread[:, None]
        z += (np.log(spread) + LOG_2PI)[:, None]
        row[:] = -0.5 * np.where(np.isnan(z), 0.0, z).sum(axis=0)
    return found


def diagonal_sums(block: Block, mean: Array, r: Array) -> Array:
    """(..., K, 2 d) sums of r times [z, z^2] with z = x - mean_k, over what was observed."""
    d = mean.shape[-1]
    sums = np.empty((*mean.shape[:-1], 2 * d))
    pairs = zip(mean.reshape(-1, d), r.reshape(-1, block.n), strict=True)
    for row, (centre, share) in zip(sums.reshape(-1, 2 * d), pairs, strict=True):
        z = block.values - centre[:, None]
        z[np.isnan(z)] = 0.0
        row[:d] = z @ share
        z *= z
        row[d:] = z @ share
    return sums
