"""What lies between two values: how probable that is, and what it is expected to be.

For each family that can be known only to lie in an interval, a function of its components and of n
intervals gives the log mass of each, and a few points with shares that stand for what lies there:
the expectation of whatever the family sums, given the interval, is that of the points. The density
of x, or of log x, falls ever faster on both sides of one peak; two runs of Gauss-Legendre nodes
from its highest point in the interval, placed ever more widely (by sinh), find mass and moments to
some twelve digits for intervals narrow and wide, and far out in a tail as well as around the mean,
where differences of distribution functions would cancel. Those of a Poisson are such masses.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from emcli.families.quadratic import LOG_2PI
from emcli.numerics import Array, Mask, stirling

# Of each of the two runs.
NODES, SHARES = np.polynomial.legendre.leggauss(32)
NODES, SHARES = (1 + NODES) / 2, SHARES / 2
# What lies so many nats under the highest density of an interval is left out.
DEPTH = 45.0
LEAST = np.finfo(float).tiny
# How often the reach of an open end is doubled at most, and how often an interval is halved.
DOUBLES, HALVES = 1000, 60


class Between(NamedTuple):
    """log_mass: (..., K, n) of each interval in each component; points and shares:
    (..., K, n, m) what stands for it, the shares of an interval adding up to one."""

    log_mass: Array
    points: Array
    shares: Array


class Curve(NamedTuple):
    """Over an interval of a curve with its peak at 0: log mass, highest place, nodes from there."""

    log_mass: Array
    near: Array
    t: Array
    shares: Array

    def mean(self, values: Array) -> Array:
        """The expectation of something at the nodes."""
        return np.asarray((self.shares * values).sum(axis=-1))


def _integrated(
    log_peak: Array,
    near: Array,
    ends: tuple[Array, Array],
    reach: Callable[[float], tuple[Array, Array]],
    drop: Callable[[Array], Array],
) -> Curve:
    """The integral of exp(log_peak - drop(t)) for t between the ends, of which 0 is one or within.

    reach: how far to the left and to the right there is a drop of so much, or somewhat farther.
    """
    t, mass = [], []
    for sign, end, unit, far in zip((-1, 1), ends, reach(1.0), reach(DEPTH), strict=True):
        width = np.arcsinh(np.minimum(sign * end, far) / unit)[..., None]
        v, unit = width * NODES, unit[..., None]
        t.append(sign * unit * np.sinh(v))
        mass.append(SHARES * width * unit * np.cosh(v) * np.exp(-drop(t[-1])))
    shares = np.concatenate(mass, axis=-1)
    total = shares.sum(axis=-1)
    log_mass = log_peak + np.log(np.maximum(total, LEAST))
    return Curve(log_mass, near, np.concatenate(t, axis=-1), shares / total[..., None])


def _ends(low: Array, high: Array, width: Array) -> tuple[Array, tuple[Array, Array]]:
    """Where in an interval the peak at 0 is nearest, and its ends from there.

    width: high - low, known better than these where the interval is narrow.
    """
    near = np.clip(0.0, low, high)
    left = np.where(near == high, -width, low - near)
    return near, (left, np.where(near == low, width, high - near))


def normal(low: Array, high: Array, width: Array) -> Curve:
    """The standard normal."""
    near, ends = _ends(low, high, width)
    away = np.abs(near)

    def reach(fall: float) -> tuple[Array, Array]:
        found = 2 * fall / (away + np.sqrt(near * near + 2 * fall))
        return found, found

    def drop(t: Array) -> Array:
        return t * (near[..., None] + t / 2)

    return _integrated(-0.5 * (near * near + LOG_2PI), near, ends, reach, drop)


def log_gamma(shape: Array, low: Array, high: Array, width: Array) -> Curve:
    """z = log(x / (a s)) of a gamma with shape a and scale s, of density exp(a (z + 1 - exp z)) up
    to a factor; with a = 1 minus a Gumbel's."""
    near, ends = _ends(low, high, width)
    q = np.exp(near)
    flat, steep = np.maximum(1 - q, 0.0), np.maximum(q - 1, 0.0)

    def reach(fall: float) -> tuple[Array, Array]:
        f = fall / shape
        left = (f - 2 * flat + np.sqrt(np.square(f - 2 * flat) + 8 * f)) / 2
        right = 2 * f / (steep + np.sqrt(steep * steep + 2 * q * f))
        return np.maximum(left, LEAST), np.minimum(right, np.log(2) + np.log1p(f / q))

    def drop(t: Array) -> Array:
        return shape[..., None] * (q[..., None] * np.expm1(t) - t)

    log_peak = -shape * (np.expm1(near) - near) - stirling(shape)[0]
    return _integrated(log_peak, near, ends, reach, drop)


