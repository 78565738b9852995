"""Sharp components keep their digits: features about one origin, or about each component's mean.

The reference is computed to fifty digits from the very same double-precision numbers (`exact`).
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from functools import cache, cached_property

import numpy as np
import pytest
from scipy import special

import emcli
from emcli.families import located
from emcli.families.base import Part
from emcli.families.beta import Beta
from emcli.families.block import Block
from emcli.families.gamma import Gamma, digamma_inverse, shape_of
from emcli.families.inverse_gaussian import InverseGaussian
from emcli.families.lognormal import Lognormal
from emcli.families.quadratic import MOST_KAPPA
from emcli.numerics import stirling
from emcli.sources.memory import MemorySource

from .exact import PI, between, exact, exactly, log
from .searching import search
from .table import TABLE

POWERS = range(2, 14)


class Rows:
    """Values x (n,) with their logarithms, to fifty digits."""

    def __init__(self, values):
        self.x = exact(values)

    @cached_property
    def log(self):
        return log(self.x)

    @cached_property
    def log_rest(self):
        return log(1 - self.x)


def numbers(entry):
    """The parameters of one component, exact."""
    return (Decimal(v[0]) for v in entry.values())


def rest(a):
    """log Gamma(a) - a log a + a, by Stirling's series for a from 50."""
    return (2 * PI / a).ln() / 2 + 1 / (12 * a) - 1 / (360 * a**3) + 1 / (1260 * a**5)


def gamma(entry, rows):
    a, s = numbers(entry)
    mean = a * s
    return a * (rows.log - mean.ln() - (rows.x - mean) / mean) - rest(a) - rows.log


def lognormal(entry, rows):
    mu, sigma = numbers(entry)
    z = (rows.log - mu) / sigma
    return -z * z / 2 - (2 * PI).ln() / 2 - sigma.ln() - rows.log


def inverse_gaussian(entry, rows):
    mu, shape = numbers(entry)
    away = (rows.x - mu) / mu
    return ((shape / (2 * PI)).ln() - 3 * rows.log - shape * away * away / rows.x) / 2


def beta(entry, rows):
    a, b = numbers(entry)
    found = a * (rows.log - (a / (a + b)).ln()) + b * (rows.log_rest - (b / (a + b)).ln())
    return found - rest(a) - rest(b) + rest(a + b) - rows.log - rows.log_rest


# Of a mean and a sharpness: the parameters, and the exact log density.
CASES = {
    "gamma": (Gamma, gamma, lambda m, a: {"shape": [a], "scale": [m / a]}),
    "lognormal": (
        Lognormal, lognormal, lambda m, a: {"mu": [np.log(m)], "sigma": [1 / np.sqrt(a)]}
    ),
    "inverse-gaussian": (InverseGaussian, inverse_gaussian, lambda m, a: {
        "mean": [m], "shape": [m * a]}),
    "beta": (Beta, beta, lambda m, a: {"alpha": [2 * a * m], "beta": [2 * a * (1 - m)]}),
}
each_case = pytest.mark.parametrize("name", CASES)


def example(name, power, n=400):
    """Three components as sharp as that, rows of them, and weights of their own rows (3, n)."""
    family, density, entry = CASES[name]
    entries = [entry(m, 10.0**power) for m in (0.3, 0.62, 0.7)]
    rng = np.random.default_rng(power)
    found = family.from_dict(Part(family, ("x",)), entries)
    colours = rng.integers(0, 3, n)
    r = (colours == np.arange(3)[:, None]) * rng.uniform(0.5, 1, n)
    return found, entries, density, found.sample(rng, colours, None), r


@cache
def exact_rows(name, power):
    """The same rows to fifty digits, of which logarithms are best taken once."""
    return Rows(example(name, power)[3][0])


def whole(family, values):
    """(K, n) log densities with the base measure in."""
    return family.log_density(Block(values)) + family.base()(values)


@exactly
@each_case
@pytest.mark.parametrize("power", POWERS)
def test_log_density_is_exact_however_sharp(name, power):
    family, entries, density, values, _ = example(name, power)
    rows = exact_rows(name, power)
    wanted = np.array([density(entry, rows) for entry in entries])
    kappa = float(family.kappa.max())
    assert family.linear == (kappa <= MOST_KAPPA)
    size = np.maximum(np.abs(wanted).astype(float), 1)
    error = between(whole(family, values), wanted) / size
    assert error.max() < 1e-14 + 3e-16 * (kappa if family.linear else np.sqrt(kappa))


