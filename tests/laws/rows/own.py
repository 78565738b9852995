"""Distributions of a user's own under the laws: all that is known of them is a log density."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from emcli.families import catalogue
from emcli.families.base import Part

from ..example import Example, Row, by_column

_FILE = Path(__file__).with_name("densities.py")
catalogue.use([f"{_FILE}:Gompertz", f"{_FILE}:Gumbel"])

def _gompertz(entry: dict[str, Any], j: int, x: np.ndarray) -> np.ndarray:
    rate, ageing = entry["rate"][j], entry["ageing"][j]
    return stats.gompertz(rate / ageing, scale=1 / ageing).logpdf(x)


GOMPERTZ = Example(
    Part(catalogue.family("gompertz"), ("age",)),
    [{"rate": [a], "ageing": [b]} for a, b in ((0.075, 0.25), (4e-4, 0.4), (1e-5, 0.3))],
    by_column(_gompertz),
)


def _gumbel(entry: dict[str, Any], j: int, x: np.ndarray) -> np.ndarray:
    return stats.gumbel_r(entry["location"][j], entry["scale"][j]).logpdf(x)


# Narrow and far from nought, in units of their own: a location has units, and must keep them.
GUMBEL = Example(
    Part(catalogue.family("gumbel"), ("tide", "height")),
    [{"location": m, "scale": s} for m, s in (
        ([0.0, 9e6], [0.9, 2.0]), ([3.0, 9e6 + 6], [1.0, 1.8]), ([7.0, 9e6 + 2], [1.5, 1.5]),
    )],
    by_column(_gumbel),
)  # fmt: skip

ROWS = [Row("own gompertz", (GOMPERTZ,)), Row("own gumbel", (GUMBEL,))]