# Each family's


def _gaussian(family: Any, lower: Array, upper: Array) -> Between:
    sd = np.sqrt(family.variances)
    low, high = ((x - family.mean) / sd for x in (lower, upper))
    return _as_normal(normal(low, high, (upper - lower) / sd), family.mean, sd)


def _lognormal(family: Any, lower: Array, upper: Array) -> Between:
    low, high, width = _logs(lower, upper)
    mu, sd = family.mu, family.sigma
    found = _as_normal(normal((low - mu) / sd, (high - mu) / sd, width / sd), mu, sd)
    return found._replace(points=np.exp(found.points))


def _as_normal(found: Curve, mean: Array, sd: Array) -> Between:
    """Two points with the interval's mean and variance."""
    middle = found.mean(found.t)
    away = np.sqrt(found.mean(np.square(found.t - middle[..., None])))
    points = mean[..., None] + sd[..., None] * np.stack(
        [found.near + middle - away, found.near + middle + away], axis=-1
    )
    return Between(found.log_mass, points, np.full(points.shape, 0.5))


def _gamma(family: Any, lower: Array, upper: Array) -> Between:
    """Two points with the interval's mean, and mean of the logarithm."""
    low, high, width = _logs(lower, upper)
    middle = np.log(family.shape) + np.log(family.scale)
    shape = np.broadcast_to(family.shape, (*middle.shape[:-1], len(lower)))
    found = log_gamma(shape, low - middle, high - middle, width)
    rise, log = found.mean(np.expm1(found.t)), found.mean(found.t)
    square = np.exp(2 * (log - np.log1p(rise)))  # of the geometric over the arithmetic mean
    e = np.sqrt(np.maximum(1 - square, 0.0))
    mean = np.exp(found.near + middle) * (1 + rise)
    points = mean[..., None] * np.stack([1 + e, square / (1 + e)], axis=-1)
    return Between(found.log_mass, points, np.full(points.shape, 0.5))


def _exponential(family: Any, lower: Array, upper: Array) -> Between:
    """One point, the mean."""
    low, high, width = _logs(lower, upper)
    middle = -np.log(family.rate)
    one = np.ones((*middle.shape[:-1], len(lower)))
    found = log_gamma(one, low - middle, high - middle, width)
    mean = np.exp(found.near + middle) * (1 + found.mean(np.expm1(found.t)))
    return Between(found.log_mass, mean[..., None], one[..., None])


def _weibull(family: Any, lower: Array, upper: Array) -> Between:
    """All nodes: what it sums is no fixed function of x."""
    low, high, width = _logs(lower, upper)
    shape, middle = family.shape, np.log(family.scale)
    one = np.ones((*middle.shape[:-1], len(lower)))
    found = log_gamma(one, shape * (low - middle), shape * (high - middle), shape * width)
    z = found.near[..., None] + found.t
    points = family.scale[..., None] * np.exp(z / shape[..., None])
    return Between(found.log_mass, points, found.shares)


def _logs(lower: Array, upper: Array) -> tuple[Array, Array, Array]:
    """Logarithms of positive limits, and of their ratio; minus infinity where there is no limit."""
    with np.errstate(divide="ignore"):
        low, high = np.log(np.maximum(lower, 0.0)), np.log(upper)
        width = np.log1p((upper - lower) / np.maximum(lower, 0.0))
    return low, high, width


