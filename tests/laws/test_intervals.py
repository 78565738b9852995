"""Intervals: the laws of families, on rows of which some are binned and some censored; and theirs.

An interval without width is the value itself, narrow ones come near it, and the maximum found is
that of a likelihood written down with SciPy's distribution functions. The file knows nothing of
intervals, so that laws of files do not hold of these rows: they are not in the table.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
import pandas as pd
import pytest
from scipy import optimize, stats

import emcli
from emcli.em import e_step, m_step, steps
from emcli.errors import UsageError
from emcli.families.base import Part
from emcli.families.between import LAWS
from emcli.families.block import Block
from emcli.families.exponential_distribution import Exponential
from emcli.families.gamma import Gamma
from emcli.families.gaussian import Gaussian
from emcli.families.interval import Interval
from emcli.families.lognormal import Lognormal
from emcli.families.poisson import Poisson
from emcli.families.weibull import Weibull
from emcli.mixture import Mixture
from emcli.sources.memory import MemorySource

from . import test_charts, test_density, test_em, test_invariance, test_starts, test_statistics
from .example import Example, Row, rough
from .rows.interval import GAUSSIAN as TRUNCATED
from .searching import differing, search

WIDTH = 1.5
FAMILIES = {
    "gaussian": (
        Part(Gaussian, ("a",), "V"), [{"mean": [m], "variance": [v]} for m, v in
                                      ((1.0, 1.0), (8.0, 2.0), (15.0, 1.5))],
        lambda e: stats.norm(e["mean"][0], np.sqrt(e["variance"][0])),
    ),
    "lognormal": (
        Part(Lognormal, ("a",)), [{"mu": [m], "sigma": [s]} for m, s in
                                  ((1.0, 0.3), (2.2, 0.2), (3.1, 0.15))],
        lambda e: stats.lognorm(e["sigma"][0], scale=np.exp(e["mu"][0])),
    ),
    "exponential": (
        Part(Exponential, ("a",)), [{"rate": [r]} for r in (0.01, 0.3, 6.0)],
        lambda e: stats.expon(scale=1 / e["rate"][0]),
    ),
    "gamma": (
        Part(Gamma, ("a",)), [{"shape": [a], "scale": [s]} for a, s in
                              ((3.0, 0.8), (30.0, 0.3), (80.0, 0.2))],
        lambda e: stats.gamma(e["shape"][0], scale=e["scale"][0]),
    ),
    "weibull": (
        Part(Weibull, ("a",)), [{"shape": [c], "scale": [s]} for c, s in
                                ((1.5, 2.0), (6.0, 8.0), (15.0, 17.0))],
        lambda e: stats.weibull_min(e["shape"][0], scale=e["scale"][0]),
    ),
    "poisson": (
        Part(Poisson, ("a",)), [{"rate": [r]} for r in (1.5, 12.0, 40.0)],
        lambda e: stats.poisson(e["rate"][0]),
    ),
}


def log_mass(found, lower, upper):
    """(n,) log P(lower <= X <= upper) by SciPy, or the log density where both are the same."""
    discrete = hasattr(found, "pmf")
    below = lower - 1 if discrete else lower
    with np.errstate(all="ignore"):
        exact = found.logpmf(lower) if discrete else found.logpdf(lower)
        tails = found.sf(below) - found.sf(upper), found.cdf(upper) - found.cdf(below)
        between = np.log(np.where(lower > found.mean(), *tails))
    return np.where(lower == upper, exact, between)


def cut(values, seed, whole):
    """(2, n) a third of the values as they are, a third binned, a sixth censored on either side."""
    rng = np.random.default_rng(seed)
    kind = rng.integers(0, 6, len(values))
    lower, upper = values.copy(), values.copy()
    binned = kind < 2
    lower[binned] = np.floor(values[binned] / WIDTH) * WIDTH
    upper[binned] = lower[binned] + WIDTH
    if whole:
        lower, upper = np.ceil(lower), np.floor(upper)
    else:
        lower[binned & (lower <= 0) & (values > 0)] = 0.0
    # Censoring times know nothing of the values.
    limit = rng.choice(values, len(values))
    right, left = (kind == 2) & (values > limit), (kind == 3) & (values < limit)
    lower[right], upper[right] = limit[right], np.inf
    lower[left], upper[left] = -np.inf, limit[left]
    return np.array([lower, upper])


@dataclass(frozen=True)
class Coarse(Row):
    """A row whose values are seen in part."""

    def draw(self, n, seed=0):
        values = super().draw(n, seed)[0]
        return cut(values, seed, self.name == "poisson")


def coarse(name):
    part, entries, distribution = FAMILIES[name]

    def twin(entry, x):
        return log_mass(distribution(entry), *x)

    return Coarse(name, (Example(Interval.part(part, "up", -np.inf, np.inf), entries, twin),))


ROWS = [coarse(name) for name in FAMILIES]
every = pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)


def test_every_family_is_tried():
    assert {row.name for row in ROWS} == {*LAWS} - {"uniform"}  # which nothing is estimated of


EVERY = [
    test_density.test_agrees_with_scipy,
    test_density.test_posterior_is_bayes_rule,
    test_statistics.test_any_split_gives_the_same_sums,
    test_statistics.test_weight_two_is_the_row_twice,
    test_statistics.test_weight_two_is_the_row_twice_all_the_way,
    test_em.test_an_m_step_never_lowers_q,
    test_em.test_accelerated_and_plain_end_together,
    test_charts.test_the_information_is_the_bend_of_q,
    test_invariance.test_the_order_of_the_rows_does_not_matter,
]
# Where one M step maximises Q.
EXACT = [
    test_em.test_m_step_beats_its_neighbours,
    test_em.test_m_step_is_a_stationary_point_of_q,
    test_em.test_the_likelihood_rises_by_at_least_q,
]


@pytest.mark.parametrize("law", EVERY, ids=lambda law: law.__name__)
@every
def test_laws_of_every_family(row, law):
    law(row)


@pytest.mark.parametrize("law", EXACT, ids=lambda law: law.__name__)
@pytest.mark.parametrize("row", [row for row in ROWS if row.exact], ids=lambda row: row.name)
def test_laws_of_exact_m_steps(row, law):
    law(row)


def test_simulate_and_fit_recovers_the_truth():
    test_em.test_simulate_and_fit_recovers_the_truth(ROWS[0])


@every
def test_the_likelihood_never_falls_and_starts_are_fit(row):
    for seed in (0, 1):
        test_em.test_the_likelihood_never_falls(row, seed)
    for kind in test_starts.KINDS:
        test_starts.test_every_kind_gives_k_components_and_the_same_again(row, kind)


@pytest.mark.parametrize(
    "row", [row for row in ROWS if row.name in ("gaussian", "gamma", "poisson")],
    ids=lambda row: row.name,
)  # fmt: skip
def test_the_order_of_the_rows_does_not_matter_to_the_search(row):
    """With the default starts: of gammas one to four in ten find the highest maximum, so that with
    five, as the law of all families has it, the search may end at another, 0.3 nats lower."""
    source = row.source(250, seed=44)
    mixed = source.only(np.random.default_rng(44).permutation(250))
    one, other = search(row, source), search(row, mixed)
    assert other.log_likelihood == pytest.approx(one.log_likelihood, abs=1e-6)
    assert not differing(one, source.values, other, source.values, row.names)


@every
def test_an_interval_without_width_is_the_value(row):
    """The same likelihood and the same M step as of the plain family, to 1e-12."""
    values = Row.draw(row, 200, 3)
    part, entries, _ = FAMILIES[row.name]
    plain = Mixture(row.mixture.weights, (part.family.from_dict(part, entries),))
    weights = np.random.default_rng(3).exponential(size=200)
    one = MemorySource(np.array([values[0], values[0]]), row.names, weights)
    other = MemorySource(values[:1], part.columns, weights)
    paths = [islice(steps(m, s), 5) for m, s in ((row.mixture, one), (plain, other))]
    for a, b in zip(*paths, strict=True):
        assert a.log_likelihood == pytest.approx(b.log_likelihood, rel=1e-12)
        np.testing.assert_allclose(a.mixture.to_vector(row.mixture), b.mixture.to_vector(plain),
                                   rtol=1e-10, atol=1e-12)


# Whole numbers lie no nearer than one.
@pytest.mark.parametrize(
    "row", [row for row in ROWS if row.name != "poisson"], ids=lambda row: row.name
)
def test_narrow_intervals_come_near_the_value(row):
    values = Row.draw(row, 300, 4)[0]
    plain = e_step(row.mixture, MemorySource(np.array([values, values]), row.names))
    exact = plain.log_likelihood
    plain_ahead = m_step(row.mixture, plain).to_vector(row.mixture)
    logs, moved = [], []
    for width in (1e-2, 1e-3, 1e-4):
        half = width * np.abs(values) / 2
        sides = np.array([values - half, values + half])
        near = e_step(row.mixture, MemorySource(sides, row.names))
        logs.append(near.log_likelihood - np.log(2 * half).sum() - exact)
        moved.append(np.abs(m_step(row.mixture, near).to_vector(row.mixture) - plain_ahead).max())
    assert abs(logs[0]) < 1 and moved[0] < 0.1
    for found in (np.abs(logs), moved):  # with the square of the width
        assert found[1] < 0.02 * found[0] and found[2] < 0.03 * found[1]


@every
def test_the_tails_of_a_component_have_no_end(row):
    """Far out the mass is less than a double can be; its logarithm and the mean are still there."""
    (family,) = row.mixture.families
    far = 3000.0
    found = LAWS[family.inner.name](family.inner, np.array([far]), np.array([np.inf]))
    mean = (found.points * found.shares).sum(axis=-1)
    assert np.isfinite(found.log_mass).all() and (found.log_mass < -20).all()
    assert (mean >= far * (1 - 1e-12)).all() and (mean < 1.2 * far).all()


@every
def test_sides_that_are_missing_add_nothing(row):
    values = row.draw(100, 5)
    blank = np.hstack([values, np.full((2, 20), np.nan)])
    one, other = (row.mixture.at(row.names)(Block(x)) for x in (values, blank))
    assert other.log_likelihood == pytest.approx(one.log_likelihood, rel=1e-13)
    np.testing.assert_allclose(other.statistics[0], one.statistics[0], rtol=1e-13)


@pytest.mark.parametrize("name", list(FAMILIES))
def test_censored_rows_reach_the_maximum_of_the_likelihood(name):
    """The end of the fit against the likelihood by SciPy: nowhere near is there a higher one."""
    _, entries, distribution = FAMILIES[name]
    rng = np.random.default_rng(6)
    true = distribution(entries[1])
    times, limits = true.rvs(250, random_state=rng), true.rvs(250, random_state=rng) * 1.3
    limits = np.floor(limits) if name == "poisson" else limits
    table = pd.DataFrame({"a": np.minimum(times, limits), "seen": (times <= limits).astype(int)})
    fitted = emcli.fit(table, model=name, k=1, censored="a=seen")
    found = fitted.mixture.families[0].to_dict(0)
    lower = table.a.to_numpy(float)
    upper = np.where(table.seen == 1, lower, np.inf)
    keys = list(found)

    def lost(theta):
        values = theta if keys[0] in ("mean", "mu") else np.exp(theta)
        entry = {key: [float(v)] for key, v in zip(keys, values, strict=True)}
        return -log_mass(distribution(entry), lower, upper).sum()

    at = np.array([found[key][0] for key in keys])
    at = at if keys[0] in ("mean", "mu") else np.log(at)
    assert fitted.fit["log_likelihood"] == pytest.approx(-lost(at), abs=1e-8)
    best = optimize.minimize(lost, at + 0.05, method="Nelder-Mead",
                             options={"xatol": 1e-8, "fatol": 1e-10, "maxiter": 4000})
    assert -best.fun == pytest.approx(fitted.fit["log_likelihood"], abs=1e-6)
    np.testing.assert_allclose(best.x, at, atol=2e-3)


def test_intervals_in_a_range_of_which_nothing_else_was_recorded():
    """Both at once, against the likelihood by SciPy; and no step of EM falls."""
    low, high = 2.0, 14.0
    part, entries, distribution = FAMILIES["gaussian"]
    values = Row.draw(coarse("gaussian"), 600, 7)[0]
    values = values[(values > low) & (values < high)]
    lower, upper = cut(values, 8, whole=False)
    table = pd.DataFrame({"lo": lower, "up": upper}).replace([np.inf, -np.inf], np.nan)
    fitted = emcli.fit(table, k=2, interval="x=lo,up", truncated="2,14")
    weights = fitted.mixture.weights
    joint = []
    for k, weight in enumerate(weights):
        entry = fitted.mixture.families[0].to_dict(k)
        assert entry["truncated_below"] == [low] and entry["truncated_above"] == [high]
        found = distribution(entry)
        inside = log_mass(found, np.maximum(lower, low), np.minimum(upper, high))
        # Outside the range a difference of distribution functions cancels: take the tail.
        (whole,) = log_mass(found, np.array([low]), np.array([high]))
        joint.append(np.log(weight) + inside - whole)
    total = np.logaddexp(*joint).sum()
    assert fitted.fit["log_likelihood"] == pytest.approx(total, abs=1e-7)
    one = Interval.part(part, "up", low, high)
    ends = {"truncated_below": [low], "truncated_above": [high]}
    row = Row("both", (replace(TRUNCATED, part=one, entries=[e | ends for e in entries]),))
    sides = np.array([np.maximum(lower, low), np.minimum(upper, high)])
    source = MemorySource(sides, row.names)
    path = [s.log_likelihood for s in islice(steps(rough(row, source), source), 60)]
    assert (np.diff(path) > -1e-10 * (source.rows + abs(path[-1]))).all() and path[-1] > path[0]


@pytest.mark.parametrize(
    ("model", "options"),
    [("gaussian", {"noise": True, "k": 2}), ("gamma | poisson", {}),
     ("gaussian | lognormal", {"k": 2, "truncated": "1,22"})],
)  # fmt: skip
def test_components_of_different_kinds_see_intervals_too(model, options):
    """The likelihood is that of SciPy's distribution functions, kind by kind."""
    if model.endswith("poisson"):
        with pytest.raises(UsageError, match="a density"):
            emcli.fit(pd.DataFrame({"lo": [1.0], "up": [2.0]}), model=model, interval="x=lo,up")
        return
    rng = np.random.default_rng(11)
    values = np.concatenate([rng.normal(6, 0.5, 200), rng.normal(12, 0.5, 200),
                             rng.uniform(2, 20, 40)])
    lower, upper = cut(values, 11, whole=False)
    table = pd.DataFrame({"lo": lower, "up": upper}).replace([np.inf, -np.inf], np.nan)
    fitted = emcli.fit(table, model=model, interval="x=lo,up", **{"k": 2} | options)
    low, high = (1.0, 22.0) if "truncated" in options else (-np.inf, np.inf)
    joint = []
    for component in fitted.mixture.to_dict():
        (entry,) = component["distributions"]
        if entry["family"] == "uniform":
            reach = entry["upper"][0] - entry["lower"][0]
            finite = np.concatenate([lower, upper])[np.isfinite([*lower, *upper])]
            assert entry["lower"] == [finite.min()] and entry["upper"] == [finite.max()]
            found = stats.uniform(entry["lower"][0], reach)
            assert component["colour"] == "grey"
            assert component["weight"] == pytest.approx(40 / 440, abs=0.03)
        else:
            found = FAMILIES[entry["family"]][2](entry)
        inside = log_mass(found, np.maximum(lower, low), np.minimum(upper, high))
        (whole,) = log_mass(found, np.array([low]), np.array([high]))
        joint.append(np.log(component["weight"]) + inside - whole)
    total = np.logaddexp.reduce(joint).sum()
    assert fitted.fit["log_likelihood"] == pytest.approx(total, rel=1e-9)
    scored = fitted.in_part(interval="x=lo,up").score(table)
    assert scored.total == pytest.approx(total, rel=1e-9)


