"""Small numerical pieces that several rooms share. NumPy only: SciPy costs a third of a second."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Codes = NDArray[np.intp]

# Logarithms of probabilities that are zero are replaced by this one: small enough that exp of it
# vanishes beside anything observed, large enough that 0 * it is 0 and not NaN.
LOG_ZERO = -690.0

# exp() of less than this falls among the subnormals, where it is 25 to 140 times slower.
LOG_TINY = -650.0

_FACTORIALS = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, 256)))])


def safe_log(probability: Array) -> Array:
    """log(p), with LOG_ZERO in place of minus infinity."""
    return np.log(np.maximum(probability, np.exp(LOG_ZERO)))


def log_factorial(x: Array) -> Array:
    """log(x!) of whole numbers from 0, elementwise: a table, then Stirling's series."""
    small = x < 256
    y = np.where(small, 256.0, x)
    large = y * (np.log(y) - 1) + 0.5 * np.log(2 * np.pi * y) + stirling_tail(y)
    return np.where(small, _FACTORIALS[np.where(small, x, 0.0).astype(np.int64)], large)


def stirling_tail(a: Array) -> Array:
    """log Gamma(a) - (a - 1/2) log a + a - log(2 pi) / 2 for a from 16, elementwise.

    The first term of Stirling's series that is left out is 1e-16 there.
    """
    y = 1 / a
    z = y * y
    found: Array = y / 12 * (
        1 - z / 30 * (1 - z * (2 / 7) * (1 - z * (3 / 4) * (1 - z * (140 / 99))))
    )
    return found


def stirling(a: Array) -> tuple[Array, Array, Array]:
    """log Gamma(a) - a log a + a for a > 0, and its first two derivatives, elementwise.

    They are small where log Gamma is large (the first derivative is digamma(a) - log a), so that
    sharp gamma and beta densities keep their digits. Stirling's series from 16 on; below by the
    recurrence of log Gamma.
    """
    small = a < 16
    b = np.where(small, a + 16, a)
    y = 1 / b
    z = y * y
    slope = -z / 12 * (1 - z / 10 * (1 - z * (10 / 21) * (1 - z * (21 / 20) * (1 - z * (20 / 11)))))
    bend = y * z / 6 * (1 - z / 5 * (1 - z * (5 / 7) * (1 - z * (7 / 5) * (1 - z * (25 / 11)))))
    value = stirling_tail(b) + 0.5 * np.log(2 * np.pi * y)
    slope -= y / 2
    bend += z / 2
    if small.any():
        low = np.where(small, a, 16.0)
        inverse = 1 / (low[..., None] + np.arange(16.0))
        more = b * np.log(b) - low * np.log(low) - 16 + np.log(inverse.prod(axis=-1))
        value += np.where(small, more, 0.0)
        slope += np.where(small, np.log(b / low) - inverse.sum(axis=-1), 0.0)
        bend += np.where(small, y - inverse[..., 0] + np.square(inverse).sum(axis=-1), 0.0)
    return value, slope, bend


def log_gamma_rise(a: Array, b: Array) -> Array:
    """log(Gamma(a + b) / Gamma(a)) - b log(a), for b of 0 or more: zero where a is infinite."""
    a, b = np.broadcast_arrays(np.minimum(a, 1e150), b)
    small = a < 16
    c = np.where(small, a + 16, a)
    found = (c + b - 0.5) * np.log1p(b / c) - b + stirling_tail(c + b) - stirling_tail(c)
    if small.any():
        low = np.where(small, a, 16.0)
        steps = np.log1p(b[..., None] / (low[..., None] + np.arange(16.0))).sum(axis=-1)
        found += np.where(small, b * np.log(c / low) - steps, 0.0)
    return found


def softmax_columns(joint: Array) -> Array:
    """Turn log joint densities (..., K, n) into responsibilities in place; log sums (..., n)."""
    peak: Array = joint.max(axis=-2)
    joint -= peak[..., None, :]
    if joint.min(initial=0.0) < LOG_TINY:  # to look costs a third of what clamping does
        np.maximum(joint, LOG_TINY, out=joint)
    np.exp(joint, out=joint)
    total: Array = joint.sum(axis=-2)
    joint *= (1 / total)[..., None, :]
    np.log(total, out=total)
    total += peak
    return total


def flat(parameters: Array) -> Array:
    """(..., a, b) as (..., a b)."""
    *lead, a, b = parameters.shape
    return parameters.reshape(*lead, a * b)


def outer(vectors: Array) -> Array:
    """(..., d, d) products of vectors (..., d) with themselves."""
    found: Array = vectors[..., :, None] * vectors[..., None, :]
    return found


@cache
def triangle(d: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Row and column of each entry of a packed upper triangle, row by row."""
    return np.triu_indices(d)


def unpack(packed: Array, d: int) -> Array:
    """Symmetric matrices (..., d, d) from packed upper triangles (..., d(d+1)/2)."""
    full = np.empty((*packed.shape[:-1], d, d))
    i, j = triangle(d)
    full[..., i, j] = packed
    full[..., j, i] = packed
    return full


def splitmix(seed: int, numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """A well-mixed 64-bit hash of (seed, number), the same everywhere (Steele et al. 2014)."""
    z = numbers + np.uint64((0x9E3779B97F4A7C15 * (seed + 1)) % 2**64)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def expit(x: Array) -> Array:
    """1 / (1 + exp(-x)) without overflow."""
    e = np.exp(-np.abs(x))
    found: Array = np.where(x >= 0, 1.0, e) / (1 + e)
    return found


def distinct(points: NDArray[Any]) -> NDArray[Any]:
    """The distinct columns of (d, n), or numbers of (n,), in increasing order.

    Asked for nothing else, `np.unique` imports `numpy.ma`, which takes longer than a small fit.
    """
    axis = None if points.ndim == 1 else 1
    found: NDArray[Any] = np.unique(points, axis=axis, return_counts=True)[0]
    return found


def whitened(points: Array, masses: Array) -> Array:
    """Points (p, n) turned and scaled to unit covariance, without directions that never vary."""
    total = masses.sum()
    z = points - (points @ masses / total)[:, None]
    variances, axes = np.linalg.eigh((z * masses) @ z.T / total)
    keep = variances > 1e-12 * variances.max(initial=0.0)
    if not keep.any():
        return z
    found: Array = (axes[:, keep].T @ z) / np.sqrt(variances[keep])[:, None]
    return found


@contextmanager
def short_buffers(rows: int) -> Iterator[None]:
    """For work on arrays (d, rows): NumPy's buffers hold no more than one line of them.

    Where two fit, NumPy copies what it broadcasts over lines. Measured: 3 to 12 % of an iteration.
    """
    usual = np.getbufsize()
    if not 256 <= rows < usual:
        yield
        return
    np.setbufsize(rows // 16 * 16)  # it takes nothing else
    try:
        yield
    finally:
        np.setbufsize(usual)
