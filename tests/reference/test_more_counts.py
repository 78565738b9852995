"""Counts of other kinds: published values, and direct maximisation by SciPy."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import optimize, stats

import emcli

from . import table

# Red mites on 150 apple leaves (Bliss & Fisher 1953, Biometrics 9, 176): leaves with so many.
MITES = pd.DataFrame({"mites": range(8), "leaves": [70, 38, 17, 10, 9, 3, 2, 1]})


def test_red_mites() -> None:
    """Bliss & Fisher give the mean 1.14667 and the size 1.02459."""
    fitted = emcli.fit(MITES, model="negbinomial(mites)", k=1, weight="leaves")
    found = fitted.mixture.families[0].to_dict(0)
    assert round(found["mean"][0], 5) == 1.14667
    assert round(found["size"][0], 5) == 1.02459


def test_two_kinds_of_days_are_poissons_among_negative_binomials() -> None:
    """Hasselblad's Poisson mixture (1969) is the best of negative binomials too: both in the limit.
    """
    fitted = emcli.fit(table("death_notices"), model="negbinomial", k=2, weight="frequency")
    assert fitted.fit["log_likelihood"] == pytest.approx(-1989.945859883, abs=1e-6)
    sizes = [c["distributions"][0]["size"] for c in fitted.mixture.to_dict()]
    assert sizes == [[None], [None]]
    means = np.sort(np.ravel(fitted.mixture.families[0].mean))
    np.testing.assert_allclose(means, [1.25610, 2.66340], atol=1e-4)
    np.testing.assert_allclose(fitted.mixture.weights, [0.64011, 0.35989], atol=1e-4)


def _log_masses(model: str, theta: np.ndarray, x: np.ndarray) -> np.ndarray:
    if model == "geometric":
        return stats.geom(1 / (1 + np.exp(-theta[0])), -1).logpmf(x)
    if model == "negbinomial":
        size, mean = np.exp(theta)
        return stats.nbinom(size, size / (size + mean)).logpmf(x)
    rate, zero = np.exp(theta[0]), 1 / (1 + np.exp(-theta[1]))
    masses = (1 - zero) * stats.poisson(rate).pmf(x)
    return np.log(masses + zero * (x == 0))


@pytest.mark.parametrize("model", ["geometric", "negbinomial", "zip"])
@pytest.mark.parametrize(
    ("frame", "weight"), [(MITES, "leaves"), (table("death_notices"), "frequency")],
    ids=["mites", "notices"],
)  # fmt: skip
def test_one_component_is_the_direct_maximum(model: str, frame: pd.DataFrame, weight: str) -> None:
    name = next(column for column in frame if column != weight)
    x, w = frame[name].to_numpy(), frame[weight].to_numpy()
    start = np.zeros(1 if model == "geometric" else 2)
    found = optimize.minimize(
        lambda theta: -(w * _log_masses(model, theta, x)).sum(), start, tol=1e-12
    )
    fitted = emcli.fit(frame, model=f"{model}({name})", k=1, weight=weight)
    assert fitted.fit["log_likelihood"] == pytest.approx(-found.fun, abs=1e-6)


def test_eye_colours_by_colour_of_hair() -> None:
    """Snee (1974). With one component the shares are those of all 592 students; with two, both
    rows of the blond part from the others; with three, the dark part too."""
    frame = table("hair_eye")
    counts = frame[["brown", "blue", "hazel", "green"]].to_numpy()
    shares = counts.sum(axis=0) / 592
    np.testing.assert_allclose(shares, [0.37162, 0.36318, 0.15709, 0.10811], atol=1e-5)
    one = emcli.fit(frame, model="multinomial(brown..green)", k=1)
    total = stats.multinomial(counts.sum(axis=1), shares).logpmf(counts).sum()
    assert one.fit["log_likelihood"] == pytest.approx(total, rel=1e-12)
    groups = {
        k: emcli.fit(frame, model="multinomial(brown..green)", k=k).assign(frame).colour
        for k in (2, 3)
    }
    assert set(frame.hair[groups[2] == "blue"]) == {"blond"}
    assert sorted(frame.hair.groupby(groups[3]).unique().map(sorted)) == [
        ["black"], ["blond"], ["brown", "red"]
    ]
