"""Factor analysers under the laws."""

from __future__ import annotations

from typing import Any

import numpy as np

from emcli.families.base import Part
from emcli.families.factor import Factor

from ..example import Example, Row
from .gaussian import normals

_MEANS = np.array([[0.0, 0, 0, 0, 0, 0], [3.5, 1, -2.5, 0, 2, 1], [-2, 4, 2, -3, 0, -2]])
# One factor: the first of these. With two, Lambda' Psi^-1 Lambda is diagonal.
_LOADINGS = np.array([
    [[1.2, 1.0], [0.9, -0.6], [1.0, 0.7], [0.8, -0.8], [0.7, 0.5], [1.1, -0.4]],
    [[0.8, 0.6], [-1.1, 0.9], [0.7, 1.0], [0.9, 0.0], [-1.0, 0.6], [0.6, -0.7]],
    [[1.5, -0.6], [1.0, 0.9], [-0.9, 0.8], [0.8, 0.6], [0.6, -0.9], [-1.2, -0.5]],
])
_UNIQUENESSES = np.array([
    [0.5, 0.8, 0.4, 0.7, 0.6, 0.9], [0.4, 0.6, 0.9, 0.5, 0.7, 0.3], [0.9, 0.5, 0.6, 0.8, 0.4, 0.7],
])


def _normal(entry: dict[str, Any], x: np.ndarray) -> np.ndarray:
    loadings = np.array(entry["loadings"])
    sigma = loadings @ loadings.T + np.diag(entry["uniquenesses"])
    return normals({"mean": entry["mean"], "covariance": sigma}, x)


def _canonical(loadings: np.ndarray, psi: np.ndarray) -> np.ndarray:
    _, _, turn = np.linalg.svd(loadings / np.sqrt(psi)[:, None], full_matrices=False)
    found = loadings @ turn.T
    return found * np.sign(found[0])


def factor(d: int, q: int) -> Example:
    entries = [
        {
            "mean": mean[:d].tolist(),
            "loadings": _canonical(loadings[:d, :q], psi[:d]).tolist(),
            "uniquenesses": psi[:d].tolist(),
        }
        for mean, loadings, psi in zip(_MEANS, _LOADINGS, _UNIQUENESSES, strict=True)
    ]
    part = Part(Factor, tuple("abcdef"[:d]), options={"q": q})
    return Example(part, entries, _normal)


ROWS = [Row("factor(q=1)", (factor(5, 1),)), Row("factor(q=2)", (factor(6, 2),))]
