"""Missing cells in correlated columns: rows by pattern and rows one by one are the same rows.

The marginal density of what is there is the reference, to fifty digits (`exact`).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from emcli.em import e_step
from emcli.families import marginals, quadratic
from emcli.families.block import Block
from emcli.families.full import Incomplete
from emcli.families.patterns import alike, patterns
from emcli.families.student import Student
from emcli.mixture import Mixture
from emcli.sources.memory import MemorySource

from .exact import between, exactly, normal_log_density
from .test_quadratic import example, kappa_of

WAYS = {"by pattern": 1, "one by one": 10**9, "both": 60}
POWERS = range(0, 17, 2)
PATTERNS = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 1], [0, 0, 1], [1, 1, 1]], dtype=bool)


def holed(power=0, n=400):
    """Three components, rows with holes in few patterns, and r (3, n)."""
    family, values, r = example("full", 10.0**power, n)
    shares = (0.5, 0.3, 0.1, 0.05, 0.05)
    holes = PATTERNS[np.random.default_rng(5).choice(5, n, p=shares)].T
    return Incomplete.of(family, (0, 1, 2)), np.where(holes, np.nan, values), r


def test_patterns_are_those_of_the_rows():
    rng = np.random.default_rng(0)
    values = np.where(rng.random((40, 500)) < 0.02, np.nan, 1.0)
    values[:, ::7] = values[:, :1]  # some alike
    order, edges, holes = patterns(values)
    assert sorted(order) == list(range(500))
    assert len({*map(bytes, holes)}) == len(holes) == len(edges) - 1
    np.testing.assert_array_equal(np.isnan(values[:, order]).T, np.repeat(holes, np.diff(edges), 0))
    for group in alike(values):
        assert (np.isnan(values).sum(axis=0)[group.rows] == group.missing.shape[1]).all()
        assert np.isnan(values[group.missing, group.rows[:, None]]).all()
        np.testing.assert_array_equal(group.patterns[group.of], group.missing)


@pytest.mark.parametrize("power", [0, 3, 5])
@pytest.mark.parametrize("kind", ["gaussian", "student", "stack"])
def test_all_ways_agree(kind, power, monkeypatch):
    """To what cancels where features are used: 1e-16 kappa, and a few digits for the sums."""
    family, values, r = holed(power)
    if kind == "student":
        family = Student(family.columns, family, np.array([3.0, 8.0, np.inf]), incomplete=(0, 1, 2))
    if kind == "stack":
        family, r = family.mapped(lambda a: np.stack([a, a[::-1]])), np.stack([r, 1 - r])
    found = []
    for many in WAYS.values():
        monkeypatch.setattr(marginals, "MANY", many)
        n = r.sum(axis=-1)
        one, block = replace(family), Block(values)
        t = one.statistics(block, r)
        found.append((one.log_density(block), one.maximise(n, t)))
    within = 1e-12 + 1e-14 * 10.0**power
    for log, after in found[1:]:
        np.testing.assert_allclose(log, found[0][0], rtol=0, atol=within)
        np.testing.assert_allclose(
            after.to_vector(found[0][1]), found[0][1].to_vector(), rtol=0, atol=10 * within
        )


@exactly
@pytest.mark.parametrize("power", POWERS)
def test_the_density_is_the_marginal_at_any_kappa(power):
    family, values, _ = holed(power)
    found = family.log_density(Block(values))
    assert family.forms.all() == (kappa_of(family) <= quadratic.MOST_KAPPA)
    within = 1e-12 + 1e-15 * kappa_of(family) if family.forms.all() else 1e-12
    for lacks in PATTERNS:
        rows = (lacks == np.isnan(values).T).all(axis=1)
        seen = ~lacks
        wanted = normal_log_density(
            family.mean[:, seen], family.covariance[:, seen][:, :, seen], values[seen][:, rows]
        )
        assert between(found[:, rows], wanted).max(initial=0.0) < within


@pytest.mark.parametrize("power", [0, 4, 8])
def test_without_a_hole_it_is_what_it_is_by_the_other_path(power):
    full, values, r = example("full", 10.0**power)
    block, n = Block(values), r.sum(axis=1)
    holed = full.seeing((1,))
    np.testing.assert_allclose(holed.log_density(block), full.log_density(block), rtol=1e-12)
    one, other = (f.maximise(n, f.statistics(block, r)) for f in (full, holed))
    np.testing.assert_allclose(other.mean, one.mean, rtol=1e-12)
    size = np.abs(one.covariance).max()
    np.testing.assert_allclose(other.covariance, one.covariance, rtol=0, atol=1e-12 * size)


def test_threads_do_not_change_a_bit():
    family, values, _ = holed(n=300_000)
    mixture = Mixture(np.array([0.5, 0.3, 0.2]), (family,))
    one, two = (e_step(mixture, MemorySource(values, family.columns, threads=t)) for t in (1, 2))
    assert one.log_likelihood == two.log_likelihood
    assert (one.statistics[0] == two.statistics[0]).all()
