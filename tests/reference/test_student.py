"""Student t and skew normal: values known elsewhere, and the limits of both.

The mixtures of t are those of direct maximisation (ECME, then BFGS), with degrees of freedom of
10,000 at most: where they stand there, the component is normal, and the maximum lies a little
higher still.
"""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import integrate, optimize, stats
from scipy.special import digamma, gammaln

import emcli
from emcli.em import e_step, m_step, steps
from emcli.families.base import Part
from emcli.families.block import Block
from emcli.families.skew_regression import MOST, above
from emcli.families.skewnormal import SkewNormal
from emcli.families.student import Student
from emcli.mixture import Mixture, Model
from emcli.numerics import log_gamma_rise, stirling
from emcli.run import alone
from emcli.settings import Stopping
from emcli.sources.memory import MemorySource

from . import table

CASES = json.loads((Path(__file__).parent / "student.json").read_text())
LIMIT = 1e4  # theirs


@pytest.mark.parametrize("case", CASES, ids=lambda c: f"{c['table']} {c['model']} {c['k']}")
def test_reaches_the_maximum(case: dict[str, Any]) -> None:
    fitted = emcli.fit(table(case["table"]), model=case["model"], k=case["k"])
    assert fitted.fit["converged"]
    assert fitted.fit["free_parameters"] == case["free_parameters"]
    order = np.argsort([c["distributions"][0]["mean"][0] for c in fitted.mixture.to_dict()])
    found = [fitted.mixture.to_dict()[k] for k in order]
    blocks = [component["distributions"][0] for component in found]
    endless = [nu > 0.99 * LIMIT for nu in case["df"]]
    # The normal is better than t with 10,000 degrees of freedom by what is told of its kurtosis.
    gain = fitted.fit["log_likelihood"] - case["log_likelihood"]
    assert -1e-3 < gain < (2e-2 if any(endless) else 1e-3)
    assert [block["df"] is None for block in blocks] == endless
    for block, nu in zip(blocks, case["df"], strict=True):
        assert block["df"] is None or block["df"] == pytest.approx(nu, rel=1e-3)
    assert [c["weight"] for c in found] == pytest.approx(case["weights"], abs=1e-3)
    for block, mean, scale in zip(blocks, case["means"], case["scales"], strict=True):
        assert block["mean"] == pytest.approx(mean, rel=1e-3)
        np.testing.assert_allclose(np.ravel(block["scale"]), np.ravel(scale), rtol=2e-3)
    limits = [f"{c['colour']}: df is infinite" for c in found
              if c["distributions"][0]["df"] is None]
    assert sorted(fitted.fit["diagnostics"]["at_a_limit"]) == sorted(limits)


def normals(n: int = 400) -> MemorySource:
    return MemorySource(np.random.default_rng(1).normal(size=(2, n)), ("a", "b"))


def student(source: MemorySource, variant: str = "VVV", **options: Any) -> Mixture:
    part = Part(Student, source.names, variant, options)
    return Model((part,)).estimate(source.all(), source.names, np.ones((1, source.rows)))


def with_df(mixture: Mixture, df: float) -> Mixture:
    (family,) = mixture.families
    return replace(mixture, families=(replace(family, df=np.full_like(family.df, df)),))


@pytest.mark.parametrize("variant", ["VVV", "VVI"])
def test_infinite_degrees_of_freedom_are_the_normal_distribution(variant: str) -> None:
    """To the last bit, in the file too."""
    source = normals()
    mixture = with_df(student(source, variant), np.inf)
    (family,) = mixture.families
    expected = family.gaussian.log_density(source.all())
    assert family.log_density(source.all()).tobytes() == expected.tobytes()
    mixture = replace(mixture, colours=("red",))
    entry = mixture.to_dict()
    assert entry[0]["distributions"][0]["df"] is None
    again = Mixture.from_dict(json.loads(json.dumps(entry)), mixture.name)
    assert again.to_dict() == entry and np.isinf(again.families[0].df).all()


@pytest.mark.parametrize("first", [0.5, 5.0, 1e3, 1e7])
def test_light_tails_are_found_to_be_normal_in_a_few_steps(first: float) -> None:
    values = np.random.default_rng(2).uniform(size=(1, 500))
    source = MemorySource(values, ("a",))
    path = steps(with_df(student(source, "V"), first), source)
    ends = [step.mixture.families[0].df[0] for step in islice(path, 20)]
    assert np.isinf(ends[-1])
    reached = alone(student(source, "V"), source, Stopping()).reached
    plain = stats.norm(values.mean(), values.std()).logpdf(values).sum()
    assert reached == pytest.approx(plain, abs=1e-9)


