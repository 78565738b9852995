"""The two directions of many columns that tell the components apart best."""

from __future__ import annotations

import numpy as np

from emcli.frozen import frozen
from emcli.numerics import Array


@frozen
class Plane:
    """axes: (2, d), to be multiplied with the columns; shares: of the separation between the
    components that each axis shows, None for one that is no discriminant."""

    axes: Array
    shares: tuple[float | None, float | None]


def filled(values: Array, r: Array, weights: Array) -> Array:
    """Values (d, n) with each missing cell at what the colours (K, n) of its row make of it."""
    masses = r * weights
    found = values.copy()
    for row in found:
        empty = np.isnan(row)
        if empty.any():
            seen = masses[:, ~empty]
            means = seen @ row[~empty] / np.maximum(seen.sum(axis=1), 1e-300)
            row[empty] = means @ r[:, empty]
    return found


def plane(values: Array, r: Array, weights: Array) -> Plane:
    """Fisher's linear discriminants (Rao 1948) of values (d, n) whose colours are r (K, n).

    They maximise the variance between the components' means in units of that within components.
    With k components there are k - 1 of them; an axis without one is the direction of largest
    variance of what they leave, columns in units of their standard deviations.
    """
    masses = r * weights
    total = masses.sum()
    centre = values @ masses.sum(axis=0) / total
    scale = np.sqrt(((values - centre[:, None]) ** 2) @ masses.sum(axis=0) / total)
    scale[scale == 0] = 1.0
    z = (values - centre[:, None]) / scale[:, None]
    sizes = masses.sum(axis=1)
    means = masses @ z.T / np.maximum(sizes, 1e-300)[:, None]
    between = (means.T * sizes) @ means / total
    whole = (z * masses.sum(axis=0)) @ z.T / total
    white = _inverse_root(whole - between)
    strength, found = np.linalg.eigh(white @ between @ white)
    real = min(2, len(r) - 1)
    axes = [white @ found[:, -1 - i] for i in range(real)]
    shares = [float(strength[-1 - i] / strength.sum()) for i in range(real)]
    left = _apart(whole, axes)
    rest = np.linalg.eigh(left)[1]
    axes += [rest[:, -1 - i] for i in range(2 - real)]
    one, two = (*shares, None, None)[:2]
    return Plane(np.array([_upright(axis) for axis in axes]) / scale, (one, two))


def _inverse_root(matrix: Array) -> Array:
    """The symmetric inverse root; zero along directions in which nothing varies."""
    values, axes = np.linalg.eigh(matrix)
    kept = values > 1e-10 * values.max(initial=0.0)
    root = np.where(kept, 1 / np.sqrt(np.where(kept, values, 1.0)), 0.0)
    found: Array = (axes * root) @ axes.T
    return found


def _apart(whole: Array, axes: list[Array]) -> Array:
    """The covariance of what is not told by these axes."""
    if not axes:
        return whole
    told = whole @ np.array(axes).T
    found: Array = whole - told @ np.linalg.pinv(np.array(axes) @ told) @ told.T
    return found


def _upright(axis: Array) -> Array:
    """The axis with its largest part positive, so that the picture has one orientation."""
    found: Array = axis * np.sign(axis[np.abs(axis).argmax()])
    return found
