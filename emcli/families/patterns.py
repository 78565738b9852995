"""Gaussians of rows with missing cells, by pattern of what is there (Little & Rubin 2019, ch. 11).

With the precision P = Sigma^-1 and z = x - mu, the missing part of a row has, given the rest, the
mean C (-P_mo z_o) and the covariance C = P_mm^-1. Completed by that mean, a row has the quadratic
form of what was observed, and log|Sigma_oo| = log|Sigma| + log|P_mm|: so a block is completed once
a component, and all the rest is as it would be without missing cells, plus the sum of r C
(Ghahramani & Jordan 1994). Rows are taken together by the number of their missing cells, matrices
made once a pattern; there is no loop over either.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from emcli.numerics import Array, Codes, Mask

_BITS = 62  # of a pattern's code


class Alike(NamedTuple):
    """Rows with equally many missing cells.

    rows: (n,) their numbers; missing: (n, m) positions of their missing cells; patterns: (P, m)
    those that occur; of: (n,) each row's among them.
    """

    rows: Codes
    missing: Codes
    patterns: Codes
    of: Codes


def alike(values: Array) -> list[Alike]:
    """The rows of a block (d, n) that have missing cells."""
    holes: Mask = np.isnan(values)
    counts = holes.sum(axis=0)
    found = []
    for m in range(1, len(values) + 1):
        rows = np.flatnonzero(counts == m)
        if len(rows):
            missing = np.nonzero(holes[:, rows].T)[1].reshape(-1, m)
            patterns, of = _distinct(missing, len(values))
            found.append(Alike(rows, missing, patterns, of))
    return found


def _distinct(missing: Codes, d: int) -> tuple[Codes, Codes]:
    """The patterns that occur (P, m), and each row's among them (n,)."""
    if d > _BITS:
        patterns, of = np.unique(missing, axis=0, return_inverse=True)
        return patterns, of.ravel()
    codes = (1 << missing.astype(np.int64)).sum(axis=1)
    _, first, of = np.unique(codes, return_index=True, return_inverse=True)
    return missing[first], of


class Completed(NamedTuple):
    """A block as one component completes it.

    z: (d, n) deviations from the mean, the missing ones expected; spare: for each group of rows
    C (P, m, m), and how much the log determinant of the observed part lacks: log|P_mm| (P,).
    """

    z: Array
    spare: list[tuple[Array, Array]]


def completed(values: Array, groups: list[Alike], mean: Array, precision: Array) -> Completed:
    """The block seen by a component with this mean (d,) and precision (d, d)."""
    z = values - mean[:, None]
    z[np.isnan(z)] = 0.0
    pull = precision @ z
    spare: list[tuple[Array, Array]] = []
    for group in groups:
        own = precision[group.patterns[:, :, None], group.patterns[:, None, :]]
        inverse = np.asarray(np.linalg.inv(own), dtype=np.float64)
        wanted = -pull[group.missing, group.rows[:, None]]
        expected = np.einsum("nij,nj->ni", inverse[group.of], wanted)
        z[group.missing, group.rows[:, None]] = expected
        lacking: Array = np.linalg.slogdet(own)[1]
        spare.append((inverse, lacking))
    return Completed(z, spare)


def spread_over(groups: list[Alike], matrices: list[Array], masses: Array, d: int) -> Array:
    """(d, d) sum over the rows of masses (n,) times the matrix (P, m, m) of their missing cells."""
    found = np.zeros((d, d))
    for group, own in zip(groups, matrices, strict=True):
        mass = np.bincount(group.of, masses[group.rows], len(group.patterns))
        cells = group.patterns[:, :, None] * d + group.patterns[:, None, :]
        more = (mass[:, None, None] * own).ravel()
        found += np.bincount(cells.ravel(), more, d * d).reshape(d, d)
    return found