@pytest.mark.parametrize("truth", [2.5, 30.0])
@pytest.mark.parametrize("first", [np.inf, 1e6, 0.3])
def test_the_end_does_not_depend_on_where_the_degrees_of_freedom_begin(
    truth: float, first: float
) -> None:
    """A start fitted to a sample may well have none: infinity must not hold what is there."""
    values = np.random.default_rng(3).standard_t(truth, size=(1, 20_000))
    source = MemorySource(values, ("a",), threads=1)
    run = alone(with_df(student(source, "V"), first), source, Stopping())

    def loss(theta: np.ndarray) -> float:
        t = stats.t(np.exp(theta[0]), theta[1], np.exp(theta[2]))
        return -float(t.logpdf(values).sum()) / values.size

    best = optimize.minimize(loss, [np.log(truth), 0, 0], method="BFGS", options={"gtol": 1e-8})
    assert run.converged and run.iterations < 60
    assert run.reached == pytest.approx(-best.fun * values.size, abs=1e-4)
    assert run.best.mixture.families[0].df[0] == pytest.approx(np.exp(best.x[0]), rel=1e-2)


def test_tails_are_exact_however_many_degrees_of_freedom() -> None:
    """Against the expansion in 1/nu: log t - log N = ((delta - d)^2 - 2 d)/(4 nu) + O(nu^-2)."""
    source = normals()
    (family,) = student(source).families
    normal = family.gaussian.log_density(source.all())
    distance = -2 * (normal - normal.max()) + 0
    distance = -2 * normal - family.gaussian.log_volume(source.all())
    for df in (1e5, 1e6, 1e7):
        tail = replace(family, df=np.full(1, df)).log_density(source.all()) - normal
        expected = ((distance - 2) ** 2 - 4) / (4 * df)
        np.testing.assert_allclose(tail, expected, rtol=1e-2, atol=1e-13 + 20 / df**2)


def test_gamma_functions_agree_where_their_forms_meet_and_with_scipy() -> None:
    a = np.concatenate([np.geomspace(1e-3, 100, 200), [15.999999, 16.0, 16.000001]])
    np.testing.assert_allclose(-stirling(a)[1], np.log(a) - digamma(a), rtol=1e-12, atol=1e-14)
    for b in (0.0, 0.5, 1.0, 7.5):
        expected = gammaln(a + b) - gammaln(a) - b * np.log(a)
        np.testing.assert_allclose(log_gamma_rise(a, np.array(b)), expected, atol=1e-12)
    # Far out: 1/(2a) + 1/(12 a^2), and b (b - 1)/(2a).
    a = np.geomspace(1e5, 1e15, 11)
    np.testing.assert_allclose(-stirling(a)[1], 0.5 / a + 1 / (12 * a * a), rtol=1e-14)
    found = log_gamma_rise(a, np.array(2.5))
    np.testing.assert_allclose(found, 2.5 * 1.5 / (2 * a), rtol=1e-4, atol=1e-15)
    assert log_gamma_rise(np.array(np.inf), np.array(2.5)) == 0
    assert stirling(np.array(1e300))[1] == pytest.approx(-0.5e-300, rel=1e-14, abs=0)
    with np.errstate(divide="ignore"):  # of the value, which has a limit only with its slope
        assert stirling(np.array(np.inf))[1] == 0


# Skew normal


def test_the_cut_normal_keeps_its_digits_far_out() -> None:
    """w + phi(w)/Phi(w), by integration over the tail; and both forms where they meet."""
    for w in (-3.0, -20.0, -59.0, -61.0, -500.0, -1e8):
        # With t = -w x: the mean of x under exp(-x - x^2 / (2 w^2)), over -w.
        weigh = [
            integrate.quad(lambda x, k=k, w=w: x**k * np.exp(-x - (x / w) ** 2 / 2), 0, 60)[0]
            for k in (0, 1)
        ]
        assert above(np.array(w)) == pytest.approx(weigh[1] / weigh[0] / -w, rel=1e-9)
    w = np.array([0.0, 5.0, 40.0, 1e10])
    np.testing.assert_allclose(above(w), w + stats.norm.pdf(w) / stats.norm.cdf(w), rtol=1e-13)


def skewed(values: np.ndarray, names: tuple[str, ...] = ("a",)) -> tuple[Mixture, MemorySource]:
    source = MemorySource(values, names)
    model = Model((Part(SkewNormal, names),))
    return model.estimate(source.all(), names, np.ones((1, source.rows))), source


