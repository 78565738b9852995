"""oneDAL, Intel's C++ library on MKL, through daal4py.

It has no single iteration, so one is a share of what a longer fit takes beyond a fit of one.
"""

from __future__ import annotations

import time
from typing import Any

import daal4py  # type: ignore[import-not-found]
import numpy as np

from tests.benchmarks.peers.line import Answer, Step, serve, versions
from tests.benchmarks.problems import problem, start, taken

ENOUGH = 0.2  # seconds of iterations beyond the first, for the clock to see them


def iterate(folder: str, threads: str = "0", **words: str) -> tuple[Answer, Step]:
    """One E step and one M step over all rows."""
    rows, asked, begin = np.array(taken(folder)), problem(**words), start(folder)
    covariance = asked.covariance(asked.d)
    full = asked.model == "full"
    each = covariance if full else np.ascontiguousarray(covariance.diagonal()[None])
    if threads != "0":
        daal4py.daalinit(nthreads=int(threads))

    def fit(iterations: int) -> tuple[float, Any]:
        """Seconds it took, and what came of it."""
        algorithm = daal4py.em_gmm(
            nComponents=asked.k, maxIterations=iterations, accuracyThreshold=0.0,
            regularizationFactor=0.0, covarianceStorage="full" if full else "diagonal",
        )  # fmt: skip
        weights = np.full((1, asked.k), 1 / asked.k)
        clock = time.perf_counter()
        found = algorithm.compute(rows, weights, begin["means"], [each] * asked.k)
        return time.perf_counter() - clock, found

    first = fit(1)[1].goalFunction[0, 0]
    more = min(max(4, int(ENOUGH / fit(1)[0])), 50)

    def step() -> Answer:
        one, (seconds, found) = fit(1)[0], fit(1 + more)
        return {"seconds": (seconds - one) / (found.nIterations[0, 0] - 1)}

    return {"log_likelihood": first}, step


serve(iterate=iterate, versions=versions("daal"))
