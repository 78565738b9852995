"""The M steps of the 14 covariance structures: the maximum, the structure, and nothing else."""

import numpy as np
import pytest
from scipy.linalg import expm
from scipy.optimize import minimize

from emcli.errors import DegenerateError, UsageError
from emcli.families.charts import around
from emcli.families.structures import (
    ALIASES,
    AXIS_ALIGNED,
    INVARIANCE,
    SHARES_VOLUME_AND_SHAPE,
    STRUCTURES,
    canonical,
    covariances,
    free_parameters,
)

FULL = [name for name in STRUCTURES if name not in AXIS_ALIGNED]


def problem(seed, k, d, unlike=1.0):
    """n (K,) and scatter matrices (K, d, d) of components that differ in every way."""
    rng = np.random.default_rng(seed)
    n = rng.uniform(20, 100, k)
    rows = rng.normal(size=(k, d, 2 * d + 3)) * np.exp(unlike * rng.normal(size=(k, d, 1)))
    mix = np.linalg.qr(rng.normal(size=(k, d, d)))[0]
    rows = mix @ rows
    return n, rows @ rows.transpose(0, 2, 1)


def given(structure, scatter):
    """What `covariances` is given: diagonals where the structure is axis-aligned."""
    return np.einsum("kii->ki", scatter).copy() if structure in AXIS_ALIGNED else scatter


def matrices(sigma):
    return sigma[:, :, None] * np.eye(sigma.shape[1]) if sigma.ndim == 2 else sigma


def objective(n, scatter, sigma):
    """Σ_k −½ [n_k log|Σ_k| + tr(Σ_k⁻¹ W_k)]"""
    sigma = matrices(sigma)
    traces = np.trace(np.linalg.solve(sigma, scatter), axis1=1, axis2=2)
    return -0.5 * float(n @ np.linalg.slogdet(sigma)[1] + traces.sum())


def belongs(structure, sigma, tolerance=1e-8):
    """Whether Σ has the structure: then it is the M step of the scatters n_k Σ_k."""
    n = np.linspace(1, 2, len(sigma)) * 50
    scatter = sigma * n.reshape(-1, *[1] * (sigma.ndim - 1))
    again = covariances(structure, n, scatter, sigma)
    return np.allclose(again, sigma, rtol=tolerance, atol=tolerance * np.abs(sigma).max())