@pytest.mark.parametrize("column", ["eruptions", "waiting"])
def test_one_skew_normal_is_scipys(column: str) -> None:
    x = table("faithful")[column].to_numpy(float)
    fitted = emcli.fit(table("faithful")[[column]], model="skewnormal", k=1)

    def loss(theta: np.ndarray) -> float:
        return -float(stats.skewnorm(theta[0], theta[1], np.exp(theta[2])).logpdf(x).sum())

    best = min(
        (optimize.minimize(loss, [a, x.mean(), np.log(x.std())], method="Nelder-Mead",
                           options={"maxiter": 4000, "xatol": 1e-9, "fatol": 1e-11})
         for a in (-3.0, 3.0)),
        key=lambda found: found.fun,
    )
    assert fitted.fit["log_likelihood"] == pytest.approx(-best.fun, abs=1e-5)
    block = fitted.mixture.to_dict()[0]["distributions"][0]
    found = [*block["skewness"], *block["location"], np.log(block["scale"][0])]
    assert found == pytest.approx(best.x, rel=1e-3)


@pytest.mark.parametrize("sign", [-1, 1])
def test_em_leaves_a_skewness_of_zero_for_the_side_of_the_rows(sign: int) -> None:
    """What leans a little the wrong way is mirrored: plain EM would rest at zero."""
    values = sign * stats.skewnorm(4).rvs(2_000, random_state=5)[None]
    mixture, source = skewed(values)
    best = alone(mixture, source, Stopping())
    (family,) = mixture.families
    for alpha in (0.4, 0.2):
        wrong = replace(family, skewness=np.full_like(family.skewness, -sign * alpha))
        run = alone(replace(mixture, families=(wrong,)), source, Stopping(acceleration="none"))
        assert run.reached == pytest.approx(best.reached, abs=1e-4)
        assert sign * run.best.mixture.families[0].skewness[0, 0] > 1


@pytest.mark.parametrize("d", [1, 2])
def test_half_a_normal_is_fitted_and_said_to_be_at_the_limit(d: int) -> None:
    rng = np.random.default_rng(6)
    values = rng.normal(size=(d, 500))
    values[0] = np.abs(values[0]) + (values[1] if d > 1 else 0)
    frame = pd.DataFrame(dict(zip("ab", values, strict=False)))
    fitted = emcli.fit(frame, model="skewnormal", k=1)
    assert fitted.fit["converged"]
    (limit,) = fitted.fit["diagnostics"]["at_a_limit"]
    assert limit == "red: skewness is at its limit of 100"
    (family,) = fitted.mixture.families
    assert 1 / family.s[0] ** 2 - 1 == pytest.approx(MOST**2)
    # And the M step there is the best within it: the regression alone would lean further.
    source = MemorySource(values, tuple("ab"[:d]))
    sums = e_step(fitted.mixture, source)
    again = m_step(fitted.mixture, sums)
    assert again.q(sums) >= fitted.mixture.q(sums) - 1e-9
    assert e_step(again, source).log_likelihood >= sums.log_likelihood - 1e-9


def test_the_latent_form_and_azzalinis_are_the_same_distribution() -> None:
    """location, scale and skewness drawn as location + Delta |z| + e: moments of both."""
    scale = [[2.0, 0.6], [0.6, 1.0]]
    entry = {"location": [1.0, -2.0], "scale": scale, "skewness": [4.0, -2.0]}
    family = SkewNormal.from_dict(Part(SkewNormal, ("a", "b")), [entry])
    np.testing.assert_allclose(
        family.psi[0] + np.outer(family.delta[0], family.delta[0]), scale, rtol=1e-12
    )
    rows = family.sample(np.random.default_rng(7), np.zeros(400_000, dtype=np.intp), None)
    mean = np.array(entry["location"]) + np.sqrt(2 / np.pi) * family.delta[0]
    covariance = np.array(scale) - 2 / np.pi * np.outer(family.delta[0], family.delta[0])
    np.testing.assert_allclose(rows.mean(axis=1), mean, atol=0.01)
    np.testing.assert_allclose(np.cov(rows), covariance, atol=0.02)
    grid = np.linspace(-12, 14, 521)
    block = Block(np.array(np.meshgrid(grid, grid)).reshape(2, -1))
    total = np.exp(family.log_density(block)).sum() * (grid[1] - grid[0]) ** 2
    assert total == pytest.approx(1, abs=1e-9)
