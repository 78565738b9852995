"""A column's values, made so few that a start can be tried out on them."""

from __future__ import annotations

import numpy as np

from emcli.numerics import Array, distinct

# A start is made on so many values of each column.
POINTS = 256


def merged(x: Array, w: Array) -> tuple[Array, Array]:
    """The distinct values (m,) of x (n,) that weigh anything, and their weights (..., K, m)."""
    counted = w.reshape(-1, len(x)).any(axis=0)
    x, w = x[counted], w[..., counted]
    order = np.argsort(x, kind="stable")
    x, w = x[order], w[..., order]
    first = np.flatnonzero(np.append(True, x[1:] > x[:-1]))
    return x[first], np.add.reduceat(w, first, axis=-1)


def few(x: Array, w: Array) -> tuple[Array, Array]:
    """Of increasing values (n,) so many as can stand for all; their neighbours' weights go to them.

    One that has many rows stays alone more easily than one that has few.
    """
    if len(x) <= POINTS:
        return x, w
    total = np.cumsum(w.reshape(-1, len(x)).sum(axis=0))
    cut = np.searchsorted(total, np.linspace(0, total[-1], POINTS, endpoint=False))
    edges = distinct(np.append(0, cut))
    ends = np.append(edges[1:], len(x))
    return x[(edges + ends) // 2], np.add.reduceat(w, edges, axis=-1)