def _poisson(family: Any, lower: Array, upper: Array) -> Between:
    """One point, the mean: lambda P(l <= X + 1 <= u) / P(l <= X <= u)."""
    rate = np.maximum(family.rate, LEAST)
    low, high = np.maximum(np.ceil(lower), 0.0), np.floor(upper)
    mass = _poisson_mass(rate, low, high)
    mean = rate * np.exp(_poisson_mass(rate, low - 1, high - 1) - mass)
    return Between(mass, mean[..., None], np.ones((*mean.shape, 1)))


def _poisson_mass(rate: Array, low: Array, high: Array) -> Array:
    """log P(l <= X <= u): a difference of upper tails where l is above the mean, else of lower.

    P(X >= a) is the probability that a gamma with shape a lies below the rate.
    """
    upper = low > rate

    def tail(a: Array) -> Array:
        within = (a > 0) & (a < np.inf)
        shape = np.where(within, a, 1.0)
        z = np.log(rate) - np.log(shape)
        ends = np.where(upper, -np.inf, z), np.where(upper, z, np.inf)
        found = log_gamma(shape, *ends, np.full(z.shape, np.inf)).log_mass
        return np.where(within, found, np.where((a > 0) == upper, -np.inf, 0.0))

    low, high = np.broadcast_arrays(low, high + 1)
    large, small = tail(np.where(upper, low, high)), tail(np.where(upper, high, low))
    ratio = np.exp(small - np.maximum(large, -1e300))  # both may be minus infinity
    return np.asarray(large + np.log1p(-ratio))


def _uniform(family: Any, lower: Array, upper: Array) -> Between:
    """One point, the mean."""
    low, high = np.maximum(lower, family.lower), np.minimum(upper, family.upper)
    share = np.maximum(high - low, 0.0) / (family.upper - family.lower)
    with np.errstate(divide="ignore"):
        mass = np.log(share)
    return Between(mass, (low / 2 + high / 2)[..., None], np.ones((*mass.shape, 1)))


LAWS: Mapping[str, Callable[[Any, Array, Array], Between]] = {
    "gaussian": _gaussian,
    "lognormal": _lognormal,
    "exponential": _exponential,
    "gamma": _gamma,
    "weibull": _weibull,
    "poisson": _poisson,
    "uniform": _uniform,
}


# What a value in an interval may be


def between_means(family: Any, lower: Array, upper: Array) -> Array:
    """(K, n) what values of each component are expected to be, between these."""
    found = LAWS[family.name](family, lower, upper)
    if family.name != "lognormal":
        return np.asarray((found.shares * found.points).sum(axis=-1))
    # x times its density is exp(mu + sigma^2/2) times a lognormal's of mu + sigma^2.
    square = np.square(family.sigma)
    moved = _lognormal(replace(family, mu=family.mu + square), lower, upper)
    return np.exp(family.mu + square / 2 + moved.log_mass - found.log_mass)


def quantiles(family: Any, lower: Array, upper: Array, share: Array) -> Array:
    """(n,) values of the one component under which lie these shares of what is between.

    Found by bisection, between the sides or, where there is none, as far out as need be.
    """
    law = LAWS[family.name]
    log_mass, points, _ = law(family, lower, upper)
    wanted = np.log(share) + log_mass[0]

    def below(x: Array) -> Mask:
        mass = law(family, lower, np.maximum(x, lower)).log_mass[0]
        return np.asarray((x < lower) | (mass < wanted))

    first = np.maximum(lower, -np.inf if family.inside(np.array([-1.0]))[0] else 0.0)
    middle = points[0].mean(axis=-1)
    reach = np.maximum(np.ptp(points[0], axis=-1), np.abs(middle) * 1e-6 + LEAST)
    ends = [np.where(np.isinf(end), middle, end) for end in (first, upper)]
    for _ in range(DOUBLES):
        left, right = np.isinf(first) & ~below(ends[0]), np.isinf(upper) & below(ends[1])
        if not (left | right).any():
            break
        ends[0][left] -= reach[left]
        ends[1][right] += reach[right]
        reach *= 2
    low, high = ends[0] - (not family.continuous), ends[1]
    for _ in range(HALVES):
        half = low + (high - low) / 2
        less = below(half)
        low, high = np.where(less, half, low), np.where(less, high, half)
    return high if family.continuous else np.floor(low) + 1
