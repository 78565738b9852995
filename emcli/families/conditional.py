"""The missing part of rows of normal distributions, given the rest (see `patterns`)."""

from __future__ import annotations

import numpy as np

from emcli.families.patterns import Alike, alike, completed
from emcli.numerics import Array, Codes


def expected(values: Array, means: Array, precisions: Array, r: Array) -> list[Array]:
    """Sums (1, n) of r (K, n) times the rows (d, n) as each component completes them.

    means: (K, d); precisions: (K, d, d).
    """
    groups, found = alike(values), np.zeros(values.shape)
    for mean, precision, share in zip(means, precisions, r, strict=True):
        z, _ = completed(values, groups, mean, precision)
        found += share * (mean[:, None] + z)
    return [row[None] for row in found]


def drawn(
    rng: np.random.Generator, values: Array, colours: Codes, means: Array, precisions: Array,
    df: Array | None = None,
) -> Array:
    """The rows (d, n) with their missing cells drawn from those of their component (n,).

    df: (K,) degrees of freedom, where they are Student's: then the covariance is divided by
    u ~ Gamma((df + q)/2, (df + delta)/2), of the row's q cells and their squared distance delta.
    """
    found = values.copy()
    for k, (mean, precision) in enumerate(zip(means, precisions, strict=True)):
        rows = np.flatnonzero(colours == k)
        own = values[:, rows]
        groups = alike(own)
        z, spare = completed(own, groups, mean, precision)
        sd = np.ones(len(rows))
        if df is not None and np.isfinite(df[k]):
            distance = np.einsum("in,in->n", z, precision @ z)
            count = (~np.isnan(own)).sum(axis=0)
            sd = np.sqrt((df[k] + distance) / 2 / rng.gamma((df[k] + count) / 2))
        z += noise(rng, z.shape, groups, [covariance for covariance, _ in spare]) * sd
        found[:, rows] = np.where(np.isnan(own), mean[:, None] + z, own)
    return found


def noise(
    rng: np.random.Generator, shape: tuple[int, ...], groups: list[Alike], covariances: list[Array]
) -> Array:
    """Normals (d, n) with the covariances (P, m, m) of the missing cells, else nought."""
    found = np.zeros(shape)
    for group, covariance in zip(groups, covariances, strict=True):
        root = np.linalg.cholesky(covariance)[group.of]
        normal = rng.standard_normal(group.missing.shape)
        found[group.missing, group.rows[:, None]] = np.einsum("nij,nj->ni", root, normal)
    return found
