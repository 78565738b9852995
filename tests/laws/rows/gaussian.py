"""The Gaussian's fourteen structures under the laws."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import stats

from emcli.families.base import Part
from emcli.families.gaussian import Gaussian
from emcli.families.structures import AXIS_ALIGNED, STRUCTURES

from ..example import Example, Row

_VOLUMES = (1.0, 0.4, 2.2)
_SHAPES = np.array([[3.0, 1.0, 1 / 3], [2.5, 2.0, 1 / 5], [4.0, 0.5, 1 / 2]])
_MEANS = np.array([[0.0, 0.0, 0.0], [4.0, 1.0, -3.0], [-2.0, 5.0, 3.0]])
_ROTATIONS = [stats.special_ortho_group(3, seed=s).rvs() for s in (1, 2, 3)]


def covariances(structure: str) -> np.ndarray:
    """(3, 3, 3) covariances of the structure: E takes the first's, V each its own, I identity."""
    found = []
    for k in range(3):
        volume, shape, turn = (k if letter == "V" else 0 for letter in structure)
        a = np.ones(3) if structure[1] == "I" else _SHAPES[shape]
        d = np.eye(3) if structure[2] == "I" else _ROTATIONS[turn]
        found.append(_VOLUMES[volume] * (d * a) @ d.T)
    return np.array(found)


def normals(entry: dict[str, Any], x: np.ndarray) -> np.ndarray:
    if "variance" in entry:
        sd = np.sqrt(entry["variance"])
        return np.array([
            stats.norm(m, s).logpdf(c) for m, s, c in zip(entry["mean"], sd, x, strict=True)
        ])
    mean, covariance = np.array(entry["mean"]), np.array(entry["covariance"])
    there = ~np.isnan(x)
    found = np.zeros(x.shape[1])
    for pattern in np.unique(there, axis=1).T:
        rows = (there == pattern[:, None]).all(axis=0)
        if pattern.any():
            marginal = stats.multivariate_normal(
                mean[pattern], covariance[np.ix_(pattern, pattern)]
            )
            found[rows] = marginal.logpdf(x[np.ix_(pattern, rows)].T)
    return found


def gaussian(structure: str, columns: Sequence[str] = ("a", "b", "c")) -> Example:
    d = len(columns)
    if d == 1:
        spread = [[1.0], [1.0 if structure == "E" else 0.3], [1.0 if structure == "E" else 2.0]]
        entries = [{"mean": [m], "variance": v} for m, v in zip((-3.0, 1.0, 6.0), spread,
                                                               strict=True)]
        grid: tuple[np.ndarray, ...] | None = (np.linspace(-16, 20, 3601),)
        return Example(Part(Gaussian, tuple(columns), structure), entries, normals, grid)
    entries = []
    for mean, sigma in zip(_MEANS[:, :d], covariances(structure)[:, :d, :d], strict=True):
        sigma = (sigma + sigma.T) / 2
        spread_of = (
            {"variance": sigma.diagonal().tolist()} if structure in AXIS_ALIGNED
            else {"covariance": sigma.tolist()}
        )
        entries.append({"mean": mean.tolist(), **spread_of})
    return Example(Part(Gaussian, tuple(columns), structure), entries, normals)


ROWS = [
    *(Row(f"gaussian:{structure}", (gaussian(structure),)) for structure in STRUCTURES),
    *(Row(f"gaussian:{volume}", (gaussian(volume, ("a",)),)) for volume in "EV"),
]
