"""Angles and directions under the laws."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import stats

from emcli.families.base import Part
from emcli.families.vonmises import VonMises
from emcli.families.vonmisesfisher import VonMisesFisher

from ..example import Example, Row, by_column


def _angle(entry: dict[str, Any], j: int, x: np.ndarray) -> np.ndarray:
    return stats.vonmises(entry["concentration"][j], entry["mean_direction"][j]).logpdf(x)


VONMISES = Example(
    Part(VonMises, ("heading", "wind")),
    [{"mean_direction": mean, "concentration": kappa} for mean, kappa in (
        ([0.3, 3.0], [8.0, 3.0]), ([2.5, 5.0], [4.0, 9.0]), ([4.6, 1.0], [15.0, 6.0]),
    )],
    by_column(_angle),
    (np.linspace(0, 2 * np.pi, 64, endpoint=False),) * 2,
)
DEGREES = Example(
    Part(VonMises, ("heading",), options={"degrees": True}),
    [{"mean_direction": [mean], "concentration": [kappa]} for mean, kappa in (
        (-20.0, 8.0), (80.0, 4.0), (-135.0, 12.0),
    )],
    by_column(lambda entry, j, x: stats.vonmises(
        entry["concentration"][j], np.deg2rad(entry["mean_direction"][j])
    ).logpdf(np.deg2rad(x))),
)
SPHERE = Example(
    Part(VonMisesFisher, ("x", "y", "z")),
    [{"mean_direction": np.divide(mean, np.linalg.norm(mean)).tolist(), "concentration": kappa}
     for mean, kappa in (([1, 2, 2], 8.0), ([-4, 4, 7], 15.0), ([2, -6, 3], 5.0))],
    lambda entry, x: stats.vonmises_fisher(
        np.array(entry["mean_direction"]), entry["concentration"]
    ).logpdf((x / np.linalg.norm(x, axis=0)).T),
)

ROWS = [
    Row("vonmises", (VONMISES,)),
    Row("vonmises degrees", (DEGREES,)),
    Row("vonmisesfisher", (SPHERE,)),
]
