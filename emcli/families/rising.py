"""What the negative binomial's log mass is made of, without digits lost in large counts or sizes.

R(a) = sum_{i<x} log(1 + i a) is log Gamma(x + s) / (Gamma(s) s^x) for a size s = 1/a. Small counts
look it up in a table of sums; beyond, the sum of Euler and Maclaurin goes on, and log masses are
deviances (Loader 2000).
"""

from __future__ import annotations

import numpy as np

from emcli.numerics import Array, log_factorial, safe_log, stirling, stirling_tail

# Sums over i < x are looked up to an x of this or, of many rows, of that.
_TABLE = 256, 4096
# In place of an infinite size, where it is divided by.
_INFINITE = 1e300
# Of the curve of log(1 + z) and its slope where z is small: powers from 7 down.
_POWERS = np.arange(7.0, -1.0, -1.0)
_SERIES = (
    -((-1.0) ** _POWERS) / (_POWERS + 2), (-1.0) ** _POWERS * (_POWERS + 1) / (_POWERS + 3)
)


def log_mass(x: Array, mean: Array, size: Array) -> Array:
    """(..., K, n) of counts x (n,), mean and size (..., K)."""
    mean, size = mean[..., None], np.minimum(size, _INFINITE)[..., None]
    excess = mean / size
    top = _top(x)
    i = np.arange(top + 1.0)
    table = np.zeros((*mean.shape[:-1], top + 1))
    np.log1p(i[:-1] / size).cumsum(axis=-1, out=table[..., 1:])
    table += (safe_log(mean) - np.log1p(excess)) * i - mean * ratio(excess) - log_factorial(i)
    found: Array = np.take(table, np.minimum(x, top).astype(np.intp), axis=-1)
    far = x > top
    if far.any():
        found[..., far] = _log_mass_far(x[far], mean, size)
    return found


def _top(x: Array) -> int:
    """The largest count that is looked up in a table no longer than there are counts."""
    return int(min(x.max(initial=0.0), max(_TABLE[0], min(len(x), _TABLE[1]))))


def _log_mass_far(x: Array, mean: Array, size: Array) -> Array:
    """Of x above 256; x log x, in which digits would be lost, cancels beforehand."""
    excess, log = mean / size, np.log(x)
    away = (x - mean) / (1 + excess)
    one, two = away / size, -away / x
    level = np.log1p(x / size) - np.log1p(excess)  # the logarithm of 1 + one
    found = one * curve(one, level) - two * curve(two, level + safe_log(mean) - log)
    found *= away
    found += stirling_tail(x + size) - 0.5 * np.log1p(size / x)
    found -= stirling(size)[0]
    found -= stirling_tail(x) + log
    return found


def rising(x: Array, unit: Array, at: Array) -> Array:
    """(3, ..., K, n) of counts x (n,) R - log x!, R's slope and minus its bend in unit/size.

    R = sum_{i<x} log(1 + i a), a = 1/size. unit and at, unit/size: (..., K).
    """
    unit, at = unit[..., None], at[..., None]
    top = _top(x)
    y = np.arange(top) / unit
    slope = y / (1 + y * at)
    table = np.zeros((3, *slope.shape[:-1], top + 1))
    np.array([np.log1p(y * at), slope, slope * slope]).cumsum(axis=-1, out=table[..., 1:])
    table[0] -= log_factorial(np.arange(top + 1.0))
    found: Array = np.take(table, np.minimum(x, top).astype(np.intp), axis=-1)
    far = x > top
    if far.any():
        ends = _primitive(np.append(x[far], top), unit, at)
        ends[0] -= log_factorial(np.append(x[far], top))
        found[..., far] += ends[..., :-1] - ends[..., -1:]
    return found


def _primitive(x: Array, unit: Array, at: Array) -> Array:
    """Of sums over i < x of these steps at y = i / unit, what depends on the end x.

    By Euler and Maclaurin: the integral, half a step, and derivatives of the first and third order;
    what is left out is below 1e-15 from x = 256 on.
    """
    a = at / unit
    y, c = x / unit, 1 / (1 + a * x)
    z = y * at
    log, slope = np.log1p(z), y * c
    whole = [x * (log + ratio(z) - 1), -x * y * curve(z), x * y * y * curve_slope(z)]
    first = [a * c, c * c / unit, 2 * slope * c * c / unit]
    third = [
        2 * (a * c) ** 3, 6 * (a * c * c) ** 2 / unit, 12 * a * c**4 * (2 * z * c - 1) / unit**2
    ]
    half = [log, slope, slope * slope]
    return np.array([
        i - h / 2 + f / 12 - t / 720
        for i, h, f, t in zip(whole, half, first, third, strict=True)
    ])


def ratio(z: Array) -> Array:
    """log(1 + z) / z."""
    return np.where(z > 0, np.log1p(z) / np.where(z > 0, z, 1.0), 1.0)


def curve(z: Array, log: Array | None = None) -> Array:
    """(log(1 + z) - z) / z^2 = - int_0^1 t / (1 + z t) dt, rising to 0; by its series near 0.

    log: log(1 + z) as it is known where z is not small.
    """
    small = np.abs(z) < 0.01
    x = np.where(small, 1.0, z)
    if log is None:
        log = np.log1p(x)
    else:
        log = np.where(np.abs(x) < 0.5, np.log1p(np.maximum(x, -0.5)), log)
    found: Array = (log / x - 1) / x
    if small.any():
        found[small] = np.polyval(_SERIES[0], z[small])
    return found


def curve_slope(z: Array) -> Array:
    """Its slope, int_0^1 t^2 / (1 + z t)^2 dt, from 0 on."""
    small = z < 0.01
    x = np.where(small, 1.0, z)
    found: Array = (2 * (x - np.log1p(x)) / x - x / (1 + x)) / x / x
    if small.any():
        found[small] = np.polyval(_SERIES[1], z[small])
    return found
