"""The M step of factor analysis: loadings in closed form, uniquenesses by Newton's method.

It maximises -1/2 [ log|Sigma| + tr(Sigma^-1 S) ] with Sigma = Lambda Lambda' + Psi, Psi diagonal.
At any Psi the best loadings are Psi^1/2 u (theta - 1)^1/2, theta being the q largest eigenvalues
of A = Psi^-1/2 S Psi^-1/2, as far as they are above one, and u their eigenvectors (Lawley 1940).
What is left is a function of the d uniquenesses, whose derivatives are known (Clarke 1970), so
that Newton's method takes five rounds where EM (Rubin & Thayer 1982) takes hundreds. It climbs
from the current values to the maximum they lie under, so that no M step lowers Q.

C = Psi^1/2 (S + Psi)^-1 Psi^1/2 has the eigenvectors of A and the eigenvalues 1 / (1 + theta). It
is used in A's place: all of it is bounded, be a uniqueness nought or S singular. S is a matrix of
correlations, (B, d, d), so that uniquenesses, (B, d), are shares of their columns' variances.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from emcli.numerics import Array, Mask

# A uniqueness that runs to nought (Heywood 1931) is left here: there is nothing to gain beyond.
LEAST = 1e-12
# They move by t = log(psi + BEND): as a logarithm well above it, below on a straight scale, so that
# nought can be reached and left in a step. No t moves by more than REACH, and what nought is NEAR
# to, and beyond in a step, goes there at once.
BEND, REACH, NEAR = 0.05, 2.0, 0.1
# Newton's rounds and the gain per row at which they end; the shortest step, in parts of Newton's,
# that is tried in place of one that leads uphill.
ROUNDS, ENOUGH, SHORTEST = 200, 1e-12, 1e-3
# A covariance matrix of which a pivot is this share of its diagonal entry is singular.
SINGULAR = 100 * LEAST
# There can be several maxima. Measured over 900 matrices: from one start one in twenty ends in a
# lesser one, of twelve none.
TRIES = 12


class Profile(NamedTuple):
    """What is minimised, log|Sigma| + tr(Sigma^-1 S), at the best loadings: value (B,).

    theta, axes: eigenvalues (B, d), largest first, and eigenvectors of A; taken: (B, d) ones for
    those that are factors, else nought.
    """

    value: Array
    theta: Array
    axes: Array
    taken: Array


def loadings(s: Array, psi: Array | None, q: int) -> tuple[Array, Array]:
    """The loadings (B, d, q) and uniquenesses of the maximum that lies uphill of psi.

    Without psi, of one that is likely to be the highest.
    """
    psi, found = _minimum(s, begun(s, q) if psi is None else psi, q)
    root = np.sqrt(psi)[:, :, None]
    # Where uniquenesses are near nought theta is huge, and C knows it badly, but well the space of
    # the factors' axes: A within it, less one, whose size is taken out lest it swamp the others.
    axes = found.axes[:, :, :q] * found.taken[:, None, :q]
    inner = (axes / root).swapaxes(-2, -1) @ s @ (axes / root)
    inner -= found.taken[:, :q, None] * np.eye(q)
    size = np.sqrt(np.maximum(np.einsum("bii->bi", inner), np.finfo(float).tiny))
    values, turns = np.linalg.eigh(inner / size[:, :, None] / size[:, None, :])
    half = size[:, :, None] * turns * np.sqrt(np.maximum(values, 0.0))[:, None, :]
    return canonical(root * (axes @ half), psi), psi


def canonical(loadings: Array, psi: Array) -> Array:
    """Loadings (..., d, q) turned so that Lambda' Psi^-1 Lambda is diagonal and decreasing.

    Of each factor the first loading that is not nought is above it.
    """
    _, _, axes = np.linalg.svd(loadings / np.sqrt(psi)[..., None], full_matrices=False)
    turned = loadings @ axes.swapaxes(-2, -1)
    first = np.expand_dims((turned != 0).argmax(axis=-2), -2)
    found: Array = turned * np.where(np.take_along_axis(turned, first, axis=-2) < 0, -1.0, 1.0)
    return found


def begun(s: Array, q: int) -> Array:
    """Uniquenesses to start from: Joreskog's (1967), with a little ridge, as S may be singular.

    A matrix that stands alone is that of the only component: no other start will make up for it.
    """
    d = s.shape[-1]
    inverse = np.linalg.inv(s + 0.01 * np.eye(d))
    psi: Array = (1 - q / (2 * d)) / np.einsum("bii->bi", inverse)
    if len(s) > 1:
        return psi
    psi = np.vstack([psi, np.random.default_rng(0).random((TRIES - 1, d))])
    psi, found = _minimum(np.repeat(s, TRIES, axis=0), psi, q)
    first = (found.value < found.value.min() + 1e-9).argmax()
    return psi[[first]]


def bare(loadings: Array, psi: Array) -> Mask:
    """(B, d) which columns have nothing of their own, given those before them."""
    sigma = loadings @ loadings.swapaxes(-2, -1) + psi[:, :, None] * np.eye(psi.shape[-1])
    pivots = np.einsum("bii->bi", np.linalg.cholesky(sigma)) ** 2
    found: Mask = pivots < SINGULAR * np.einsum("bii->bi", sigma)
    return found


def _minimum(s: Array, psi: Array, q: int) -> tuple[Array, Profile]:
    """Newton's rounds; a step that leads uphill is tried again at half its length."""
    psi = np.maximum(psi, LEAST)
    found = profile(s, psi, q)
    live, length = np.arange(len(s)), np.ones(len(s))
    for _ in range(ROUNDS):
        here = Profile(*(a[live] for a in found))
        step, gain = newton(psi[live], here)
        there = np.maximum((psi[live] + BEND) * np.exp(length[:, None] * step) - BEND, LEAST)
        after = profile(s[live], there, q)
        good = after.value <= here.value + ENOUGH
        psi[live[good]] = there[good]
        for whole, part in zip(found, after, strict=True):
            whole[live[good]] = part[good]
        length = np.where(good, 1.0, length / 2)
        more = (gain > ENOUGH) & (length > SHORTEST)
        live, length = live[more], length[more]
        if not len(live):
            break
    return psi, found


