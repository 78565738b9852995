"""Counts and categories under the laws."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import stats

from emcli.families.base import Part
from emcli.families.bernoulli import Bernoulli
from emcli.families.binomial import Binomial
from emcli.families.categorical import Categorical
from emcli.families.poisson import Poisson

from ..example import Example, Row, by_column

POISSON = Example(
    Part(Poisson, ("visits", "calls")),
    [{"rate": rate} for rate in ([1.0, 12.0], [6.0, 3.0], [15.0, 20.0])],
    by_column(lambda entry, j, x: stats.poisson(entry["rate"][j]).logpmf(x)),
    (np.arange(80.0), np.arange(90.0)),
)

_YES = ([0.9, 0.9, 0.8, 0.1, 0.2, 0.1], [0.1, 0.2, 0.1, 0.9, 0.8, 0.9],
        [0.8, 0.2, 0.9, 0.1, 0.9, 0.2])  # fmt: skip
BERNOULLI = Example(
    Part(Bernoulli, tuple("pqrstu")),
    [{"probability": p} for p in _YES],
    by_column(lambda entry, j, x: stats.bernoulli(entry["probability"][j]).logpmf(x)),
    (np.arange(2.0),) * 6,
)

_LEVELS = (("high", "low", "mid"), ("no", "yes"), ("n", "o", "p", "q"), ("x", "y", "z"))
_SHARES = (
    [[0.7, 0.2, 0.1], [0.8, 0.2], [0.1, 0.1, 0.2, 0.6], [0.1, 0.8, 0.1]],
    [[0.1, 0.8, 0.1], [0.3, 0.7], [0.6, 0.2, 0.1, 0.1], [0.7, 0.2, 0.1]],
    [[0.1, 0.2, 0.7], [0.2, 0.8], [0.1, 0.7, 0.1, 0.1], [0.1, 0.1, 0.8]],
)


def _category(entry: dict[str, Any], j: int, x: np.ndarray) -> np.ndarray:
    p = entry["probabilities"][j]
    return stats.rv_discrete(values=(np.arange(len(p)), p)).logpmf(x)


def categorical(columns: Sequence[str], first: int = 0) -> Example:
    levels = _LEVELS[first : first + len(columns)]
    entries = [
        {"levels": levels, "probabilities": p[first : first + len(columns)]} for p in _SHARES
    ]
    grid = tuple(np.arange(float(len(some))) for some in levels)
    part = Part(Categorical, tuple(columns), levels=levels)
    return Example(part, entries, by_column(_category), grid)


BINOMIAL = Example(
    Part(Binomial, ("heads", "wins"), options={"trials": "tosses"}),
    [{"trials": "tosses", "probability": p} for p in ([0.1, 0.6], [0.5, 0.2], [0.9, 0.8])],
    lambda entry, x: np.array([
        stats.binom(x[2], p).logpmf(row)
        for p, row in zip(entry["probability"], x[:2], strict=True)
    ]),
    (np.arange(13.0), np.arange(13.0), np.array([12.0])),
    lambda rng, n: rng.integers(5, 21, n).astype(float),
    ("trials=tosses",),
)
BINOMIAL_OF_12 = Example(
    Part(Binomial, ("heads", "wins"), options={"trials": 12}),
    [{"trials": 12, "probability": p} for p in ([0.1, 0.6], [0.5, 0.2], [0.9, 0.8])],
    by_column(lambda entry, j, x: stats.binom(12, entry["probability"][j]).logpmf(x)),
    (np.arange(13.0), np.arange(13.0)),
    words=("n=12",),
)

ROWS = [
    Row("poisson", (POISSON,)),
    Row("bernoulli", (BERNOULLI,)),
    Row("categorical", (categorical(("level", "answer", "letter", "axis")),)),
    Row("binomial trials=", (BINOMIAL,)),
    Row("binomial n=", (BINOMIAL_OF_12,)),
]