def test_a_sharp_component_is_summed_about_its_own_mean():
    """Where a product of features would cancel, expected sums are taken as others are."""
    part = Part(Gaussian, ("a",), "V")
    entries = [{"mean": [m], "variance": [1e-8]} for m in (1.0, 2.0, 3.0)]
    row = Row("sharp", (Example(Interval.part(part, "up", -np.inf, np.inf), entries, None),))
    (family,) = row.mixture.families
    assert not family.inner.linear
    values = row.draw(600, 9)[0]
    sides = np.array([values - 1e-4, values + 1e-4])
    moved = m_step(row.mixture, e_step(row.mixture, MemorySource(sides, row.names)))
    np.testing.assert_allclose(moved.families[0].inner.mean[:, 0], [1, 2, 3], atol=2e-5)
    np.testing.assert_allclose(moved.families[0].inner.variance[:, 0], 1e-8, rtol=0.3)
    stacked = Mixture.stack([row.mixture, moved])
    found = e_step(stacked, MemorySource(sides, row.names))
    for i, one in enumerate((row.mixture, moved)):
        alone = e_step(one, MemorySource(sides, row.names))
        np.testing.assert_allclose(found.statistics[0][i], alone.statistics[0], rtol=1e-12)


def test_intervals_of_components_far_apart_in_a_long_table():
    """In pieces, as many as the room for nodes asks for, and in one: the same sums."""
    row = ROWS[0]
    values = row.draw(20_000, 10)
    values = values[:, values[0] < values[1]]
    (family,) = row.mixture.families
    r = np.random.default_rng(10).dirichlet(np.ones(3), values.shape[1]).T
    whole = family.statistics(Block(values), r)
    half = values.shape[1] // 2
    parts = [family.statistics(Block(values[:, rows]), r[:, rows])
             for rows in (slice(None, half), slice(half, None))]
    np.testing.assert_allclose(whole, parts[0] + parts[1], rtol=1e-11)
