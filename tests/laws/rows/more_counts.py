"""Geometric, negative binomial, zero-inflated and multinomial counts under the laws."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import stats

from emcli.families.base import Part
from emcli.families.geometric import Geometric
from emcli.families.multinomial import Multinomial
from emcli.families.negbinomial import NegBinomial
from emcli.families.zero_inflated import ZeroInflatedPoisson

from ..example import Example, Row, by_column

GEOMETRIC = Example(
    Part(Geometric, ("waits", "calls")),
    [{"probability": p} for p in ([0.8, 0.08], [0.15, 0.6], [0.05, 0.2])],
    by_column(lambda entry, j, x: stats.geom(entry["probability"][j], -1).logpmf(x)),
    (np.arange(600.0), np.arange(360.0)),
)


def _negbinomial(entry: dict[str, Any], j: int, x: np.ndarray) -> np.ndarray:
    size, mean = entry["size"][j], entry["mean"][j]
    if size is None:
        return stats.poisson(mean).logpmf(x)
    return stats.nbinom(size, size / (size + mean)).logpmf(x)


NEGBINOMIAL = Example(
    Part(NegBinomial, ("visits", "calls")),
    [{"size": size, "mean": mean} for size, mean in (
        ([1.5, 2.5], [2.0, 60.0]), ([4.0, 1.2], [30.0, 8.0]), ([3.0, 6.0], [250.0, 100.0]),
    )],
    by_column(_negbinomial),
)


def _zip(entry: dict[str, Any], j: int, x: np.ndarray) -> np.ndarray:
    rate, zero = entry["rate"][j], entry["zero_probability"][j]
    counted = np.log1p(-zero) + stats.poisson(rate).logpmf(x)
    return np.where(x == 0, np.log(zero + (1 - zero) * np.exp(-rate)), counted)


ZIP = Example(
    Part(ZeroInflatedPoisson, ("visits", "calls")),
    [{"rate": rate, "zero_probability": zero} for rate, zero in (
        ([3.0, 15.0], [0.3, 0.1]), ([9.0, 3.0], [0.1, 0.4]), ([22.0, 7.0], [0.2, 0.2]),
    )],
    by_column(_zip),
    (np.arange(90.0), np.arange(80.0)),
)

MULTINOMIAL = Example(
    Part(Multinomial, ("a", "b", "c", "d")),
    [{"probabilities": p} for p in (
        [0.5, 0.2, 0.2, 0.1], [0.1, 0.5, 0.1, 0.3], [0.1, 0.1, 0.6, 0.2],
    )],
    lambda entry, x: stats.multinomial(x.sum(axis=0), entry["probabilities"]).logpmf(x.T),
    # The totals are given, and any counts have them; no trial at all is an outcome too.
    given=lambda rng, n: rng.integers(0, 8, (4, n)).astype(float),
)

ROWS = [
    Row("geometric", (GEOMETRIC,)),
    Row("negbinomial", (NEGBINOMIAL,)),
    Row("zip", (ZIP,)),
    Row("multinomial", (MULTINOMIAL,)),
]
