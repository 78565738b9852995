"""Quadratic forms: the ways to evaluate them agree, and each is chosen where it is exact enough.

The reference is computed to fifty digits from the very same double-precision numbers (`exact`).
"""

from dataclasses import replace

import numpy as np
import pytest

from emcli.em import m_step
from emcli.families import quadratic
from emcli.families.block import Block
from emcli.families.gaussian import Diagonal, Full
from emcli.families.structures import STRUCTURES
from emcli.numerics import unpack
from emcli.sources.memory import MemorySource

from .exact import between, exactly, moments, normal_log_density
from .rows.gaussian import covariances
from .table import TABLE, every_row

POWERS = range(17)


def example(kind, kappa, n=400, seed=0):
    """Three components far enough from the origin for this kappa (nearly), rows, and r (3, n)."""
    rng = np.random.default_rng(seed)
    sigma = covariances("VVV")
    # kappa is that of the component that reaches furthest along its thinnest direction.
    reach = np.sqrt(kappa * np.linalg.eigvalsh(sigma)[:, 0].min())
    mean = np.array([[0.6, -0.64, 0.48]]) * reach + rng.normal(size=(3, 3))
    colours = rng.integers(0, 3, n)
    if kind == "full":
        family = Full(("a", "b", "c"), "VVV", mean, np.zeros(3), sigma)
    else:
        family = Diagonal(
            ("a", "b", "c"), "VVI", mean, np.zeros(3), np.einsum("kii->ki", sigma).copy()
        )
    return family, family.sample(rng, colours, None), rng.dirichlet(np.ones(3), n).T


def kappa_of(family):
    precision = family.precision if isinstance(family, Full) else 1 / family.variance
    return quadratic.kappa(family.mean - family.origin, np.sqrt(family.variances), precision)


def spread_of(family):
    """(K, d, d) covariances."""
    spread = family.spread
    return spread if spread.ndim == 3 else spread[:, :, None] * np.eye(3)


@exactly
@pytest.mark.parametrize("kind", ["full", "diagonal"])
@pytest.mark.parametrize("power", POWERS)
def test_log_density_is_exact_at_any_kappa(kind, power):
    family, values, _ = example(kind, 10.0**power)
    wanted = normal_log_density(family.mean, spread_of(family), values)
    error = between(family.log_density(Block(values)), wanted).max()
    assert error < (1e-12 + 1e-15 * kappa_of(family) if family.linear else 1e-12)


@exactly
@pytest.mark.parametrize("kind", ["full", "diagonal"])
@pytest.mark.parametrize("power", POWERS)
def test_the_m_step_is_exact_at_any_kappa(kind, power):
    family, values, r = example(kind, 10.0**power)
    mean, sigma = moments(values, r)
    fitted = family.maximise(r.sum(axis=1), family.statistics(Block(values), r))
    within = 1e-14 + 1e-15 * kappa_of(family) if family.linear else 1e-14
    variances = np.einsum("kii->ki", sigma)
    sd, size = np.sqrt(variances).astype(float), np.abs(mean).astype(float)
    # A mean cannot be nearer than the rounding of numbers of its size.
    assert (between(fitted.mean, mean) < within * sd + 1e-15 * size).all()
    spread = sigma if kind == "full" else variances
    assert between(fitted.spread, spread).max() < within * float(np.abs(spread).max())


@pytest.mark.parametrize("kind", ["full", "diagonal"])
def test_the_switch_is_at_kappa_1e6_and_is_not_felt(kind):
    below, above = (example(kind, kappa)[0] for kappa in (1e4, 1e8))
    assert kappa_of(below) < quadratic.MOST_KAPPA < kappa_of(above)
    assert below.linear and not above.linear
    assert quadratic.MOST_KAPPA == 1e6


@pytest.mark.parametrize("kind", ["full", "diagonal"])
@pytest.mark.parametrize("power", [0, 2, 4, 6, 8])
def test_both_forms_agree_on_the_same_block(kind, power, monkeypatch):
    """To what cancels: 1e-16 kappa, and a few digits for the sums."""
    kappa = 10.0**power
    family, values, r = example(kind, kappa, seed=1)
    n, found = r.sum(axis=1), {}
    for name, most in (("features", np.inf), ("centred", -1.0)):
        monkeypatch.setattr(quadratic, "MOST_KAPPA", most)
        one = replace(family)
        assert one.linear == (name == "features")
        t = one.statistics(Block(values), r)
        found[name] = one.log_density(Block(values)), one.q(n, t), one.maximise(n, t)
    within = 1e-12 + 1e-14 * kappa
    (log_a, q_a, a), (log_b, q_b, b) = found["features"], found["centred"]
    np.testing.assert_allclose(log_a, log_b, rtol=0, atol=within)
    assert q_a == pytest.approx(q_b, abs=n.sum() * within)
    np.testing.assert_allclose(a.mean, b.mean, rtol=1e-14, atol=within)
    np.testing.assert_allclose(a.spread, b.spread, rtol=0, atol=within * 10)


