"""The missing part of rows of skew normals, given the rest (see `skew_patterns`).

Given |z| it is a normal; |z|, given what is there, is one that is cut off at zero.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import log_ndtr, ndtri_exp

from emcli.families.block import Block
from emcli.families.conditional import noise
from emcli.families.full import Incomplete
from emcli.families.patterns import Alike
from emcli.families.skew_patterns import Leaning, leanings
from emcli.families.skew_regression import above
from emcli.numerics import Array, Codes


def expectation(family: Any, block: Block, r: Array) -> list[Array]:
    """`Completing.expectation` of a skew normal."""
    found = np.zeros(block.values.shape)
    _, each = _leanings(family, block)
    for location, one, share in zip(family.normal.mean, each, r, strict=True):
        half = one.sd * above(one.w)
        found += share * _given_half(location, one, half)
    return [row[None] for row in found]


def completed(family: Any, rng: np.random.Generator, colours: Codes, block: Block) -> Array:
    """`Completing.completed` of a skew normal."""
    found = block.values.copy()
    for k in range(family.k):
        rows = np.flatnonzero(colours == k)
        own = found[:, rows]
        groups, (one,) = _leanings(family.select([k]), Block(own))
        # |z| by the inverse of its distribution function, from above, where w may be far below 0.
        half = one.sd * (one.w - ndtri_exp(np.log1p(-rng.random(len(rows))) + log_ndtr(one.w)))
        drawn = _given_half(family.normal.mean[k], one, half)
        drawn += noise(rng, drawn.shape, groups, one.left)
        found[:, rows] = np.where(np.isnan(own), drawn, own)
    return found


def _leanings(family: Any, block: Block) -> tuple[list[Alike], list[Leaning]]:
    """How the components see the block, whatever cells of it are missing."""
    normal = Incomplete.of(family.normal, tuple(range(len(family.columns))))
    return leanings(normal, family.slope, family.s, block)


def _given_half(location: Array, one: Leaning, half: Array) -> Array:
    """(d, n) the rows as they are expected to be, |z| being known."""
    return location[:, None] + one.y + one.g * (half - one.sd * one.w)
