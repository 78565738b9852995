"""scikit-learn's GaussianMixture.

An iteration is its own `_e_step` and `_m_step`, the body of the loop in `fit`: private, but the
difference of two public fits would hold the noise of both, and `fit` adds an E step and input
checks that are no part of an iteration.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from sklearn.mixture import GaussianMixture

from tests.benchmarks.peers.line import Answer, Step, serve, several, timed, versions
from tests.benchmarks.problems import SMALL, Array, problem, start, taken

# The structures it knows, by mclust's names.
STRUCTURES = {"VVV": "full", "EEE": "tied", "VVI": "diag", "VII": "spherical"}

warnings.simplefilter("ignore")  # of fits that were not to converge


def iterate(folder: str, **words: str) -> tuple[Answer, Step]:
    """One E step and one M step over all rows."""
    rows, asked, begin = np.array(taken(folder)), problem(**words), start(folder)
    # A fit of few rows, converged at once by its tolerance, makes it set up what it keeps.
    model = GaussianMixture(
        asked.k, covariance_type=asked.model, reg_covar=0.0, max_iter=2, tol=1e300,
        init_params="random", random_state=0,
    ).fit(rows[:10_000])  # fmt: skip
    whitening = np.linalg.inv(np.linalg.cholesky(asked.covariance(asked.d))).T
    each = whitening if asked.model == "full" else whitening.diagonal()
    model.weights_, model.means_ = np.full(asked.k, 1 / asked.k), begin["means"]
    model.precisions_cholesky_ = np.array([each] * asked.k)
    first = model._e_step(rows)[0] * asked.n

    def work() -> None:
        model._m_step(rows, model._e_step(rows)[1])

    return {"log_likelihood": first}, timed(work)


def best(rows: Array, k: int, covariance: str, tolerance: str) -> float:
    """The log-likelihood of a fit of ten starts; tolerance: "default" or nats in total."""
    options: dict[str, Any] = {"n_init": 10, "random_state": 0, "covariance_type": covariance}
    if tolerance != "default":
        options |= {"tol": float(tolerance) / len(rows), "max_iter": 10_000}
    return float(GaussianMixture(k, **options).fit(rows).score(rows) * len(rows))


def search(folder: str, ks: str, tolerance: str) -> tuple[Answer, Step]:
    """The loop people write over structures and numbers of components."""
    rows = np.array(taken(folder))
    last: dict[str, float] = {}

    def work() -> None:
        for name, covariance in STRUCTURES.items():
            for k in range(1, int(ks) + 1):
                last[f"ll.{name}.{k}"] = best(rows, k, covariance, tolerance)

    step = timed(work)
    return {}, lambda: {**step(), "fits": len(last), **last}


def many(folder: str, each: str, tolerance: str) -> tuple[Answer, Step]:
    """Many small tables, `each` of them a step, two components."""
    rows = np.array(taken(folder)).reshape(-1, SMALL, 2)
    return {}, several(rows, int(each), lambda some: (best(x, 2, "full", tolerance) for x in some))


serve(iterate=iterate, search=search, many=many, versions=versions("scikit-learn", "numpy"))