@exactly
@each_case
@pytest.mark.parametrize("power", POWERS)
def test_the_m_step_is_exact_however_sharp(name, power):
    """In standard errors of one row for the mean, and in the logarithm of the sharpness."""
    family, _, density, values, r = example(name, power)
    found = family.maximise(r.sum(axis=1), family.statistics(Block(values), r))
    rows, weights = exact_rows(name, power), exact(r)
    begun = type(found).estimate(Part(type(found), ("x",)), Block(values), r)

    def likelihood(fitted, i, h):
        moved = fitted.from_vector(np.where(np.arange(6) // 3 == i, h, 0.0))
        logs = [density(moved.to_dict(k), rows) for k in range(3)]
        return (weights * np.array(logs)).sum(axis=1)

    for fitted in (found, begun):
        for i in (0, 1):
            low, middle, high = (likelihood(fitted, i, h) for h in (-1e-4, 0.0, 1e-4))
            off = Decimal("1e-4") * (high - low) / 2 / (high + low - 2 * middle)
            assert np.abs(off).max() < 3e-9  # of which h^2 / 6 is the difference's own


@each_case
@pytest.mark.parametrize("power", [1, 3, 5, 7])
def test_both_forms_agree_on_the_same_block(name, power, monkeypatch):
    family, _, _, values, r = example(name, power)
    n, found = r.sum(axis=1), []
    for most in (np.inf, -1.0):
        monkeypatch.setattr(located, "MOST_KAPPA", most)
        one = replace(family)
        assert one.linear == (most > 0)
        t = one.statistics(Block(values), r)
        found.append((one.log_density(Block(values)), one.q(n, t), one.maximise(n, t)))
    within = 1e-12 + 1e-14 * 10.0**power
    (log_a, q_a, a), (log_b, q_b, b) = found
    np.testing.assert_allclose(log_a, log_b, rtol=0, atol=within)
    assert q_a == pytest.approx(q_b, abs=n.sum() * within)
    np.testing.assert_allclose(a.to_vector(b), b.to_vector(), rtol=0, atol=10 * within)


@pytest.mark.parametrize("name", ["lognormal", "exponential", "gamma", "weibull",
                                  "inverse-gaussian", "rayleigh"])
@pytest.mark.parametrize("factor", [1e-147, 1e147])
def test_units_of_any_size(name, factor):
    (row,) = [row for row in TABLE if row.name == name]
    values = np.clip(row.draw(200, 7), 1e-3, 1e3)
    one, other = (
        search(row, MemorySource(x, row.names), starts=3) for x in (values, factor * values)
    )
    moved = other.log_likelihood + values.size * np.log(factor)
    assert moved == pytest.approx(one.log_likelihood, abs=1e-6)


@pytest.mark.parametrize("name", ["lognormal", "gamma", "weibull", "inverse-gaussian", "beta"])
def test_tight_clusters_are_found(name):
    """Three of a millionth of their distance: their likelihood is that of normal ones, nearly."""
    rng = np.random.default_rng(9)
    colours = rng.integers(0, 3, 300)
    values = np.array([0.3, 0.5, 0.6])[colours] * (1 + 1e-6 * rng.normal(size=300))
    fitted = emcli.fit(values[:, None], model=name, k=3)
    assert fitted.fit["converged"]
    found = fitted.posterior(values[None]).argmax(axis=0)
    assert all(len(set(found[colours == k])) == 1 for k in range(3))
    normal = emcli.fit(values[:, None], model="gaussian:V", k=3)
    # A Weibull is skew however sharp; the others tend to the normal.
    if name != "weibull":
        assert fitted.fit["log_likelihood"] == pytest.approx(
            normal.fit["log_likelihood"], abs=1e-2
        )


def test_what_stirling_leaves_of_log_gamma():
    a = np.logspace(-6, 2, 400)
    value, slope, bend = stirling(a)
    np.testing.assert_allclose(value, special.gammaln(a) - a * np.log(a) + a, atol=1e-12)
    np.testing.assert_allclose(slope, special.digamma(a) - np.log(a), rtol=1e-12)
    np.testing.assert_allclose(bend, special.polygamma(1, a) - 1 / a, rtol=1e-11)
    # Where those cancel, its first terms.
    a = np.logspace(5, 15, 100)
    value, slope, bend = stirling(a)
    np.testing.assert_allclose(value, np.log(2 * np.pi / a) / 2 + 1 / (12 * a), rtol=1e-15)
    np.testing.assert_allclose(slope, -1 / (2 * a) - 1 / (12 * a * a), rtol=1e-15)
    np.testing.assert_allclose(bend, 1 / (2 * a * a) + 1 / (6 * a**3), rtol=1e-15)


def test_roots_of_digamma():
    gap = np.logspace(-15, 2.5, 300)
    np.testing.assert_allclose(stirling(shape_of(gap))[1], -gap, rtol=1e-12)
    value = np.linspace(-300, 30, 500)
    np.testing.assert_allclose(special.digamma(digamma_inverse(value)), value, rtol=1e-12,
                               atol=1e-12)
