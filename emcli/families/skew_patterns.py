"""Skew normals of rows with missing cells, by pattern of what is there (see `patterns`).

Before |z| is cut off at zero, z and the missing part of a row are jointly normal, given the rest:
z has the mean m = s eta'y, y being the row completed as if it were normal (less the location), and
the variance v = s^2 (1 + eta_m' C eta_m); the missing part has the covariance s C eta_m with it. So
it follows |z| by its slope g = C eta_m / (s (1 + eta_m' C eta_m)), and keeps the covariance
C - C eta_m eta_m' C / (1 + eta_m' C eta_m).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from emcli.families.block import Block
from emcli.families.full import Incomplete
from emcli.families.patterns import Alike, spread_over
from emcli.numerics import Array, triangle


class Leaning(NamedTuple):
    """How one component sees a block.

    y: (d, n) deviations from the location, completed; w, sd: (n,) the mean of z over its standard
    deviation, and that; g: (d, n) slopes on |z|, zero where a cell is there; left: (P, m, m) for
    each group of rows, the covariance that is left.
    """

    y: Array
    w: Array
    sd: Array
    g: Array
    left: list[Array]


def leanings(
    normal: Incomplete, slope: Array, s: Array, block: Block
) -> tuple[list[Alike], list[Leaning]]:
    """Of each component of the stack in order, slope (..., K, d) and s (..., K) being its own."""
    seen, d = normal.completions(block), slope.shape[-1]
    each = zip(seen.each, slope.reshape(-1, d), s.ravel().tolist(), strict=True)
    return seen.groups, [_leaning(y, spare, seen.groups, eta, own) for (y, spare), eta, own in each]


def _leaning(
    y: Array, spare: list[tuple[Array, Array]], groups: list[Alike], slope: Array, s: float
) -> Leaning:
    wide, g, left = np.ones(y.shape[1]), np.zeros_like(y), []
    for group, (covariance, _) in zip(groups, spare, strict=True):
        eta = slope[group.patterns]
        pull = np.einsum("pij,pj->pi", covariance, eta)
        more = 1 + (pull * eta).sum(axis=-1)
        wide[group.rows] = more[group.of]
        own = pull / (s * more[:, None])
        g[group.missing, group.rows[:, None]] = own[group.of]
        left.append(covariance - pull[:, :, None] * pull[:, None, :] / more[:, None, None])
    return Leaning(y, slope @ y / np.sqrt(wide), s * np.sqrt(wide), g, left)


def sums(
    normal: Incomplete, groups: list[Alike], each: list[Leaning], r: Array, half: Array,
    square: Array, found: Array,
) -> tuple[Array, Array]:
    """The normal's sums of r, and those of r |z| times the deviations (..., K, d).

    half, square: (..., K, n) the expected |z| and z^2; found: the normal's sums as if it were one,
    which are written over.
    """
    d = len(normal.columns)
    i, j = triangle(d)
    across = np.empty((*r.shape[:-1], d))
    flat, over = found.reshape(-1, found.shape[-1]), across.reshape(-1, d)
    rows = (x.reshape(-1, x.shape[-1]) for x in (r, half, square))
    for k, (own, share, one, two) in enumerate(zip(each, *rows, strict=True)):
        mean = own.sd * own.w
        x = own.y + own.g * (one - mean)
        flat[k, :d] = x @ share
        over[k] = (own.y * one + own.g * (two - mean * one)) @ share
        spread = (x * share) @ x.T + (own.g * (share * (two - one * one))) @ own.g.T
        spread += spread_over(groups, own.left, share, d)
        flat[k, d : normal.width] = spread[i, j]
    return found, across
