"""Heavy tails and lopsided clusters under the laws."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import stats

from emcli.families.base import Part
from emcli.families.skewnormal import SkewNormal
from emcli.families.structures import AXIS_ALIGNED
from emcli.families.student import Student

from ..example import Example, Row
from .gaussian import covariances

_MEANS = np.array([[0.0, 0.0, 0.0], [7.0, 1.0, -3.0], [-3.0, 8.0, 4.0]])
_DF = (3.0, 6.0, 4.0)


def _student(entry: dict[str, Any], x: np.ndarray) -> np.ndarray:
    """(n,) log densities of what was observed, patterns of missing cells one by one."""
    mean, scale = np.array(entry["mean"]), np.array(entry["scale"])
    scale = np.diag(scale) if scale.ndim == 1 else scale
    found, seen = np.zeros(x.shape[1]), ~np.isnan(x)
    for pattern in {tuple(column) for column in seen.T}:
        if any(pattern):
            rows, some = (pattern == seen.T).all(axis=1), list(np.flatnonzero(pattern))
            t = stats.multivariate_t(mean[some], scale[np.ix_(some, some)], entry["df"])
            found[rows] = t.logpdf(x[np.ix_(some, rows)].T)
    return found


def student(structure: str, df: str | float | None, columns: Sequence[str]) -> Example:
    d = len(columns)
    options = {} if df is None else {"df": df}
    degrees = _DF if df is None else [5.0 if df == "tied" else df] * 3
    entries: list[dict[str, Any]] = []
    for mean, sigma, nu in zip(_MEANS[:, :d], covariances(structure), degrees, strict=True):
        scale = (sigma + sigma.T)[:d, :d] / 2
        scale = scale.diagonal() if structure in AXIS_ALIGNED else scale
        entries.append({"mean": mean.tolist(), "scale": scale.tolist(), "df": nu})
    grid = (np.linspace(-4000, 4000, 40001),) if d == 1 else None
    part = Part(Student, tuple(columns), structure, options)
    return Example(part, entries, _student, grid)


def _skewnormal(entry: dict[str, Any], x: np.ndarray) -> np.ndarray:
    """(d, n) by SciPy for one column, else (n,) by the definition, patterns one by one."""
    location, alpha, omega = (np.array(entry[key]) for key in ("location", "skewness", "scale"))
    if len(x) == 1:
        return stats.skewnorm(alpha[0], location[0], omega[0]).logpdf(x)
    seen = ~np.isnan(x)
    if not seen.all():
        found = np.zeros(x.shape[1])
        for j, column in enumerate(x):
            # What is left of one column of two: alpha of it alone (Azzalini & Dalla Valle 1996).
            rows = seen[j] & ~seen[1 - j]
            own, other = omega[j, j], omega[1 - j, 1 - j] - omega[j, 1 - j] ** 2 / omega[j, j]
            beside = alpha[1 - j] / np.sqrt(omega[1 - j, 1 - j])
            lean = alpha[j] + beside * omega[j, 1 - j] / np.sqrt(own)
            lean /= np.sqrt(1 + beside**2 * other)
            found[rows] = stats.skewnorm(lean, location[j], np.sqrt(own)).logpdf(column[rows])
        found[seen.all(axis=0)] = _skewnormal(entry, x[:, seen.all(axis=0)])
        return found
    z = (x - location[:, None]) / np.sqrt(omega.diagonal())[:, None]
    normal = stats.multivariate_normal(location, omega).logpdf(x.T)
    return np.log(2) + normal + stats.norm.logcdf(alpha @ z)


SKEWNORMAL = Example(
    Part(SkewNormal, ("a",)),
    [
        {"location": [location], "scale": [scale], "skewness": [skewness]}
        for location, scale, skewness in ((0.0, 2.0, 3.0), (7.0, 1.0, -2.5), (9.0, 2.0, 2.5))
    ],
    _skewnormal,
    (np.linspace(-20, 40, 6001),),
)
SKEWNORMAL_2 = Example(
    Part(SkewNormal, ("a", "b")),
    [
        {"location": mean.tolist(), "scale": sigma.tolist(), "skewness": skewness}
        for mean, sigma, skewness in zip(
            _MEANS[:, :2], covariances("VVV")[:, :2, :2], ([3.0, -2.0], [0.0, 2.0], [-2.0, -2.0]),
            strict=True,
        )
    ],
    _skewnormal,
)

ROWS = [
    Row("skewnormal", (SKEWNORMAL,)),
    Row("skewnormal of two", (SKEWNORMAL_2,)),
    Row("student:VVV", (student("VVV", None, ("a", "b")),)),
    Row("student:VVI df=tied", (student("VVI", "tied", ("a", "b", "c")),)),
    Row("student:V df=4", (student("VII", 4.0, ("a",)),)),
]
