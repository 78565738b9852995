"""Fifty digits, from the very same double-precision numbers: what densities and sums should be.

Arrays are of `decimal.Decimal`, which is the same everywhere (extended precision is not), and NumPy
does their arithmetic; in tests that are marked `exactly` it keeps so many digits.
"""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest

exactly = pytest.mark.usefixtures("fifty_digits")
PI = Decimal("3.14159265358979323846264338327950288419716939937510")

exact = np.vectorize(Decimal, otypes=[object])  # doubles as they are
log = np.vectorize(Decimal.ln, otypes=[object])


def between(found, wanted):
    """|found - wanted| of doubles and exact numbers, as doubles."""
    return np.abs(exact(found) - wanted).astype(float)


def cholesky(matrix):
    """The lower factor, which LAPACK does not take of such numbers."""
    root = np.zeros_like(matrix)
    for j in range(len(matrix)):
        root[j, j] = (matrix[j, j] - root[j, :j] @ root[j, :j]).sqrt()
        for i in range(j + 1, len(matrix)):
            root[i, j] = (matrix[i, j] - root[i, :j] @ root[j, :j]) / root[j, j]
    return root


def normal_log_density(means, covariances, values):
    """(K, n) exact, of doubles (K, d), (K, d, d) and (d, n)."""
    found = []
    for mean, root in zip(exact(means), map(cholesky, exact(covariances)), strict=True):
        z = exact(values) - mean[:, None]
        y = np.zeros_like(z)
        for i in range(len(z)):
            y[i] = (z[i] - root[i, :i] @ y[:i]) / root[i, i]
        constant = 2 * log(np.diag(root)).sum() + len(z) * (2 * PI).ln()
        found.append(-((y * y).sum(axis=0) + constant) / 2)
    return np.array(found)


def moments(values, r):
    """Means (K, d) and covariances (K, d, d), exact, of doubles (d, n) and (K, n)."""
    x, r = exact(values), exact(r)
    n = r.sum(axis=1)
    mean = (r @ x.T) / n[:, None]
    z = x - mean[:, :, None]
    return mean, (r[:, None] * z) @ z.swapaxes(1, 2) / n[:, None, None]
