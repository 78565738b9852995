"""Where components lie: ellipses, and the density levels that enclose a share of one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from emcli.numerics import Array

# What 1 and 2 standard deviations enclose of a normal distribution in the plane.
SHARES = (1 - np.exp(-0.5), 1 - np.exp(-2.0))
OUTLINE = 121  # points of an ellipse
_SPREADS = ("covariance", "variance", "scale")


def moments(
    distributions: Sequence[Mapping[str, Any]], names: Sequence[str]
) -> tuple[Array, Array] | None:
    """Mean (d,) and covariance or scale (d, d) of a component in these columns.

    distributions: the component's, as the parameters file has them. None where one of the columns
    has a distribution without ellipses.
    """
    centre, matrix = np.full(len(names), np.nan), np.zeros((len(names), len(names)))
    for entry in distributions:
        own = [name for name in entry["columns"] if name in names]
        spread = _spread(entry)
        if own and spread is not None:
            there = [list(names).index(name) for name in own]
            here = [entry["columns"].index(name) for name in own]
            centre[there] = np.array(entry["mean"], float)[here]
            matrix[np.ix_(there, there)] = spread[np.ix_(here, here)]
    return None if np.isnan(centre).any() else (centre, matrix)


def _spread(entry: Mapping[str, Any]) -> Array | None:
    """The covariance or scale (d, d) in an entry, if it is of an elliptical distribution."""
    if "mean" not in entry:
        return None
    if "loadings" in entry:
        loadings = np.array(entry["loadings"], float)
        found: Array = loadings @ loadings.T + np.diag(entry["uniquenesses"])
        return found
    key = next((name for name in _SPREADS if name in entry), None)
    if key is None or not isinstance(entry[key], list):
        return None
    spread = np.array(entry[key], float)
    return np.diag(spread) if spread.ndim == 1 else spread


def ellipse(centre: Array, matrix: Array, radius: float) -> Array:
    """(2, OUTLINE): the outline at Mahalanobis distance `radius`, closed."""
    angle = np.linspace(0, 2 * np.pi, OUTLINE)
    values, axes = np.linalg.eigh(matrix)
    circle = np.vstack([np.cos(angle), np.sin(angle)])
    found: Array = centre[:, None] + radius * (axes * np.sqrt(np.maximum(values, 0))) @ circle
    return found


def levels(density: Array, shares: Sequence[float]) -> list[float]:
    """The densities on an even grid above which lie these shares of its mass, increasing.

    The regions they bound are those of highest density (Hyndman 1996).
    """
    heights = np.sort(density[density > 0], axis=None)[::-1]
    if not len(heights):  # narrower than the grid
        return []
    upto = np.cumsum(heights)
    places = [min(int(np.searchsorted(upto, share * upto[-1])), len(upto) - 1) for share in shares]
    return sorted({float(heights[i]) for i in places})
