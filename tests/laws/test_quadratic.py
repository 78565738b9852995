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
from emcli.mixture import Mixture
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
    if kind != "diagonal":
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


@pytest.fixture(params=["full", "banded", "diagonal"])
def kind(request, monkeypatch):
    """What is compared; banded is how many columns of few components are evaluated."""
    if request.param == "banded":
        monkeypatch.setattr(quadratic, "by_bands", lambda d, components: True)
    return request.param


@exactly
@pytest.mark.parametrize("power", POWERS)
def test_log_density_is_exact_at_any_kappa(kind, power):
    family, values, _ = example(kind, 10.0**power)
    wanted = normal_log_density(family.mean, spread_of(family), values)
    error = between(family.log_density(Block(values)), wanted).max()
    assert error < (1e-12 + 1e-15 * kappa_of(family) if family.linear else 1e-12)


@exactly
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
    spread = variances if kind == "diagonal" else sigma
    assert between(fitted.spread, spread).max() < within * float(np.abs(spread).max())


@pytest.mark.parametrize("kind", ["full", "diagonal"])
def test_the_switch_is_at_kappa_1e6_and_is_not_felt(kind):
    below, above = (example(kind, kappa)[0] for kappa in (1e4, 1e8))
    assert kappa_of(below) < quadratic.MOST_KAPPA < kappa_of(above)
    assert below.linear and not above.linear
    assert quadratic.MOST_KAPPA == 1e6


@pytest.mark.parametrize("kind", ["full", "diagonal"])
@pytest.mark.parametrize("power", [0, 2, 4, 6, 8])
def test_the_forms_agree_on_the_same_block(kind, power, monkeypatch):
    """To what cancels: 1e-16 kappa, and a few digits for the sums."""
    kappa = 10.0**power
    family, values, r = example(kind, kappa, seed=1)
    n, found = r.sum(axis=1), {}
    ways = [("features", np.inf, False), ("bands", np.inf, True), ("centred", -1.0, False)]
    for name, most, banded in ways[:: 2 if kind == "diagonal" else 1]:
        monkeypatch.setattr(quadratic, "MOST_KAPPA", most)
        monkeypatch.setattr(quadratic, "by_bands", lambda d, components, banded=banded: banded)
        one = replace(family)
        assert one.linear == (name != "centred")
        t = one.statistics(Block(values), r)
        found[name] = one.log_density(Block(values)), one.q(n, t), one.maximise(n, t)
    within = 1e-12 + 1e-14 * kappa
    log_b, q_b, b = found.pop("centred")
    for log_a, q_a, a in found.values():
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


def normals(d, k, starts=(), away=1.0, seed=62):
    """Components of d columns, so many units from the origin, of so many starts."""
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(*starts, k, d, 2 * d)) / np.sqrt(2 * d)
    mean = away * rng.normal(size=(*starts, k, d))
    names = tuple(f"x{j}" for j in range(d))
    return Full(names, "VVV", mean, np.full(d, 0.5), root @ root.swapaxes(-2, -1))


@pytest.mark.parametrize("d, k, starts", [(20, 8, ()), (33, 2, ()), (70, 1, ()), (40, 3, (4,))])
def test_bands_are_the_features(d, k, starts):
    """An E step of few wide components, of several starts too, is what their features give."""
    family = normals(d, k, starts)
    assert family.linear
    mixture = Mixture(np.full((*starts, k), 1 / k), (family,))
    source = MemorySource(np.random.default_rng(0).normal(size=(d, 500)), family.columns)
    alone, featured = (mixture.at(family.columns, featured) for featured in (False, True))
    assert alone.theta.shape[-1] == 1 and featured.theta.shape[-1] == 1 + family.width
    one, other = alone(source.all()), featured(source.all())
    np.testing.assert_allclose(one.log_likelihood, other.log_likelihood, rtol=1e-12)
    np.testing.assert_allclose(one.n, other.n, rtol=1e-9)
    np.testing.assert_allclose(one.statistics[0], other.statistics[0], rtol=0, atol=1e-8)
    np.testing.assert_allclose(
        family.log_density(source.all()) + np.log(1 / k), alone.joint(source.all())[0], atol=1e-9
    )


def test_bands_are_exact_up_to_the_largest_kappa():
    """Several bands, far from the origin: the centred form is the reference."""
    family = normals(40, 3, away=25.0)
    assert 1e5 < kappa_of(family) < quadratic.MOST_KAPPA and family.quicker_alone(3)
    rng = np.random.default_rng(1)
    block = Block(family.sample(rng, rng.integers(0, 3, 300), None))
    root, log_determinant = family.factors
    distance = quadratic.full_centred(block, family.mean, root)
    wanted = -0.5 * (distance + log_determinant[:, None] + 40 * quadratic.LOG_2PI)
    np.testing.assert_allclose(family.log_density(block), wanted, rtol=1e-9)
    r = rng.dirichlet(np.ones(3), 300).T
    found = family.maximise(r.sum(axis=1), family.statistics(block, r))
    own = [np.cov(block.values, aweights=share, bias=True) for share in r]
    np.testing.assert_allclose(found.spread, own, atol=1e-9)


@pytest.mark.parametrize("d, most", [(2, 0), (5, 0), (10, 3), (20, 8), (100, 48)])
def test_few_wide_components_are_evaluated_by_bands(d, most):
    """Of one mixture or of a stack of starts; more of them by their features."""
    assert not most or normals(d, 1).quicker_alone(most)
    assert not normals(d, 1).quicker_alone(most + 1)


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
