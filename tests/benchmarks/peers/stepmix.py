"""StepMix: latent class analysis in NumPy. An iteration is the body of the loop in its `em`."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from stepmix import StepMix  # type: ignore[import-not-found]

from tests.benchmarks.peers.line import Answer, Step, serve, timed, versions
from tests.benchmarks.problems import SPREAD, Array, problem, start, taken

MODELS = {"real": "gaussian_diag", "category": "categorical"}

warnings.simplefilter("ignore")  # of fits that were not to converge


def iterate(folder: str, **words: str) -> tuple[Answer, Step]:
    """One E step and one M step over all rows."""
    rows, asked, begin = np.array(taken(folder)), problem(**words), start(folder)
    described: dict[str, Any] = {
        kind: {"model": MODELS[kind], "n_columns": d} for kind, d in asked.kinds.items()
    }
    model = StepMix(asked.k, measurement=described, max_iter=1, progress_bar=0, random_state=0)
    model.fit(rows[:1_000])
    model.weights_ = np.full(asked.k, 1 / asked.k)
    for kind, emission in model._mm.models.items():
        emission.set_parameters(parameters(kind, begin, emission.get_parameters()))
    first = model._e_step(rows)[0] * asked.n

    def work() -> None:
        model._m_step(rows, np.exp(model._e_step(rows)[1]))

    return {"log_likelihood": first}, timed(work)


def parameters(kind: str, start: dict[str, Array], before: dict[str, Any]) -> dict[str, Any]:
    """The start in its words; what else it keeps stays as it was."""
    if kind == "real":
        return {"means": start["means"], "covariances": np.full(start["means"].shape, SPREAD)}
    tables = start["probabilities"]
    return {**before, "pis": tables.reshape(len(tables), -1)}


serve(iterate=iterate, versions=versions("stepmix"))
