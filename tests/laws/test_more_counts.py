"""Counts of other kinds: limits, large counts, two maxima, rows without a trial, given totals."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, stats

import emcli
from emcli.em import e_step, m_step
from emcli.errors import InputError, UsageError
from emcli.families.base import Part
from emcli.families.block import Block
from emcli.families.negbinomial import NegBinomial
from emcli.families.rising import log_mass, rising
from emcli.families.zero_inflated import ZeroInflatedPoisson, truncated
from emcli.mixture import Mixture
from emcli.sources.memory import MemorySource

# size, mean, count, log mass: by mpmath, 60 digits.
MASSES = [
    (1e-8, 1e5, 10, -20.72326610799379),
    (1e-3, 1e9, 1e6, -20.736505954405594),
    (0.3, 5, 0, -0.8615038874652036),
    (0.3, 300, 257, -7.3100579397182095),
    (1, 1e14, 1e13, -32.33619130191665),
    (7.5, 1e-6, 1e9, -15830413584.673),
    (7.5, 300, 5000, -103.48258921810995),
    (1e5, 1e5, 1000, -64402.08950907611),
    (1e9, 1e9, 1e9, -11.627145042082851),
    (1e15, 300, 256, -7.088965050891902),
    (1e15, 1e5, 1e6, -1402592.9192829416),
]


@pytest.mark.parametrize(("size", "mean", "count", "wanted"), MASSES)
def test_log_masses_keep_their_digits(size, mean, count, wanted):
    for others in ([], range(5000)):  # by series, and from the table of a long block
        x = np.array([count, *others], float)
        found = log_mass(x, np.array([mean]), np.array([size]))[0, 0]
        assert found == pytest.approx(wanted, rel=1e-12)


@pytest.mark.parametrize("unit", [0.5, 3e3])
@pytest.mark.parametrize("a", [0.0, 1e-9, 1e-3, 2.0, 1e6])
def test_sums_of_the_rising_factorial_are_those_of_its_terms(a, unit):
    counts = np.array([0.0, 1, 2, 200, 256, 257, 300, 3000, 20_000])
    value, slope, bend = rising(counts, np.array([unit]), np.array([a * unit]))[:, 0]
    for i, count in enumerate(counts):
        j = np.arange(count)
        y = j / unit / (1 + j * a)
        wanted = math.fsum(np.log1p(j * a)) - math.lgamma(count + 1)
        assert value[i] == pytest.approx(wanted, rel=1e-12)
        assert slope[i] == pytest.approx(math.fsum(y), rel=1e-12, abs=1e-15)
        assert bend[i] == pytest.approx(math.fsum(y * y), rel=1e-11, abs=1e-15)


PART = Part(NegBinomial, ("x",))


def alone(x: np.ndarray) -> NegBinomial:
    return NegBinomial.estimate(PART, Block(x[None]), np.ones((1, len(x))))


def after(x: np.ndarray, size: float | None, steps: int = 1) -> NegBinomial:
    """What M steps make of a family of this size."""
    here = NegBinomial.from_dict(PART, [{"size": [size], "mean": [x.mean() + 1]}])
    for _ in range(steps):
        here = here.maximise(
            np.array([float(len(x))]), here.statistics(Block(x[None]), np.ones((1, len(x))))
        )
    return here


@settings(max_examples=100)
@given(size=st.floats(-2, 3), mean=st.floats(-1, 5), seed=st.integers(0, 99))
def test_the_size_is_the_maximum(size, mean, seed):
    """Infinite just where the variance is not above the mean (Levin & Reeds 1977)."""
    size, mean = 10**size, 10**mean
    rng = np.random.default_rng(seed)
    x = rng.poisson(rng.gamma(size, mean / size, 200)).astype(float)
    found = alone(x)
    assert np.isfinite(found.size[0, 0]) == (x.var() > x.mean())
    if np.isinf(found.size[0, 0]):
        return

    def total(excess):
        return log_mass(x, found.mean[0], found.mean[0] / excess).sum()

    best = total(found.excess[0])
    for factor in (0.99, 0.9999, 1.0001, 1.01):
        assert total(found.excess[0] * factor) <= best + 1e-9 * abs(best)
    for start in (None, 1e-3, 1.0, 50.0, 1e6):  # from wherever, and there it is near
        np.testing.assert_allclose(after(x, start, 40).excess, found.excess, rtol=1e-6)


def test_poisson_counts_soon_end_in_the_limit():
    x = np.random.default_rng(1).binomial(20, 0.3, 500).astype(float)
    for start in (0.01, 3.0, 1e4, None):
        assert after(x, start, 3).to_dict(0) == {"size": [None], "mean": [x.mean()]}
    one, other = (
        emcli.fit(pd.DataFrame({"x": x.astype(int)}), model=m, k=1)
        for m in ("negbinomial", "poisson")
    )
    assert one.fit["log_likelihood"] == pytest.approx(other.fit["log_likelihood"], rel=1e-13)
    assert one.fit["free_parameters"] == 2 and one.fit["iterations"] < 10
    assert one.fit["diagnostics"]["at_a_limit"] == ["red: size of 'x' is infinite (a Poisson)"]
    assert '"size": [null]' in one.to_json()
    assert one.sample(1000).x.var() == pytest.approx(6, rel=0.2)


def test_a_component_of_a_mixture_is_a_poisson():
    rng = np.random.default_rng(2)
    x = np.r_[rng.binomial(6, 0.5, 800), rng.poisson(rng.gamma(2, 20, 800))]
    for acceleration in ("lbfgs", "squarem", "none"):
        fitted = emcli.fit(
            pd.DataFrame({"x": x}), model="negbinomial", k=2, acceleration=acceleration
        )
        sizes = [c["distributions"][0]["size"][0] for c in fitted.mixture.to_dict()]
        assert sorted(s is None for s in sizes) == [False, True]
        assert fitted.fit["converged"] and fitted.fit["iterations"] < 100


def test_large_counts_have_their_size():
    rng = np.random.default_rng(3)
    rates = rng.gamma(3.0, 1 / 3, 400)
    sizes = [alone(rng.poisson(mean * rates).astype(float)).size[0, 0] for mean in (1e5, 1e8)]
    np.testing.assert_allclose(sizes[1], sizes[0], rtol=1e-3)
    for model in ("geometric", "negbinomial", "zip", "poisson"):
        frame = pd.DataFrame({"x": np.r_[rng.poisson(3, 50), rng.integers(1, 9, 50) * 1e149]})
        assert np.isfinite(emcli.fit(frame, model=model, k=2).fit["log_likelihood"])


@settings(max_examples=100)
@given(zero=st.floats(0.01, 0.95), rate=st.floats(-1, 3), seed=st.integers(0, 99))
def test_the_rate_beside_a_held_zero_probability_is_the_best(zero, rate, seed):
    """There may be two maxima: against a fine grid."""
    rng = np.random.default_rng(seed)
    x = (rng.poisson(10**rate, 60) * (rng.random(60) < 0.3)).astype(float)
    if not x.any():
        return
    part = Part(ZeroInflatedPoisson, ("x",), options={"zero_probability": (zero,)})
    found = ZeroInflatedPoisson.estimate(part, Block(x[None]), np.ones((1, 60)))
    assert found.zero_probability.tolist() == [[zero]]

    def gain(rate):
        log = np.log1p(-zero) - rate + x * np.log(rate)
        return np.where(x > 0, log, np.log(zero + (1 - zero) * np.exp(-rate))).sum()

    grid = np.geomspace(x.mean() * 0.9, x[x > 0].mean() * 1.1, 500)
    assert gain(found.rate[0, 0]) >= max(map(gain, grid)) - 1e-9


def test_the_rate_of_positive_counts_has_their_mean():
    rates = np.array([1e-6, 1e-3, 0.5, 3.0, 700.0, 1e9])
    np.testing.assert_allclose(truncated(rates / -np.expm1(-rates)), rates, rtol=1e-9)
    assert truncated(np.array([1.0]))[0] < 1e-12


def test_no_more_zeros_than_a_poisson_has_is_a_poisson():
    x = np.random.default_rng(4).poisson(1.5, 300)
    x[x == 0] = [0, 1] * (np.count_nonzero(x == 0) // 2) + [0] * (np.count_nonzero(x == 0) % 2)
    one, other = (emcli.fit(pd.DataFrame({"x": x}), model=m, k=1) for m in ("zip", "poisson"))
    assert one.mixture.families[0].to_dict(0) == {"rate": [x.mean()], "zero_probability": [0.0]}
    assert one.fit["log_likelihood"] == pytest.approx(other.fit["log_likelihood"], rel=1e-13)
    assert one.fit["diagnostics"]["at_a_limit"] == ["red: zero probability of 'x' is 0"]


def test_zeros_alone():
    frame = pd.DataFrame({"x": [0, 0, 0, 4], "count": [5, 4, 3, 0.0]})
    for model in ("geometric", "negbinomial", "zip", "poisson"):
        fitted = emcli.fit(frame, model=f"{model}(x)", k=1, weight="count")
        assert fitted.fit["log_likelihood"] == pytest.approx(0, abs=1e-12)
        assert fitted.fit["diagnostics"]["at_a_limit"]


SHARES = np.array([[0.6, 0.3, 0.1], [0.1, 0.2, 0.7]])


def multinomial_rows(n=200, seed=5):
    rng = np.random.default_rng(seed)
    return rng.multinomial(rng.integers(1, 30, n), SHARES[rng.integers(0, 2, n)])


def test_rows_without_a_trial_say_nothing():
    counts = multinomial_rows()
    both = np.vstack([counts, np.zeros((50, 3), int)])
    mixture = Mixture.from_dict(
        emcli.fit(counts, model="multinomial", k=2).mixture.to_dict(), "multinomial"
    )
    one, other = (
        MemorySource(rows.T.astype(float), mixture.inputs) for rows in (counts, both)
    )
    sums, more = e_step(mixture, one), e_step(mixture, other)
    assert more.log_likelihood == pytest.approx(sums.log_likelihood, rel=1e-13)
    np.testing.assert_allclose(
        m_step(mixture, more).families[0].probabilities,
        m_step(mixture, sums).families[0].probabilities, rtol=1e-12,
    )
    again = emcli.fit(both, model="multinomial", k=2)
    np.testing.assert_allclose(again.mixture.weights, mixture.weights, atol=1e-4)
    colours = again.assign(both.astype(float))
    np.testing.assert_allclose(colours.p_red[200:], again.mixture.weights[0], rtol=1e-12)


def test_two_columns_are_successes_and_failures():
    counts = multinomial_rows()[:, :2]
    frame = pd.DataFrame(counts, columns=["heads", "tails"])
    frame["tosses"] = counts.sum(axis=1)
    one = emcli.fit(frame, model="multinomial(heads, tails)", k=2)
    other = emcli.fit(frame, model="binomial(heads, trials=tosses)", k=2)
    assert one.fit["log_likelihood"] == pytest.approx(other.fit["log_likelihood"], abs=1e-7)
    assert one.fit["free_parameters"] == other.fit["free_parameters"]


def test_rows_are_drawn_with_given_totals():
    counts = multinomial_rows()
    fitted = emcli.fit(counts, model="multinomial", k=2)
    with pytest.raises(UsageError, match="totals of x1, x2, x3"):
        fitted.sample(10)
    drawn = fitted.sample(450, given=pd.DataFrame(counts, columns=["x1", "x2", "x3"]))
    totals = drawn[["x1", "x2", "x3"]].sum(axis=1)
    assert totals.tolist() == np.resize(counts.sum(axis=1), 450).tolist()
    shares = drawn.groupby("colour")[["x1", "x2", "x3"]].sum()
    shares = shares.div(shares.sum(axis=1), axis=0).loc[list(fitted.mixture.colours)]
    np.testing.assert_allclose(shares, fitted.mixture.families[0].probabilities, atol=0.05)


def test_multinomials_are_whole_and_compared_with_their_like():
    frame = pd.DataFrame(multinomial_rows(30), columns=list("abc"))
    with pytest.raises(UsageError, match="two columns"):
        emcli.fit(frame, model="multinomial(a)", k=1)
    with pytest.raises(UsageError, match="different measures"):
        emcli.fit(frame, model="multinomial,poisson", k=1)
    gap = frame.astype(float)
    gap.iloc[3, 2] = np.nan
    with pytest.raises(InputError, match=r"row 4, column 'c'.*multinomial"):
        emcli.fit(gap, model="multinomial", k=1)


def test_the_best_negative_binomial_mixture_by_direct_search():
    """Both sizes free, by SciPy's simplex from the fit away: no higher likelihood is near."""
    rng = np.random.default_rng(6)
    x = rng.poisson(np.r_[rng.gamma(3, 2, 300), rng.gamma(6, 10, 200)])
    fitted = emcli.fit(pd.DataFrame({"x": x}), model="negbinomial", k=2)
    family = fitted.mixture.families[0]

    def falling(theta):
        share = 1 / (1 + np.exp(-theta[0]))
        sizes, means = np.exp(theta[1:3]), np.exp(theta[3:])
        masses = stats.nbinom(sizes, sizes / (sizes + means)).pmf(x[:, None])
        return -np.log(masses @ [share, 1 - share]).sum()

    share = fitted.mixture.weights[0]
    theta = [np.log(share / (1 - share)), *np.log(family.size[:, 0]), *np.log(family.mean[:, 0])]
    found = optimize.minimize(falling, np.array(theta) + 0.1, method="Nelder-Mead",
                              options={"maxiter": 4000, "xatol": 1e-6, "fatol": 1e-8})
    assert fitted.fit["log_likelihood"] == pytest.approx(-falling(np.array(theta)), abs=1e-6)
    assert -found.fun <= fitted.fit["log_likelihood"] + 1e-5
