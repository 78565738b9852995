"""Positive numbers, and shares, under the laws."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import stats

from emcli.families.base import Part
from emcli.families.beta import Beta
from emcli.families.exponential_distribution import Exponential
from emcli.families.gamma import Gamma
from emcli.families.inverse_gaussian import InverseGaussian
from emcli.families.lognormal import Lognormal
from emcli.families.rayleigh import Rayleigh
from emcli.families.weibull import Weibull

from ..example import Example, Row, by_column


def entries(**parameters: list[list[float]]) -> list[dict[str, Any]]:
    """The three components, of each parameter's three rows."""
    return [dict(zip(parameters, row, strict=True))
            for row in zip(*parameters.values(), strict=True)]


def frozen(distribution: Any, **names: str) -> Any:
    """A twin by a distribution of SciPy whose arguments are these parameters."""

    def logs(entry: dict[str, Any], j: int, x: np.ndarray) -> np.ndarray:
        found = {argument: entry[name][j] for argument, name in names.items()}
        return distribution(**found).logpdf(x)

    return by_column(logs)


EXPONENTIAL = Example(
    Part(Exponential, ("wait", "serve", "idle")),
    entries(rate=[[0.1, 5.0, 1.0], [4.0, 0.2, 0.1], [0.8, 1.0, 15.0]]),
    by_column(lambda entry, j, x: stats.expon(scale=1 / entry["rate"][j]).logpdf(x)),
)
RAYLEIGH = Example(
    Part(Rayleigh, ("miss", "gust")),
    entries(scale=[[1.0, 8.0], [6.0, 2.0], [0.5, 0.3]]),
    frozen(stats.rayleigh, scale="scale"),
)
GAMMA = Example(
    Part(Gamma, ("load", "stay")),
    entries(shape=[[2.0, 6.0], [8.0, 0.7], [12.0, 9.0]],
            scale=[[1.0, 0.5], [1.5, 3.0], [0.5, 4.0]]),
    frozen(stats.gamma, a="shape", scale="scale"),
)
WEIBULL = Example(
    Part(Weibull, ("life", "wear")),
    entries(shape=[[1.5, 4.0], [5.0, 0.8], [7.0, 6.0]], scale=[[1.0, 2.0], [6.0, 1.0], [2.5, 9.0]]),
    frozen(stats.weibull_min, c="shape", scale="scale"),
)
LOGNORMAL = Example(
    Part(Lognormal, ("income", "dose")),
    entries(mu=[[0.0, 1.0], [2.0, -1.0], [-1.0, 3.0]], sigma=[[0.6, 0.5], [0.4, 1.2], [0.5, 0.3]]),
    by_column(
        lambda entry, j, x: stats.lognorm(
            entry["sigma"][j], scale=np.exp(entry["mu"][j])
        ).logpdf(x)
    ),
)
INVERSE_GAUSSIAN = Example(
    Part(InverseGaussian, ("passage",)),
    entries(mean=[[2.0], [8.0], [0.6]], shape=[[12.0], [150.0], [4.0]]),
    by_column(
        lambda entry, j, x: stats.invgauss(
            entry["mean"][j] / entry["shape"][j], scale=entry["shape"][j]
        ).logpdf(x)
    ),
    (np.linspace(0.01, 40, 4000),),
)
BETA = Example(
    Part(Beta, ("share", "yield")),
    entries(alpha=[[2.0, 8.0], [9.0, 0.8], [14.0, 20.0]],
            beta=[[6.0, 3.0], [3.0, 4.0], [16.0, 2.0]]),
    frozen(stats.beta, a="alpha", b="beta"),
)

ROWS = [
    Row("lognormal", (LOGNORMAL,)),
    Row("exponential", (EXPONENTIAL,)),
    Row("gamma", (GAMMA,)),
    Row("weibull", (WEIBULL,)),
    Row("inverse-gaussian", (INVERSE_GAUSSIAN,)),
    Row("rayleigh", (RAYLEIGH,)),
    Row("beta", (BETA,)),
]
