"""pomegranate, on PyTorch, in its own float32. An iteration is `summarize` and `from_summaries`."""

from __future__ import annotations

import numpy as np
import torch  # type: ignore[import-not-found]
from pomegranate.distributions import (  # type: ignore[import-not-found]
    Categorical,
    IndependentComponents,
    Normal,
    Poisson,
)
from pomegranate.gmm import GeneralMixtureModel  # type: ignore[import-not-found]

from tests.benchmarks.peers.line import Answer, Step, serve, timed, versions
from tests.benchmarks.problems import SPREAD, Array, problem, start, taken


def iterate(folder: str, **words: str) -> tuple[Answer, Step]:
    """One E step and one M step over all rows."""
    asked, begin = problem(**words), start(folder)
    kind = torch.int64 if asked.model == "categorical" else torch.float32
    rows = torch.tensor(np.array(taken(folder)), dtype=kind)
    components = [component(list(asked.kinds), begin, k) for k in range(asked.k)]
    model = GeneralMixtureModel(components, priors=torch.full((asked.k,), 1 / asked.k))
    first = float(model.log_probability(rows).double().sum())

    def work() -> None:
        model.summarize(rows)
        model.from_summaries()

    return {"log_likelihood": first}, timed(work)


def component(kinds: list[str], start: dict[str, Array], k: int) -> object:
    """One component in its words. A product goes column by column, and has no categories, whose
    rows must be whole numbers where the others' are floats."""
    if kinds == ["category"]:
        return Categorical(number(start["probabilities"][k]))
    if kinds == ["count"]:
        return Poisson(number(start["rates"][k]))
    columns: list[object] = [
        Normal(number([mean]), number([SPREAD]), covariance_type="diag")
        for mean in start["means"][k]
    ]
    columns += [Poisson(number([rate])) for rate in start["rates"][k]]
    return IndependentComponents(columns)


def number(values: object) -> torch.Tensor:
    return torch.tensor(np.array(values), dtype=torch.float32)


serve(iterate=iterate, versions=versions("pomegranate", "torch"))