def profile(s: Array, psi: Array, q: int) -> Profile:
    """The profile at these uniquenesses.

    Of C's eigenvalues c, log|Psi| is log|S + Psi| + sum log c, and log theta is log(1 - c) - log c.
    """
    d = s.shape[-1]
    root, total = np.sqrt(psi), s + psi[:, :, None] * np.eye(d)
    c, axes = np.linalg.eigh(root[:, :, None] * np.linalg.inv(total) * root[:, None, :])
    c = np.clip(c, np.finfo(float).tiny, 1.0)
    theta = 1 / c - 1
    taken = (np.arange(d) < q) & (theta > 1)
    each = np.where(taken, np.log1p(-np.where(taken, c, 0.0)) + 1, np.log(c) + theta)
    value = np.linalg.slogdet(total)[1] + each.sum(axis=-1)
    return Profile(value, theta, axes, taken.astype(float))


def newton(psi: Array, here: Profile) -> tuple[Array, Array]:
    """Newton's step (B, d) in t, and how far down (B,) it promises to lead.

    With v = Psi^-1/2 u and sums over the axes m that are no factors and the factors l, the slope
    in psi is sum_m (1 - theta_m) v_m^2 and the bend

        (2 T - G) * G + sum_lm 2 theta_m (1 - theta_m) / (theta_l - theta_m) (v_l v_m) (v_l v_m)',

    products elementwise, G = sum_m v_m v_m' and T = sum_m theta_m v_m v_m'.
    """
    v, rest = here.axes / np.sqrt(psi)[:, :, None], 1 - here.taken
    theta = here.theta * rest
    slope = np.einsum("bim,bm->bi", v * v, (1 - theta) * rest)

    def summed(weights: Array) -> Array:
        found: Array = (v * weights[:, None, :]) @ v.swapaxes(-2, -1)
        return found

    left = summed(rest)
    bend = (2 * summed(theta) - left) * left
    for j in range(int(here.taken.sum(axis=-1).max())):
        apart = np.maximum(here.theta[:, j, None] - theta, 1e-8)
        weights = 2 * theta * (1 - theta) / apart * here.taken[:, j, None]
        bend += v[:, :, None, j] * v[:, None, :, j] * summed(weights)
    # From psi to t, of which the slope's second derivative is the slope.
    scale = psi + BEND
    slope = slope * scale
    bend *= scale[:, :, None] * scale[:, None, :]
    bend += slope[:, :, None] * np.eye(psi.shape[-1])
    return _bounded(bend, slope, np.log((LEAST + BEND) / scale))


def _bounded(bend: Array, slope: Array, low: Array) -> tuple[Array, Array]:
    """The step (B, d) down a quadratic, nowhere below `low`, and the fall it promises (B,).

    Those near their end that would pass it go there; or up, as if alone, where that is downhill.
    The whole step ends where another meets its end.
    """
    ended = np.zeros(low.shape, dtype=bool)
    steep = np.maximum(np.abs(np.einsum("bii->bi", bend)), np.finfo(float).tiny)
    alone = np.where(slope > 0, low, np.minimum(-slope / steep, REACH))
    while True:
        away = np.where(ended, alone, 0.0)
        rest = np.where(ended, 0.0, slope + np.einsum("bij,bj->bi", bend, away))
        fixed = ended[:, :, None] | ended[:, None, :]
        step = away - _solved(np.where(fixed, np.eye(low.shape[-1]), bend), rest)
        passing = (low > -NEAR) & (step < low) & ~ended
        if not passing.any():
            break
        ended |= passing
    fall = -np.where(ended, slope * away, rest * step).sum(axis=-1) / 2
    far = np.where(ended, 0.0, np.maximum(np.abs(step) / REACH, step / np.minimum(low, -NEAR)))
    return step / np.maximum(far.max(axis=-1, keepdims=True), 1.0), fall


def _solved(bend: Array, slope: Array) -> Array:
    """bend^-1 slope, the curvature of each axis taken as positive where it is not."""
    try:
        np.linalg.cholesky(bend)  # a sixth of the time of its axes
        found: Array = np.asarray(np.linalg.solve(bend, slope[:, :, None]), float)[:, :, 0]
        return found
    except np.linalg.LinAlgError:
        values, axes = np.linalg.eigh(bend)
        steep = np.maximum(np.abs(values), 1e-8 * np.abs(values).max(axis=-1, keepdims=True))
        return np.einsum("bij,bj->bi", axes, np.einsum("bij,bi->bj", axes, slope) / steep)
