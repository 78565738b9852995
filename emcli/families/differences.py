"""Derivatives of log densities by central differences."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from emcli.numerics import Array

# A coordinate is moved by so much of its unit: less, and rounding would be seen in the bends; a
# slope takes two widths, for its error is where the parameters end.
DIFFERENCE = 1e-3


def differences(
    f: Callable[[Array, Array], Array], x: Array, theta: Array, unit: Array
) -> tuple[Array, Array, Array]:
    """f(x, theta) (..., K, n), and its slope and bend in theta's last axis.

    unit: (..., K, p) how far a coordinate moves until one row tells.
    """
    p = theta.shape[-1]
    h = DIFFERENCE * unit

    def at(step: float, *which: int) -> Array:
        moved = theta.copy()
        for i in which:
            moved[..., i] += step * h[..., i]
        found: Array = f(x, moved)
        return found

    value = f(x, theta)
    slope = np.empty((*theta.shape, len(x)))
    bend = np.empty((*theta.shape, p, len(x)))
    with np.errstate(all="ignore"):
        both = []
        for i in range(p):
            width, ahead, back = h[..., i, None], at(1.0, i), at(-1.0, i)
            slope[..., i, :] = (8 * (ahead - back) - (at(2.0, i) - at(-2.0, i))) / (12 * width)
            both.append(ahead + back - 2 * value)
            bend[..., i, i, :] = both[i] / width**2
            for j in range(i):
                mixed = at(1.0, i, j) + at(-1.0, i, j) - 2 * value - both[i] - both[j]
                bend[..., i, j, :] = bend[..., j, i, :] = mixed / (2 * width * h[..., j, None])
    return value, slope, bend
