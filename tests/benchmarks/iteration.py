"""One EM iteration on one problem: emcli's and scikit-learn's, in turns, from the same start.

What is timed is one E step and one M step over all rows. Of emcli that is one step of the
generator in `emcli.em`. Of scikit-learn it is its own `_e_step` and `_m_step`, the body of the loop
in `GaussianMixture.fit`: private, but the difference of two public fits would hold the noise of
two whole fits, and fit adds an E step and input checks that are no part of an iteration.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np
from sklearn.mixture import GaussianMixture
from threadpoolctl import threadpool_limits

from emcli import em
from emcli.families.base import Part
from emcli.families.gaussian import Gaussian
from emcli.mixture import Mixture
from emcli.sources.memory import MemorySource

Step = Callable[[], float]  # does one iteration; the log-likelihood per row it began with


@dataclass(frozen=True)
class Problem:
    """n rows, d columns, k components, full or diagonal covariances."""

    n: int
    d: int
    k: int
    covariance: str

    @property
    def centres(self) -> np.ndarray:
        """(k, d) where the components are; in few columns they overlap."""
        return 1.5 * np.random.default_rng(1).standard_normal((self.k, self.d))

    def data(self) -> np.ndarray:
        """(n, d) rows of k round Gaussians, always the same."""
        rng = np.random.default_rng(2)
        rows = self.centres[rng.integers(self.k, size=self.n)]
        rows += rng.standard_normal((self.n, self.d))
        return rows

    def start(self) -> tuple[np.ndarray, np.ndarray]:
        """(k, d) means and one (d, d) covariance to start from; weights are equal."""
        away = 0.3 * np.random.default_rng(3).standard_normal((self.k, self.d))
        correlation = 0.2 if self.covariance == "full" else 0.0
        covariance = np.full((self.d, self.d), 1.5 * correlation)
        np.fill_diagonal(covariance, 1.5)
        return self.centres + away, covariance


@dataclass(frozen=True)
class Timing:
    """Median seconds an iteration took, by contestant."""

    emcli: float
    sklearn: dict[int, float]  # by its number of threads

    @property
    def ratio(self) -> float:
        """How many times faster than scikit-learn's better number of threads."""
        return min(self.sklearn.values()) / self.emcli


def emcli_step(problem: Problem, rows: np.ndarray) -> Step:
    means, covariance = problem.start()
    names = tuple(f"x{j}" for j in range(problem.d))
    full = problem.covariance == "full"
    spread = {"covariance": covariance} if full else {"variance": np.diag(covariance)}
    part = Part(Gaussian, names, "VVV" if full else "VVI")
    family = Gaussian.from_dict(part, [{"mean": mean, **spread} for mean in means])
    mixture = Mixture(np.full(problem.k, 1 / problem.k), (family,))
    walk = em.steps(mixture, MemorySource(np.ascontiguousarray(rows.T), names))
    return lambda: next(walk).log_likelihood / problem.n


def sklearn_step(problem: Problem, rows: np.ndarray) -> Step:
    means, covariance = problem.start()
    # A fit of few rows, converged at once by its tolerance, makes it set up what it keeps.
    model = GaussianMixture(
        problem.k, covariance_type=problem.covariance, reg_covar=0.0, max_iter=2, tol=1e300,
        init_params="random", random_state=0,
    ).fit(rows[:10_000])
    whitening = np.linalg.inv(np.linalg.cholesky(covariance)).T
    model.weights_ = np.full(problem.k, 1 / problem.k)
    model.means_ = means
    model.precisions_cholesky_ = np.array(
        [whitening if problem.covariance == "full" else np.diag(whitening)] * problem.k
    )

    def step() -> float:
        log_likelihood, log_responsibilities = model._e_step(rows)
        model._m_step(rows, log_responsibilities)
        return float(log_likelihood)

    return step


def measure(problem: Problem, rounds: int, cores: int) -> Timing:
    """Median of `rounds` iterations each, taken in turns after one round to warm up."""
    rows = problem.data()
    threads = sorted({1, cores})
    # emcli keeps BLAS on one thread and brings its own.
    turns: list[tuple[Any, Step, int]] = [("emcli", emcli_step(problem, rows), 1)]
    turns += [(count, sklearn_step(problem, rows), count) for count in threads]
    first = {name: timed(step, count)[1] for name, step, count in turns}
    if not np.allclose(list(first.values()), first["emcli"], rtol=1e-9, atol=0):
        raise SystemExit(f"{problem}: they do not compute the same likelihood: {first}")
    seconds: dict[Any, list[float]] = {name: [] for name, _, _ in turns}
    for _ in range(rounds):
        for name, step, count in turns:
            seconds[name].append(timed(step, count)[0])
    return Timing(median(seconds["emcli"]), {count: median(seconds[count]) for count in threads})


def timed(step: Step, blas_threads: int) -> tuple[float, float]:
    """Seconds one step took, and what it returned."""
    limits: AbstractContextManager[Any] = threadpool_limits(blas_threads)
    with limits:
        begin = time.perf_counter()
        value = step()
        return time.perf_counter() - begin, value
