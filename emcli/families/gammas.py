"""Gamma functions as densities want them: without the digits that cancel at large arguments."""

from __future__ import annotations

import numpy as np
from scipy.special import digamma, gammaln

from emcli.numerics import Array

# From here on Stirling's series are exact to 1e-15 with so many terms.
_LARGE = 10.0
_LOG_GAMMA = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360, 1 / 156)
_DIGAMMA = (1 / 12, -1 / 120, 1 / 252, -1 / 240, 1 / 132, -691 / 32760, 1 / 12)


def log_less_digamma(a: Array) -> Array:
    """log(a) - digamma(a), which is about 1/(2a)."""
    large = np.maximum(a, _LARGE)
    series = 0.5 / large + _series(_DIGAMMA, 1 / (large * large)) / (large * large)
    small = np.minimum(a, _LARGE)
    return np.where(a < _LARGE, np.log(small) - digamma(small), series)


def log_gamma_rise(a: Array, b: Array) -> Array:
    """log(Gamma(a + b) / Gamma(a)) - b log(a), for b of 0 or more: zero where a is infinite."""
    a, b = np.broadcast_arrays(a, b)
    large = np.minimum(np.maximum(a, _LARGE), 1e150)
    more = large + b
    rest = _series(_LOG_GAMMA, 1 / (more * more)) / more
    rest -= _series(_LOG_GAMMA, 1 / (large * large)) / large
    series = (more - 0.5) * np.log1p(b / large) - b + rest
    small = np.minimum(a, _LARGE)
    exact = gammaln(small + b) - gammaln(small) - b * np.log(small)
    return np.where(a < _LARGE, exact, series)


def _series(terms: tuple[float, ...], square: Array) -> Array:
    """Polynomial in 1/x^2, the constant first."""
    found = np.zeros_like(square)
    for term in reversed(terms):
        found = found * square + term
    return found
