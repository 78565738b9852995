"""Normalising constants on the sphere: what Bessel functions are needed for, at any size.

With nu = d/2 - 1 let F(kappa) = Gamma(nu + 1) (2 / kappa)^nu I_nu(kappa), the mean of
exp(kappa u_1) over unit vectors u in d dimensions. A density exp(kappa <mu, x>) / F on the sphere
has the mean resultant length A = F'/F = I_{nu+1} / I_nu. With w = sqrt(nu^2 + kappa^2) below `NEAR`
the series of F in kappa is summed, all its terms positive; from there on Debye's expansion is used,
which is uniform in nu and kappa (Abramowitz & Stegun 1965, 9.7.7) and gives log F - kappa and 1 - A
without cancellation, however large kappa is.
"""

from __future__ import annotations

from functools import cache
from math import lgamma, log, pi

import numpy as np

from emcli.numerics import Array

# Components more concentrated than this are evaluated and summed about their mean directions.
SHARP = 1e5
NEAR = 64.0
# At w = 64 the terms left out of the series and of the expansion are below 1e-16.
_SERIES, _DEBYE = 160, 10
# Newton steps for the concentration, and the relative change they stop at.
_STEPS, _ENOUGH = 30, 1e-12


def log_area(d: int) -> float:
    """The logarithm of the surface of the unit sphere in d dimensions."""
    return log(2) + d / 2 * log(pi) - lgamma(d / 2)


def log_mean(kappa: Array, d: int) -> Array:
    """log F(kappa) - kappa: minus the logarithm of the density's height over the even one's."""
    return _at(kappa, d)[0]


def lack(kappa: Array, d: int) -> Array:
    """1 - A: how much shorter than one the mean of the unit vectors is."""
    return _at(kappa, d)[1]


def bend(kappa: Array, d: int) -> Array:
    """A', roughly (to 2 % at the worst)."""
    return _at(kappa, d)[2]


def concentration(lacking: Array, d: int) -> Array:
    """The kappa at which 1 - A is this, above 0; nought where it is one or more.

    Newton's method for log kappa on log A / (1 - A), which is nearly straight: it grows like
    kappa / d, then like 2 kappa / (d - 1).
    """
    wanted = np.minimum(lacking, 1.0)
    length = 1 - wanted
    goal = np.where(length > 0, length, 1.0) / wanted
    kappa = np.where(length > 0, goal * (d - length * length) / (1 + length), 0.0)
    for _ in range(_STEPS):
        _, short, slope = _at(kappa, d)
        long = np.where(kappa > 0, 1 - short, 1.0)
        growth = np.where(kappa > 0, kappa * slope / (long * short), 1.0)
        factor = np.where(kappa > 0, goal * short / long, 1.0) ** (1 / growth)
        kappa = kappa * factor
        if (np.abs(factor - 1) <= _ENOUGH).all():
            break
    return kappa


def _at(kappa: Array, d: int) -> tuple[Array, Array, Array]:
    """log F - kappa, 1 - A and A'."""
    near = np.hypot(d / 2 - 1, kappa) < NEAR
    small = _by_series(np.where(near, kappa, 0.0), d) if near.any() else None
    if small is not None and near.all():
        return small
    large = _by_debye(np.where(near, NEAR, kappa), d)
    if small is None:
        return large
    log_f, short, slope = (np.where(near, *both) for both in zip(small, large, strict=True))
    return log_f, short, slope


def _by_series(kappa: Array, d: int) -> tuple[Array, Array, Array]:
    """From F = sum_m (kappa^2 / 4)^m / (m! (d/2)_m); A / kappa is F of d + 2 over d F of d."""
    m = np.arange(1.0, _SERIES)
    square = (kappa * kappa / 4)[..., None]
    one, two = (
        1 + np.cumprod(square / (m * (m + order - 1)), axis=-1).sum(axis=-1)
        for order in (d / 2, d / 2 + 1)
    )
    share = two / (d * one)
    return np.log(one) - kappa, 1 - kappa * share, 1 - (kappa * share) ** 2 - (d - 1) * share


def _by_debye(kappa: Array, d: int) -> tuple[Array, Array, Array]:
    nu = d / 2 - 1
    w = np.hypot(nu, kappa)
    p = 1 / w
    rest, slope = (np.polyval(c, p) for c in _polynomials(d))  # in p; d p / d kappa is -kappa p^3
    over = nu * nu / (w + kappa)  # w - kappa
    log_f = lgamma(nu + 1) + nu * log(2) + over - nu * np.log(nu + w) + 0.5 * np.log(p / (2 * pi))
    # Differentiated, w - nu log(nu + w) is kappa / (nu + w).
    short = (nu + over) / (nu + w) + kappa * p * p / 2 + kappa * p**3 * slope / rest
    curved = nu * p / (nu + w) + (kappa - nu) * p * (kappa + nu) * p * p * p / 2
    return log_f + np.log(rest), short, curved


@cache
def _polynomials(d: int) -> tuple[Array, Array]:
    """sum_k u_k(t) / nu^k as a polynomial in p = t / nu, and its derivative; highest power first.

    u_0 = 1, u_{k+1}(t) = t^2 (1 - t^2) u_k'(t) / 2 + int_0^t (1 - 5 s^2) u_k(s) ds / 8 (A & S
    9.3.10). u_k has the powers t^k, t^(k+2), ..., t^3k.
    """
    nu, size = d / 2 - 1, 3 * _DEBYE + 1
    power = np.arange(size)
    u, total = np.zeros(size), np.zeros(size)
    u[0] = total[0] = 1.0
    for k in range(1, _DEBYE + 1):
        # t^i becomes (i/2 + 1/(8 (i+1))) t^(i+1) - (i/2 + 5/(8 (i+3))) t^(i+3).
        u, before = np.zeros(size), u
        u[1:] += ((power / 2 + 1 / (8 * (power + 1))) * before)[:-1]
        u[3:] -= ((power / 2 + 5 / (8 * (power + 3))) * before)[:-3]
        total += u * nu ** (power - k * 1.0) if nu else np.where(power == k, u, 0.0)
    return total[::-1].copy(), (total * power)[:0:-1].copy()
