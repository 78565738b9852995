"""Mixtures of regressions under the laws."""

from __future__ import annotations

import numpy as np
from scipy import stats

from emcli.families.base import Part
from emcli.families.formula import Formula
from emcli.families.linear import Linear
from emcli.families.logistic import Logistic
from emcli.families.poisson_regression import PoissonRegression

from ..example import Example, Row
from .counts import POISSON
from .gaussian import gaussian


def _entries(formula, terms, intercepts, coefficients, sigmas=None, **more):
    found = []
    for k, (intercept, slopes) in enumerate(zip(intercepts, coefficients, strict=True)):
        found.append({"formula": formula, **more, "terms": terms, "intercept": intercept,
                      "coefficients": slopes, **({"sigma": sigmas[k]} if sigmas else {})})
    return found


def _eta(entry, *columns):
    return entry["intercept"] + np.tensordot(entry["coefficients"], np.array(columns), 1)


# On a number and a category, whose first level has no coefficient.
GROUPS = Example(
    Part(Linear, ("y",), options={"formula": Formula("y", ((("x", 1),), (("group", 1),)))},
         levels=(None, None, ("a", "b", "c"))),
    _entries("y ~ x + group", ["x", "group=b", "group=c"], (0.0, 6.0, -5.0),
             ([1.0, 0.5, -1.0], [-1.5, 1.0, 0.0], [0.3, -0.5, 2.0]), (0.7, 0.5, 1.0),
             levels=[None, None, ["a", "b", "c"]]),
    lambda entry, x: stats.norm(_eta(entry, x[1], x[2] == 1, x[2] == 2), entry["sigma"])
    .logpdf(x[0]),
    (np.linspace(-20, 20, 4001), np.array([1.3]), np.array([2.0])),
    lambda rng, n: np.array([rng.normal(1.0, 2.0, n), rng.integers(0, 3, n).astype(float)]),
)  # fmt: skip

# A parabola far from nought, one spread for all.
PARABOLA = Example(
    Part(Linear, ("y",),
         options={"formula": Formula("y", ((("x", 1),), (("x", 2),))), "common": True}),
    _entries("y ~ x + x^2", ["x", "x^2"], (97.0, 102.5, 95.0),
             ([-19.0, 1.0], [-19.0, 0.9], [-21.0, 1.2]), (0.8, 0.8, 0.8)),
    lambda entry, x: stats.norm(_eta(entry, x[1], x[1] ** 2), entry["sigma"]).logpdf(x[0]),
    None,
    lambda rng, n: rng.normal(10.0, 1.5, n)[None],
)  # fmt: skip

# On a column that another block describes.
LINE = Example(
    Part(Linear, ("y",), options={"formula": Formula("y", ((("a", 1),),))}),
    _entries("y ~ a", ["a"], (0.0, 3.0, -4.0), ([1.0], [-1.0], [0.5]), (0.7, 0.5, 1.0)),
    lambda entry, x: stats.norm(_eta(entry, x[1]), entry["sigma"]).logpdf(x[0]),
)

VISITS = Example(
    Part(PoissonRegression, ("visits",),
         options={"formula": Formula("visits", ((("x", 1),),)), "offset": "logdays"}),
    _entries("visits ~ x", ["x"], (0.5, 2.5, 1.5), ([0.3], [-0.3], [1.0]), offset="logdays"),
    lambda entry, x: stats.poisson(np.exp(_eta(entry, x[1]) + x[2])).logpmf(x[0]),
    (np.arange(600.0), np.array([0.4]), np.array([1.5])),
    lambda rng, n: np.array([rng.normal(0.0, 1.0, n), np.log(rng.uniform(1, 8, n))]),
)  # fmt: skip

# Three regressions of two levels are hardly told apart by themselves: numbers go with them.
ANSWER = Example(
    Part(Logistic, ("answer",), options={"formula": Formula("answer", ((("x", 1),),))}),
    _entries("answer ~ x", ["x"], (0.5, -1.0, 0.0), ([1.5], [-0.5], [-2.0])),
    lambda entry, x: stats.bernoulli(1 / (1 + np.exp(-_eta(entry, x[1])))).logpmf(x[0]),
    given=lambda rng, n: rng.normal(0.0, 1.5, n)[None],
)  # fmt: skip

ROWS = [
    Row("linear", (GROUPS,)),
    Row("linear sigma=common+poisson", (PARABOLA, POISSON)),
    Row("linear(y ~ a)+gaussian(a)", (LINE, gaussian("V", ("a",)))),
    Row("poisson-regression", (VISITS,)),
    Row("VVV+logistic", (gaussian("VVV", ("a", "b")), ANSWER)),
]
