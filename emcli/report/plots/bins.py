"""Rows counted in bins, by colour: what histograms and dense clouds of points are drawn from."""

from __future__ import annotations

import numpy as np

from emcli.numerics import Array

FEWEST, MOST = 5, 60


def quantiles(values: Array, weights: Array, shares: tuple[float, ...]) -> list[float]:
    """The least values (n,) with at least these shares of the weight at or below them."""
    order = np.argsort(values, kind="stable")
    upto = np.cumsum(weights[order])
    places = np.searchsorted(upto, np.array(shares) * upto[-1])
    return [float(values[order[min(int(i), len(order) - 1)]]) for i in places]


def edges(values: Array, masses: Array) -> Array:
    """(b + 1,) ends of the bins of a histogram of values (n,), none missing, masses (K, n).

    Their width is 2 IQR n^(-1/3) (Freedman & Diaconis 1981), IQR that of the components on average
    and n the total weight, or Sturges' where half of the values are equal. Rounded values fall in
    the middle of their bins: the width is a multiple of the least gap between two of them, where
    it is not much wider.
    """
    low, high = float(values.min()), float(values.max())
    if low == high:
        return low + np.array([-0.5, 0.5]) * (abs(low) or 1.0) * 0.1
    total = max(float(masses.sum()), 1.0)
    ranges = [np.ptp(quantiles(values, own, (0.25, 0.75))) for own in masses]
    width = 2 * float(masses.sum(axis=1) @ ranges) / total ** (4 / 3)
    width = width or (high - low) / (1 + np.log2(total))
    width = float(np.clip(width, (high - low) / MOST, (high - low) / FEWEST))
    gap = float(np.diff(np.unique(values)).min())
    if gap * 50 > width:
        width = max(round(width / gap), 1) * gap
        low -= gap / 2
    count = int(np.floor((high - low) / width)) + 1
    found: Array = low + width * np.arange(count + 1, dtype=np.float64)
    return found


def whole_edges(values: Array) -> Array:
    """The same for counts: a bin is one number, or several where there are many; one more bin, or
    a tenth more, on both sides."""
    least, most = float(values.min()), float(values.max())
    room = np.ceil(0.1 * (most - least)) or 1.0
    low, high = max(least - room, 0.0), most + room
    width = max(int(np.ceil((high - low + 1) / MOST)), 1)
    return low - 0.5 + width * np.arange((high - low) // width + 2)


def by_colour(values: Array, masses: Array, ends: Array) -> Array:
    """(K, b): the masses (K, n) of the values (n,) in each bin."""
    count = len(ends) - 1
    places = np.clip(np.searchsorted(ends, values, side="right") - 1, 0, count - 1)
    return np.array([np.bincount(places, row, count) for row in masses])


def on_grid(x: Array, y: Array, masses: Array, x_ends: Array, y_ends: Array) -> Array:
    """(K, rows of y, columns of x): the masses (K, n) of points in the cells of an even grid."""
    wide, high = len(x_ends) - 1, len(y_ends) - 1
    across = np.clip(((x - x_ends[0]) / (x_ends[1] - x_ends[0])).astype(np.intp), 0, wide - 1)
    up = np.clip(((y - y_ends[0]) / (y_ends[1] - y_ends[0])).astype(np.intp), 0, high - 1)
    cells = up * wide + across
    return np.array([
        np.bincount(cells, row, wide * high).reshape(high, wide) for row in masses
    ])
