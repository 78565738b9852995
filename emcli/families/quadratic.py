"""Quadratic forms of a block: Mahalanobis distances and their sums, and how they are evaluated.

Two forms give the same numbers. With z = x - origin,

    features    log density = <theta, [1, z, vech(z z')]>: one matrix product for all components,
                and one for the sums; relative errors grow like 1e-16 kappa
    centred     z = x - mean_k, whitened one component at a time: exact whatever kappa, and cheaper
                where d is large

`form` chooses, from the parameters alone, so the choice is the same for any table, thread or
engine. kappa is the size of the terms that cancel in the quadratic form of a point one standard
deviation from its component's mean.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from emcli.families.base import Block
from emcli.numerics import Array, triangle

# Measured: at kappa 1e6 the feature form is good to 1e-10, at 1e12 to 2e-4.
MOST_KAPPA = 1e6
# Measured crossover of the two forms between d = 50 and d = 100.
MOST_COLUMNS = 64

LOG_2PI = float(np.log(2 * np.pi))


def kappa(offset: Array, sd: Array, precision: Array) -> float:
    """Largest cancellation of any component; offset is mean - origin (K, d)."""
    reach = np.abs(offset) + sd
    if precision.ndim == 2:
        return float((reach * reach * precision).max())
    return float((reach * _product(np.abs(precision), reach)).sum(axis=1).max())


def _product(matrices: Array, vectors: Array) -> Array:
    """(K, d) products of K matrices (K, d, d) with K vectors (K, d)."""
    found: Array = (matrices @ vectors[:, :, None])[:, :, 0]
    return found


def form(offset: Array, sd: Array, precision: Array) -> str:
    """"features" or "centred" for these parameters."""
    wide = precision.ndim == 3 and offset.shape[1] > MOST_COLUMNS
    return "centred" if wide or kappa(offset, sd, precision) > MOST_KAPPA else "features"


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
    d = offset.shape[1]
    slope = _product(precision, offset)
    constant = -0.5 * ((slope * offset).sum(axis=1) + log_determinant + d * LOG_2PI)
    i, j = triangle(d)
    found = np.empty((len(offset), 1 + d + len(i)))
    found[:, 0] = constant
    found[:, 1 : d + 1] = slope
    np.multiply(precision[:, i, j], _halves(d), out=found[:, d + 1 :])
    return found


@cache
def _halves(d: int) -> Array:
    """-1/2 for the diagonal of a packed triangle, -1 for what stands for two entries."""
    i, j = triangle(d)
    return np.where(i == j, -0.5, -1.0)


def full_centred(block: Block, mean: Array, root: Array) -> Array:
    """Squared Mahalanobis distances (K, n); root (K, d, d) is the inverse Cholesky factor."""
    distance = np.empty((len(mean), block.n))
    z = block.array("centred", *block.values.shape)
    y = block.array("whitened", *block.values.shape)
    for k, centre in enumerate(mean):
        np.subtract(block.values, centre[:, None], out=z)
        np.matmul(root[k], z, out=y)
        np.einsum("ij,ij->j", y, y, out=distance[k])
    return distance


def full_sums(block: Block, mean: Array, r: Array) -> Array:
    """(K, d + d(d+1)/2) sums of r times [z, upper triangle of z z'] with z = x - mean_k."""
    d = mean.shape[1]
    i, j = triangle(d)
    sums = np.empty((len(mean), d + len(i)))
    z = block.array("centred", d, block.n)
    weighted = block.array("weighted", d, block.n)
    for k, centre in enumerate(mean):
        np.subtract(block.values, centre[:, None], out=z)
        np.multiply(z, r[k], out=weighted)
        sums[k, :d] = weighted.sum(axis=1)
        sums[k, d:] = (weighted @ z.T)[i, j]
    return sums


def diagonal_centred(block: Block, mean: Array, variance: Array) -> Array:
    """(K, n) normal log densities of what was observed, columns independent."""
    found = np.empty((len(mean), block.n))
    for k, (centre, spread) in enumerate(zip(mean, variance, strict=True)):
        z = block.values - centre[:, None]
        z *= z
        z /= spread[:, None]
        z += (np.log(spread) + LOG_2PI)[:, None]
        found[k] = -0.5 * np.where(np.isnan(z), 0.0, z).sum(axis=0)
    return found


def diagonal_sums(block: Block, mean: Array, r: Array) -> Array:
    """(K, 2 d) sums of r times [z, z^2] with z = x - mean_k, over what was observed."""
    d = mean.shape[1]
    sums = np.empty((len(mean), 2 * d))
    for k, centre in enumerate(mean):
        z = block.values - centre[:, None]
        z[np.isnan(z)] = 0.0
        sums[k, :d] = z @ r[k]
        z *= z
        sums[k, d:] = z @ r[k]
    return sums
