"""What skew normals have of |z|: its moments, and the regression on it that is their M step.

x = xi + Delta |z| + e; |z| is a normal, cut off at zero (see `skewnormal`, and Lin 2009). The lean,
the root of Delta' Psi^-1 Delta, is kept below a limit.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import erfcx

from emcli.numerics import Array, outer

# E|z|.
HALF = float(np.sqrt(2 / np.pi))
# Below minus this, w and phi(w)/Phi(w) cancel.
FAR = 60.0
# Where EM begins, skewness (third moment over sd cubed) is between these; at most it is 0.995.
LEAST, LARGEST = 0.1, 0.9
# The longest lean there may be.
MOST = 100.0


class Regression(NamedTuple):
    """Of x on |z|: weight (..., K) sums of r; mean (..., K, d) of x; half, spread (..., K) the mean
    of |z| and its scatter; delta (..., K, d) slopes; scatter (..., K, d, d) what is left of x's."""

    weight: Array
    mean: Array
    half: Array
    spread: Array
    delta: Array
    scatter: Array

    def about(self, location: Array, delta: Array) -> Array:
        """(..., K, d, d) the scatter about another line, location + delta |z|."""
        away = self.mean - location - self.half[..., None] * delta
        found: Array = self.scatter + self.weight[..., None, None] * outer(away)
        return found + self.spread[..., None, None] * outer(self.delta - delta)

    def shortened(self, psi: Array) -> tuple[Array, Array]:
        """The best Delta and Psi, given the Psi of a lean that may be as long as it likes.

        Where that is too long, they are Delta / y, and Psi in its direction p times what it was,
        where y is the root of an equation of second degree.
        """
        _, square = pull(psi, self.delta)
        over, square = square > MOST**2, np.maximum(square, MOST**2)
        ratio, share = MOST**2 / square, MOST**2 * self.spread / self.weight
        y = share + np.sqrt(share * share + 4 * (ratio + share))
        y = np.where(over, y / (2 * (ratio + share)), 1.0)
        p = np.where(over, 1 / (ratio * y * y), 1.0)
        psi = psi + ((p - 1) / square)[..., None, None] * outer(self.delta)
        return self.delta / y[..., None], psi


def pull(psi: Array, delta: Array) -> tuple[Array, Array]:
    """Psi^-1 Delta (..., K, d), and the square of the lean Delta' Psi^-1 Delta (..., K)."""
    found = np.asarray(np.linalg.solve(psi, delta[..., None])[..., 0], dtype=np.float64)
    return found, (delta * found).sum(axis=-1)


def length_of(skewness: Array) -> Array:
    """|Delta| where x has unit variance and this skewness, (4 - pi)/2 times the cube of E|z| Delta;
    of a skewness between the limits of where EM begins."""
    return np.cbrt(np.clip(skewness, LEAST, LARGEST) * 2 / (4 - np.pi)) / HALF


def above(w: Array) -> Array:
    """w + phi(w)/Phi(w), the mean of a normal N(w, 1) cut off at zero, to its last digits."""
    near = np.maximum(w, -FAR)
    far = np.minimum(w, -FAR)
    square = 1 / (far * far)
    series = 1 - square * (2 - square * (10 - square * (74 - square * 706)))
    return np.where(w > -FAR, near + HALF / erfcx(-near / np.sqrt(2)), -series / far)
