"""How far two ways of colouring the same rows agree, from their crosstab."""

from __future__ import annotations

import numpy as np

from emcli.numerics import Array, Codes


def crosstab(one: Codes, other: Codes, shape: tuple[int, int], weights: Array | None) -> Array:
    """(A, B) weight of the rows of each pair of codes; rows with a code below 0 are left out."""
    both = (one >= 0) & (other >= 0)
    cells = one[both] * shape[1] + other[both]
    counted = None if weights is None else weights[both]
    return np.bincount(cells, counted, shape[0] * shape[1]).astype(float).reshape(shape)


def matching(table: Array) -> list[tuple[int, int]]:
    """The one-to-one pairs of rows and columns that hold the most weight together."""
    from scipy.optimize import linear_sum_assignment

    rows, columns = linear_sum_assignment(-table)
    return list(zip(rows.tolist(), columns.tolist(), strict=True))


def accuracy(table: Array) -> float:
    """The share of the weight on the best one-to-one matching."""
    return sum(float(table[pair]) for pair in matching(table)) / float(table.sum())


def adjusted_rand(table: Array) -> float:
    """Rand's index, 0 by chance and 1 where both agree (Hubert & Arabie 1985)."""

    def pairs(x: Array) -> float:
        return float((x * (x - 1)).sum()) / 2

    same, total = pairs(table), pairs(table.sum(keepdims=True))
    one, other = pairs(table.sum(axis=1)), pairs(table.sum(axis=0))
    chance, most = one * other / total, (one + other) / 2
    return 1.0 if most == chance else (same - chance) / (most - chance)
