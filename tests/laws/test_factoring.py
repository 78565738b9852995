"""The M step of factor analysers: its slopes, its maximum, what is at its ends."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

import emcli
from emcli.em import m_step
from emcli.errors import DegenerateError, UsageError
from emcli.families import factoring
from emcli.families.base import Part
from emcli.families.factor import Factor
from emcli.mixture import Mixture, Model
from emcli.sources.memory import MemorySource

from ..reference import table as sample_table
from .table import TABLE, rough

ROWS = [row for row in TABLE if row.name.startswith("factor")]


def correlations(rng: np.random.Generator, d: int, n: int, count: int) -> np.ndarray:
    """(count, d, d) of n rows each with two factors and something else."""
    found = []
    for _ in range(count):
        loadings = rng.normal(size=(d, 2))
        rows = rng.normal(size=(n, 2)) @ loadings.T + rng.normal(size=(n, d)) * rng.random(d)
        found.append(np.corrcoef(rows.T))
    return np.array(found)


def minus_twice(s: np.ndarray, loadings: np.ndarray, psi: np.ndarray) -> np.ndarray:
    """log|Sigma| + tr(Sigma^-1 S), by the definition."""
    sigma = loadings @ loadings.swapaxes(-2, -1) + psi[..., None] * np.eye(psi.shape[-1])
    return np.linalg.slogdet(sigma)[1] + np.trace(
        np.linalg.solve(sigma, s), axis1=-2, axis2=-1
    )


@given(seed=st.integers(0, 1000), d=st.integers(3, 7), q=st.integers(1, 3))
def test_newton_has_the_slope_and_the_bend_of_the_likelihood(seed, d, q):
    """One step of it, and the fall it promises, against those by differences."""
    rng = np.random.default_rng(seed)
    s = correlations(rng, d, 40, 1)
    psi = rng.uniform(0.2, 0.9, (1, d))

    def f(t):
        there = np.exp(t) - factoring.BEND
        return factoring.profile(np.repeat(s, len(t), axis=0), there, min(q, d - 1)).value

    h, one, t = 1e-3, np.eye(d), np.log(psi + factoring.BEND)
    slope = (f(t + h * one) - f(t - h * one)) / (2 * h)
    bend = np.array([
        f(t + h * (e + one)) - f(t + h * (e - one)) - f(t - h * (e - one)) + f(t - h * (e + one))
        for e in one
    ]) / (4 * h * h)
    here = factoring.profile(s, psi, min(q, d - 1))
    if (np.abs(here.theta - 1) < 0.05).any() or np.diff(here.theta).max() > -0.05:
        return  # where a factor comes or goes there is no second derivative
    step, fall = factoring.newton(psi, here)
    values, axes = np.linalg.eigh(bend)
    along = axes.T @ slope
    wanted = -axes @ (along / np.abs(values))
    if np.abs(values).min() < 0.01 or np.abs(wanted).max() > 0.5:
        return  # cut short
    np.testing.assert_allclose(step[0], wanted, rtol=1e-2, atol=2e-3)
    assert fall[0] == pytest.approx((along * along / np.abs(values)).sum() / 2, rel=1e-2, abs=1e-5)


@given(seed=st.integers(0, 1000), q=st.integers(1, 3), n=st.sampled_from([5, 12, 40, 400]))
def test_the_maximum_is_one(seed, q, n):
    """No slope in the loadings, none in a uniqueness, or it is nought and the slope positive.

    S may be singular: there are as few as 5 rows of 7 columns.
    """
    rng = np.random.default_rng(seed)
    s = correlations(rng, 7, n, 3)
    loadings, psi = factoring.loadings(s, rng.uniform(0.01, 1, (3, 7)), q)
    sigma = loadings @ loadings.swapaxes(-2, -1) + psi[..., None] * np.eye(7)
    p = np.linalg.inv(sigma)
    slope = p - p @ s @ p
    ended = psi <= factoring.LEAST
    along = np.einsum("bii->bi", slope)
    assert np.abs((along * psi)[~ended]).max() < 1e-5
    assert (along[ended] > -1e-4).all()
    scale = np.abs(p).max(axis=(1, 2))[:, None, None]
    assert (np.abs(slope @ loadings) < 1e-6 * scale).all()
    # The value the climb saw is that of the definition.
    value = factoring.profile(s, psi, q).value
    np.testing.assert_allclose(value, minus_twice(s, loadings, psi), rtol=1e-8, atol=1e-7)


@given(seed=st.integers(0, 1000), q=st.integers(1, 3))
def test_it_is_never_below_where_it_began(seed, q):
    rng = np.random.default_rng(seed)
    s = correlations(rng, 6, 15, 2)
    loadings = rng.normal(size=(2, 6, q)) * 0.5
    psi = rng.uniform(1e-12, 1, (2, 6)) ** 4
    found = factoring.loadings(s, psi, q)
    assert (minus_twice(s, *found) <= minus_twice(s, loadings, psi) + 1e-9).all()


def test_from_nothing_the_highest_of_several_maxima_is_found():
    """Of matrices of few rows, where a start at random can end in a lesser one."""
    rng = np.random.default_rng(0)
    lesser = 0
    for seed in range(40):
        s = correlations(np.random.default_rng(seed), 6, 12, 1)
        found = float(minus_twice(s, *factoring.loadings(s, None, 2))[0])
        others = [
            float(minus_twice(s, *factoring.loadings(s, rng.uniform(0.01, 1, (1, 6)), 2))[0])
            for _ in range(6)
        ]
        assert found <= min(others) + 1e-6
        lesser += max(others) > found + 1e-3
    assert lesser > 5  # there are such matrices


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_loadings_are_turned_to_the_canonical_axes(row):
    source = row.source(300, 1)
    start = rough(row, source)
    for mixture in (start, m_step(start, start.at(row.names)(source.all())),
                    start.from_vector(start.to_vector() + 0.01)):
        (family,) = mixture.families
        inner = np.einsum(
            "kdi,kd,kdj->kij", family.loadings, 1 / family.uniquenesses, family.loadings
        )
        sizes = np.einsum("kii->ki", inner)
        assert (np.diff(sizes, axis=1) < 0).all() and (family.loadings[:, 0] > 0).all()
        off = inner - sizes[:, :, None] * np.eye(sizes.shape[1])
        assert np.abs(off).max() < 1e-10 * sizes.max()


def test_a_uniqueness_of_nought_is_told_and_left_again():
    """A column that is the factor itself; then rows where it is not, from that very fit."""
    rng = np.random.default_rng(3)
    cause = rng.normal(size=500)
    rows = np.array([cause, *(cause * w + rng.normal(size=500) for w in (1.0, 0.7, -0.5, 0.9))])
    names = tuple("abcde")
    model = Model((Part(Factor, names, options={"q": 1}),))
    family = model.estimate(MemorySource(rows, names).all(), names, np.ones((1, 500))).families[0]
    assert family.boundary(0) == ["uniqueness of 'a' is 0"]
    np.testing.assert_allclose(family.loadings[0, 0], rows[0].std(), rtol=1e-9)
    rows[0] += 0.8 * rng.normal(size=500)
    source, mixture = MemorySource(rows, names), Mixture(np.ones(1), (family,))
    again = m_step(mixture, mixture.at(names)(source.all())).families[0]
    wanted = model.estimate(source.all(), names, np.ones((1, 500))).families[0]
    assert again.boundary(0) == []
    np.testing.assert_allclose(again.uniquenesses, wanted.uniquenesses, rtol=1e-6)


def test_a_factor_that_explains_nothing_is_told():
    family = Factor.from_dict(
        Part(Factor, tuple("abcdef"), options={"q": 2}),
        [{"mean": [0] * 6, "loadings": [[1.0, 0.0]] * 6, "uniquenesses": [1] * 6}],
    )
    assert family.boundary(0) == ["loadings of factor 2 are 0"]
    assert np.isfinite(family.to_vector()).all() and family.free == 6 + 12 + 6 - 1


def test_columns_that_add_up_are_degenerate_only_where_factors_can_tell():
    """c = a + b leaves S singular: harmless to one factor, a spike to two."""
    rng = np.random.default_rng(5)
    a, b, *others = rng.normal(size=(6, 300))
    rows = np.array([a, b, a + b, *others])
    names = tuple("abcdefg")
    block, r = MemorySource(rows, names).all(), np.ones((1, 300))
    Model((Part(Factor, names, options={"q": 1}),)).estimate(block, names, r)
    with pytest.raises(DegenerateError, match="singular") as caught:
        Model((Part(Factor, names, options={"q": 2}),)).estimate(block, names, r)
    assert caught.value.component == 0


def test_a_column_without_variance_is_named():
    rng = np.random.default_rng(6)
    rows = rng.normal(size=(4, 60))
    rows[2, :30] = 7.0
    names = tuple("abcd")
    r = np.zeros((2, 60))
    r[0, 30:], r[1, :30] = 1, 1
    with pytest.raises(DegenerateError, match="'c' has no variance in component 2") as caught:
        Model((Part(Factor, names, options={"q": 1}),)).estimate(
            MemorySource(rows, names).all(), names, r
        )
    assert caught.value.component == 1


def test_no_more_than_the_columns_units_leave_it_as_it_is():
    """A turn of the columns is another model, unless q is as large as can be."""
    (row,) = [row for row in ROWS if row.name == "factor(q=1)"]
    values = row.draw(400, 7)
    turn, _ = np.linalg.qr(np.random.default_rng(7).normal(size=(5, 5)))
    one, other = (
        emcli.fit(x.T, model="factor(q=1)", k=3).fit["log_likelihood"]
        for x in (values, turn @ values)
    )
    assert abs(one - other) > 1


@pytest.mark.parametrize(
    ("model", "complaint"),
    [("factor(q=2)", "4 columns cannot tell 2 factors apart; type factor(q=1)"),
     ("factor(q=1-2)", "type factor(q=1)"), ("factor(q=0)", "not a number of factors"),
     ("factor(q=two)", "not a number of factors"), ("factor(q=3-1)", "backwards"),
     ("factor(sepal_length, petal_length)", "3 columns or more, not 2"),
     ("factor(df=2)", "takes q= and mean="), ("factor:VVV", "no variants")],
)  # fmt: skip
def test_numbers_of_factors_that_make_no_sense_are_refused(model, complaint):
    with pytest.raises(UsageError) as caught:
        emcli.fit(sample_table("iris").drop(columns="species"), model=model, k=1)
    assert complaint in str(caught.value)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [({"loadings": [[1.0]] * 3}, "'loadings' must be 4 rows of 1 numbers"),
     ({"uniquenesses": [1.0, 1.0, -1.0, 1.0]}, "'uniquenesses' must be 4 numbers"),
     ({"uniquenesses": [0.0, 0.0, 1.0, 1.0]}, "no covariance matrix"),
     ({"mean": [0.0]}, "'mean' must be 4 numbers")],
)  # fmt: skip
def test_a_file_with_nonsense_is_refused(change, complaint):
    entry = {"mean": [0.0] * 4, "loadings": [[1.0]] * 4, "uniquenesses": [1.0] * 4}
    part = Part(Factor, tuple("abcd"), options={"q": 1})
    with pytest.raises(ValueError, match=complaint):
        Factor.from_dict(part, [entry | change])


def test_missing_cells_are_used():
    """Of one component: the likelihood of what was observed has no slope at its maximum."""
    frame = sample_table("penguins").select_dtypes("number").drop(columns="year")
    values = frame.to_numpy(float).T.copy()
    values[0, ::7], values[3, 1::5] = np.nan, np.nan
    fitted = emcli.fit(values.T, model="factor", k=1)
    assert fitted.fit["converged"] and fitted.fit["missing_cells"] == np.isnan(values).sum()
    (family,) = fitted.mixture.families
    found = 0.0
    for x in values.T:
        there = ~np.isnan(x)
        if there.any():
            sigma = family.covariance[0][np.ix_(there, there)]
            found += stats.multivariate_normal(family.mean[0, there], sigma).logpdf(x[there])
    assert fitted.fit["log_likelihood"] == pytest.approx(found, rel=1e-12)