def from_letters(structure, vector, k, d):
    """Σ_k = λ_k D_k A_k D_kᵀ written out: a second parametrisation, for the direct optimum."""
    parts, at = [], 0
    for letter, size in zip(structure, (1, d - 1, d * (d - 1) // 2), strict=True):
        copies = {"E": 1, "V": k, "I": 0}[letter]
        found = vector[at : at + copies * size].reshape(copies, size)
        at += copies * size
        parts.append(np.broadcast_to(found if copies else np.zeros((1, size)), (k, size)))
    volume, shape, angles = parts
    logs = volume + np.column_stack([shape, -shape.sum(axis=1)])
    skew = np.zeros((k, d, d))
    skew[:, *np.tril_indices(d, -1)] = angles
    axes = np.array([expm(s - s.T) for s in skew])
    return (axes * np.exp(logs)[:, None, :]) @ axes.transpose(0, 2, 1)


def direct_maximum(structure, n, scatter, starts=3):
    k, d, _ = scatter.shape
    rng = np.random.default_rng(1)
    size = free_parameters(structure, k, d)
    level = np.log(np.trace(scatter.sum(axis=0)) / n.sum() / d)

    def loss(vector):
        return -objective(n, scatter, from_letters(structure, vector, k, d)) / n.sum()

    best = -np.inf
    for _ in range(starts):
        start = rng.normal(size=size) * 0.5
        start[: {"E": 1, "V": k}[structure[0]]] += level
        best = max(best, -minimize(loss, start, method="BFGS", options={"gtol": 1e-6}).fun)
    return best * n.sum()


def test_free_parameters_are_mclusts():
    counts = [1, 3, 4, 6, 10, 12, 10, 12, 16, 18, 22, 24, 28, 30]
    assert [free_parameters(name, 3, 4) for name in STRUCTURES] == counts
    assert all(free_parameters(n, 3, 1) == (1 if n[0] == "E" else 3) for n in STRUCTURES)


def test_names():
    assert len(STRUCTURES) == 14
    assert [canonical(name, 3) for name in STRUCTURES] == list(STRUCTURES)
    assert [canonical(name, 3) for name in ALIASES] == ["VVV", "EEE", "VVI", "VII"]
    assert canonical("E", 1) == "EII"
    assert canonical("V", 1) == "VII"
    with pytest.raises(UsageError, match="one column"):
        canonical("V", 2)
    with pytest.raises(UsageError, match="did you mean tied"):
        canonical("tide", 2)


@pytest.mark.parametrize(("k", "d"), [(1, 1), (1, 3), (2, 1), (2, 2), (2, 3), (4, 1), (4, 2)])
@pytest.mark.parametrize("structure", STRUCTURES)
def test_m_step_is_the_direct_maximum(structure, k, d):
    n, scatter = problem(10 * k + d, k, d)
    sigma = covariances(structure, n, given(structure, scatter))
    reached, direct = objective(n, scatter, sigma), direct_maximum(structure, n, scatter)
    assert belongs(structure, sigma)
    assert reached >= direct - 1e-7 * n.sum()
    assert reached <= direct + 1e-4 * n.sum()  # and not by leaving the structure


@pytest.mark.parametrize(("k", "d"), [(1, 5), (2, 5), (4, 3), (4, 5)])
@pytest.mark.parametrize("structure", ["VEI", "VEE", "EVE", "VVE", "VEV"])
def test_iterated_m_step_is_the_direct_maximum_in_more_columns(structure, k, d):
    n, scatter = problem(k + d, k, d, unlike=0.5)
    sigma = covariances(structure, n, given(structure, scatter))
    direct = direct_maximum(structure, n, scatter, starts=2)
    assert objective(n, scatter, sigma) >= direct - 1e-7 * n.sum()


@pytest.mark.parametrize("d", [2, 3, 5])
@pytest.mark.parametrize("structure", STRUCTURES)
def test_no_neighbour_in_the_structure_is_better(structure, d):
    n, scatter = problem(d, 3, d)
    sigma = covariances(structure, n, given(structure, scatter))
    reached = objective(n, scatter, sigma)
    rng, chart = np.random.default_rng(d), around(structure, sigma)
    for step in (1e-1, 1e-2, 1e-3):
        for _ in range(10):
            other = covariances(structure, n, given(structure, problem(rng.integers(99), 3, d)[1]))
            here, there = (chart.to_vector(s) for s in (sigma, other))
            near = chart.from_vector(here + step * (there - here))
            assert objective(n, scatter, near) <= reached + 1e-10 * n.sum()


@pytest.mark.parametrize("structure", ["EVE", "VVE"])
def test_no_other_orientation_to_start_from_is_better(structure):
    for seed in range(10):
        n, scatter = problem(seed, 3, 4)
        reached = objective(n, scatter, covariances(structure, n, scatter))
        rng = np.random.default_rng(seed)
        for _ in range(10):
            axes = np.linalg.qr(rng.normal(size=(4, 4)))[0]
            begin = np.array([(axes * v) @ axes.T for v in rng.uniform(1, 2, (3, 4))])
            found = covariances(structure, n, scatter, begin)
            assert objective(n, scatter, found) <= reached + 1e-9 * n.sum()


@pytest.mark.parametrize("k", [1, 2, 4])
@pytest.mark.parametrize("structure", STRUCTURES)
def test_never_below_where_it_started(structure, k):
    for seed in range(10):
        n, scatter = problem(seed, k, 3)
        current = covariances(structure, *_other(structure, seed, k))
        for closer in (1.0, 1e-2, 1e-4):
            mixed = scatter * closer + (1 - closer) * matrices(current) * n[:, None, None]
            sigma = covariances(structure, n, given(structure, mixed), current)
            before, after = objective(n, mixed, current), objective(n, mixed, sigma)
            assert after >= before - 1e-12 * (n.sum() + abs(before))


def _other(structure, seed, k):
    n, scatter = problem(seed + 100, k, 3)
    return n, given(structure, scatter)


# A common orientation with free shapes may have several maxima.
@pytest.mark.parametrize("structure", [s for s in STRUCTURES if s not in ("EVE", "VVE")])
def test_the_start_does_not_move_a_unique_maximum(structure):
    n, scatter = problem(3, 3, 3)
    cold = covariances(structure, n, given(structure, scatter))
    warm = covariances(
        structure, n, given(structure, scatter), covariances(structure, *_other(structure, 5, 3))
    )
    np.testing.assert_allclose(warm, cold, rtol=1e-8, atol=1e-8 * np.abs(cold).max())


@pytest.mark.parametrize("structure", STRUCTURES)
def test_one_column_leaves_only_the_volume(structure):
    n, scatter = problem(1, 3, 1)
    twin = covariances(structure[0] + "II", n, scatter[:, 0])
    found = covariances(structure, n, given(structure, scatter))
    np.testing.assert_allclose(found.ravel(), twin.ravel(), rtol=1e-10)


def _map(kind, d):
    rng = np.random.default_rng(0)
    if kind == "similarity":
        return 3e-4 * np.linalg.qr(rng.normal(size=(d, d)))[0]
    if kind == "columns":
        return np.diag(10 ** rng.uniform(-4, 4, d))
    return rng.normal(size=(d, d))


@pytest.mark.parametrize("kind", ["similarity", "columns", "affine"])
@pytest.mark.parametrize("structure", STRUCTURES)
def test_invariance_is_what_is_declared_and_no_more(structure, kind):
    n, scatter = problem(7, 3, 3)
    change = _map(kind, 3)
    moved = change @ scatter @ change.T
    before = objective(n, scatter, covariances(structure, n, given(structure, scatter)))
    after = objective(n, moved, covariances(structure, n, given(structure, moved)))
    jacobian = n.sum() * np.linalg.slogdet(change)[1]
    survives = INVARIANCE[structure] in ("affine", kind)
    assert (abs(after + jacobian - before) < 1e-8 * n.sum()) == survives


@pytest.mark.parametrize("scale", [1e-4, 1e-60, 1e60])
@pytest.mark.parametrize("structure", STRUCTURES)
def test_units_do_not_matter(structure, scale):
    """At 1e-60 the determinant of five columns, 1e-600, is no longer a number."""
    n, scatter = problem(2, 3, 5)
    plain = covariances(structure, n, given(structure, scatter))
    small = covariances(structure, n, given(structure, scatter * scale**2), plain * scale**2)
    np.testing.assert_allclose(small / scale**2, plain, rtol=1e-6, atol=1e-6 * np.abs(plain).max())


@pytest.mark.parametrize("structure", FULL)
def test_columns_in_very_different_units(structure):
    """With one component every one of these is the plain covariance, to its last column."""
    n, scatter = problem(4, 1, 3)
    unit = np.array([1e6, 1e-6, 1.0])
    scatter = scatter * unit[:, None] * unit
    sigma = covariances(structure, n, scatter) / unit[:, None] / unit
    np.testing.assert_allclose(sigma, scatter / n[0] / unit[:, None] / unit, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("structure", STRUCTURES)
def test_an_empty_component_is_named(structure):
    n, scatter = problem(1, 3, 2)
    n[1] = 1e-20
    with pytest.raises(DegenerateError) as error:
        covariances(structure, n, given(structure, scatter))
    assert error.value.component == 1


@pytest.mark.parametrize("structure", ["VVV", "EVV", "EVE", "VVE", "VVI", "EVI"])
def test_a_flat_component_is_named(structure):
    n, scatter = problem(1, 3, 3)
    scatter[2, 1], scatter[2, :, 1] = 0, 0
    with pytest.raises(DegenerateError) as error:
        covariances(structure, n, given(structure, scatter))
    assert error.value.component == 2


@pytest.mark.parametrize("structure", FULL)
def test_collinear_columns_are_singular_in_any_units(structure):
    n, scatter = problem(1, 2, 2)
    for unit in (1.0, 1e-6, 1e6):
        combine = np.array([[1.0, 0.0], [0.0, unit], [0.3, 0.7]])
        with pytest.raises(DegenerateError):
            covariances(structure, n, combine @ scatter @ combine.T)


@pytest.mark.parametrize("structure", sorted(SHARES_VOLUME_AND_SHAPE | {"VEE", "VEI", "VII"}))
def test_sharing_the_shape_carries_a_component_with_few_rows(structure):
    n, scatter = problem(1, 3, 3)
    scatter[0] = np.outer([1, 2, 3], [1, 2, 3]) / 10
    n[0] = 2
    sigma = matrices(covariances(structure, n, given(structure, scatter)))
    assert (np.linalg.eigvalsh(sigma) > 0).all()


@pytest.mark.parametrize(("k", "d"), [(1, 1), (2, 1), (1, 3), (3, 2), (3, 4), (2, 5)])
@pytest.mark.parametrize("structure", STRUCTURES)
def test_chart_round_trips_and_keeps_the_structure(structure, k, d):
    n, scatter = problem(6, k, d)
    base = covariances(structure, n, given(structure, scatter))
    nudged = scatter + 0.05 * problem(8, k, d)[1]
    sigma = covariances(structure, n, given(structure, nudged), base)
    chart = around(structure, base)
    here, there = chart.to_vector(base), chart.to_vector(sigma)
    np.testing.assert_allclose(chart.from_vector(here), base, rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(chart.from_vector(there), sigma, rtol=1e-10, atol=1e-10)
    for step in (-2.0, 0.5, 6.0):
        jump = chart.from_vector(here + step * (there - here))
        assert belongs(structure, jump, 1e-6)
        np.testing.assert_array_equal(matrices(jump), matrices(jump).transpose(0, 2, 1))


@pytest.mark.parametrize("structure", STRUCTURES)
def test_chart_reaches_far_and_refuses_what_is_not_a_number(structure):
    n, scatter = problem(6, 3, 4)
    base = covariances(structure, n, given(structure, scatter))
    far = covariances(structure, n, given(structure, problem(9, 3, 4)[1]))
    chart = around(structure, base)
    back = chart.from_vector(chart.to_vector(far))
    np.testing.assert_allclose(back, far, rtol=1e-8, atol=1e-8 * np.abs(far).max())
    vector = chart.to_vector(base)
    for bad in (np.nan, np.inf):
        with pytest.raises(ValueError, match="finite"):
            chart.from_vector(np.full_like(vector, bad))
    with pytest.raises(ValueError, match="out of range"):
        chart.from_vector(np.full_like(vector, 1e4))