@pytest.mark.parametrize("structure", STRUCTURES)
def test_a_far_origin_changes_nothing(structure):
    """Sums about another origin, on the other side of the switch, give the same EM step."""
    (row,) = [row for row in TABLE if row.name == f"gaussian:{structure}"]
    source = row.source(400, 60)
    near = row.mixture
    far = replace(near, families=(replace(near.families[0], origin=np.full(3, 1e5)),))
    assert near.families[0].linear and not far.families[0].linear
    sums = [m.at(row.names)(source.all()) for m in (near, far)]
    assert sums[1].log_likelihood == pytest.approx(sums[0].log_likelihood, rel=1e-12)
    a, b = (m_step(m, s).families[0] for m, s in zip((near, far), sums, strict=True))
    np.testing.assert_allclose(b.mean, a.mean, rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(b.spread, a.spread, rtol=1e-10, atol=1e-11)


@every_row
def test_mixed_forms_stack(row):
    """A product where one block is centred and the others are not."""
    families = tuple(
        replace(f, origin=np.full(len(f.columns), 1e6)) if f.name == "gaussian" else f
        for f in row.mixture.families
    )
    other = replace(row.mixture, families=families)
    source = MemorySource(row.draw(300, 61), row.names, np.linspace(0.5, 2, 300))
    one, again = (m.at(row.names)(source.all()) for m in (row.mixture, other))
    assert again.log_likelihood == pytest.approx(one.log_likelihood, rel=1e-12)
    np.testing.assert_allclose(again.n, one.n, rtol=1e-11)
    assert other.q(again) == pytest.approx(row.mixture.q(one), rel=1e-11)


def test_wide_tables_use_the_centred_form():
    """Above the crossover of the two, whatever kappa; and it is the same density."""
    d = quadratic.MOST_COLUMNS + 1
    rng = np.random.default_rng(62)
    names = tuple(f"x{j}" for j in range(d))
    root = rng.normal(size=(2, d, 2 * d)) / np.sqrt(2 * d)
    family = Full(names, "VVV", rng.normal(size=(2, d)), np.zeros(d),
                  root @ root.transpose(0, 2, 1))
    assert not family.linear and kappa_of(family) < quadratic.MOST_KAPPA
    values = rng.normal(size=(d, 50))
    for k in range(2):
        z = values - family.mean[k][:, None]
        wanted = -0.5 * (
            (z * np.linalg.solve(family.covariance[k], z)).sum(axis=0)
            + np.linalg.slogdet(family.covariance[k])[1] + d * np.log(2 * np.pi)
        )
        np.testing.assert_allclose(family.log_density(Block(values))[k], wanted, rtol=1e-10)


def test_packed_triangles_unpack():
    rng = np.random.default_rng(63)
    values = rng.normal(size=(4, 9))
    out = np.empty((4 + 10, 9))
    quadratic.full_features(Block(values), np.ones(4), out)
    z = values - 1
    np.testing.assert_allclose(out[:4], z)
    np.testing.assert_allclose(unpack(out[4:].T.copy(), 4), np.einsum("in,jn->nij", z, z))


@exactly
@pytest.mark.parametrize("structure", STRUCTURES)
@pytest.mark.parametrize("scale", [1e-8, 1e12])
def test_columns_of_any_size_and_offset(structure, scale):
    """Columns in other units, one a million sds from nought: the sums keep their digits."""
    (row,) = [row for row in TABLE if row.name == f"gaussian:{structure}"]
    values = scale * (row.draw(300, 64) + np.array([[0.0], [1e6], [0.0]]))
    r = np.random.default_rng(64).dirichlet(np.ones(3), 300).T
    source = MemorySource(values, row.names)
    fitted = row.model.estimate(source.all(), row.names, r).families[0]
    mean, sigma = moments(values, r)
    np.testing.assert_allclose(fitted.mean, mean.astype(float), rtol=1e-14, atol=1e-12 * scale)
    if structure == "VVV":
        np.testing.assert_allclose(fitted.spread, sigma.astype(float), rtol=1e-11)
    wanted = normal_log_density(fitted.mean, spread_of(fitted), values)
    assert between(fitted.log_density(Block(values)), wanted).max() < 1e-9
