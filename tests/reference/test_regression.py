"""Mixtures of regressions on NPreg (simulated by flexmix 2.3-18) and tonedata (mixtools 2.0.0).

The values are those of direct maximisation with SciPy, over 60 and 100 starts, and of an EM in
NumPy. flexmix prints -642.5452 for NPreg, because its sigma is not the maximum-likelihood one.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import numpy as np
import pytest

import emcli

from . import table


class Known(NamedTuple):
    """A fit, its log-likelihood, and by component weight, coefficients and sigma."""

    table: str
    model: str
    k: int
    log_likelihood: float
    free_parameters: int
    weights: list[float]
    coefficients: list[list[float]]
    sigma: list[float] = []  # noqa: RUF012


PARABOLA, LINE = "linear(yn ~ x + x^2", "linear(tuned ~ stretchratio"
KNOWN = [
    Known("npreg", f"{PARABOLA})", 1, -728.3035175532003, 4, [1.0],
          [[4.678681616626789, 8.505581549129873, -0.5658376246811916]], [9.231107722275182]),
    Known("npreg", f"{PARABOLA})", 2, -642.532013736093, 9, [0.5060002991239392, 0.49399970087606],
          [[14.712915973006211, 9.84843775681873, -0.9685279841788618],
           [-0.2085656080256863, 4.8144863684173815, 0.036538089814534706]],
          [3.4509308059773245, 3.4444038298190995]),
    Known("npreg", f"{PARABOLA}, sigma=common)", 2, -642.5321414321611, 8,
          [0.505915466629176, 0.4940845333708236],
          [[14.713413825259474, 9.848665719203204, -0.9685615455612518],
           [-0.20844579347718692, 4.815021007326473, 0.036477504657050686]],
          [3.4477954935271176, 3.4477954935271176]),
    Known("npreg", "poisson-regression(yp ~ x)", 2, -440.6402943196701, 5,
          [0.5381308772290037, 0.46186912277099645],
          [[1.8643138525562941, -0.16191991076501244],
           [1.2473324339185232, 0.06470748895548373]]),
    Known("tonedata", f"{LINE})", 2, 141.19840229968435, 7,
          [0.6977202722090271, 0.302279727790973],
          [[1.9163801363217456, 0.04254851412907457],
           [-0.019274731543343047, 0.992295500382742]],
          [0.04619206812852183, 0.1328340697969339]),
    Known("tonedata", f"{LINE}, sigma=common)", 2, 107.2566976393896, 6,
          [0.6746431197947004, 0.3253568802052997],
          [[1.892330796597544, 0.05590436576711992],
           [-0.03900737021518944, 1.0083678065517878]],
          [0.08356819293226751, 0.08356819293226751]),
]  # fmt: skip


def block(component: dict[str, Any]) -> dict[str, Any]:
    (found,) = component["distributions"]
    return found


@pytest.mark.parametrize("known", KNOWN, ids=lambda known: f"{known.model} {known.k}")
@pytest.mark.parametrize("seed", range(3))
def test_reaches_the_best_known(known: Known, seed: int) -> None:
    fitted = emcli.fit(table(known.table), model=known.model, k=known.k, seed=seed)
    document = json.loads(fitted.to_json())
    assert document["fit"]["converged"] and document["model"] == known.model
    assert document["fit"]["log_likelihood"] == pytest.approx(known.log_likelihood, abs=1e-6)
    assert document["fit"]["free_parameters"] == known.free_parameters
    components = document["components"]
    np.testing.assert_allclose([c["weight"] for c in components], known.weights, atol=1e-4)
    found = [[block(c)["intercept"], *block(c)["coefficients"]] for c in components]
    np.testing.assert_allclose(found, known.coefficients, rtol=1e-3, atol=1e-3)
    if known.sigma:
        sigma = [block(c)["sigma"] for c in components]
        np.testing.assert_allclose(sigma, known.sigma, rtol=1e-4)


def test_a_third_parabola_owns_few_rows_and_is_not_chosen() -> None:
    """Its best known likelihoods, from -634.90 up, are of chance alignments of a dozen rows."""
    fitted = emcli.fit(table("npreg"), model=f"{PARABOLA})", k="1-3")
    assert fitted.mixture.k == 2
