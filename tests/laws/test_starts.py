"""Starts: k colours of every kind, the same for the same seed; row weights are masses."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.cluster import hierarchy
from scipy.stats import special_ortho_group

from emcli.em import e_step
from emcli.families.structures import STRUCTURES
from emcli.mixture import Mixture
from emcli.settings import STARTS
from emcli.sources.memory import MemorySource
from emcli.start import (
    MIX,
    Asked,
    Starter,
    Tree,
    kinds,
    lloyd,
    nearest,
    plus_plus,
    quantile,
    scattered,
)

from .table import TABLE, continuous_rows, every_row

# All kinds there are: those a user may ask for, and those the default adds to them.
KINDS = tuple(dict.fromkeys([*STARTS, *MIX]))


def starter(row, source, seed=0):
    return Starter(row.model, source, seed)


def begun(starter, kind, k, index):
    """The mixture one start begins with."""
    (found,) = starter.starts(k, [Asked(kind, index)])
    assert isinstance(found, Mixture)
    return found


@every_row
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_gives_k_components_and_the_same_again(row, kind):
    source = row.source(120, 80)
    one, other = starter(row, source), starter(row, source)
    for k in (1 + len(row.model.extras), 2, 4):
        for index in (0, 3):
            mixture = begun(one, kind, k, index)
            assert mixture.k == k and (mixture.weights > 0).all()
            assert mixture.weights.sum() == pytest.approx(1)
            assert np.isfinite(e_step(mixture, source).log_likelihood)
            again = begun(other, kind, k, index)
            assert again.to_vector().tobytes() == mixture.to_vector().tobytes()


@every_row
def test_a_start_does_not_depend_on_those_before_it(row):
    source = row.source(120, 81)
    used = starter(row, source)
    for kind in KINDS:
        begun(used, kind, 3, 0)
    for kind in KINDS:
        fresh = begun(starter(row, source), kind, 2, 5)
        assert begun(used, kind, 2, 5).to_vector().tobytes() == fresh.to_vector().tobytes()


@every_row
def test_seeds_and_indices_make_other_starts(row):
    source = row.source(300, 82)
    for kind in ("random", "kmeans++"):
        found = {
            begun(starter(row, source, seed), kind, 3, index).to_vector().tobytes()
            for seed in (0, 1) for index in (0, 1, 2)
        }
        assert len(found) >= 3


@every_row
def test_coordinates_are_numbers_even_where_cells_are_missing(row):
    values = row.draw(100, 83)
    values[:, 7] = np.nan
    values[0, :50] = np.nan
    for weights in (None, np.linspace(0, 3, 100)):
        source = MemorySource(values, row.names, weights)
        if row.independent:
            points = starter(row, source).points
            assert points.shape[1] == 100 and np.isfinite(points).all()


@continuous_rows
def test_weights_are_masses(row):
    """The tree draws nothing: a weight of 2 is the row twice, of nought no row.

    In discrete data clusters tie, and which of equals merge first is not told by the masses.
    """
    values = row.draw(100, 84)
    weights = np.random.default_rng(84).integers(0, 4, 100)
    weighted = MemorySource(values, row.names, weights.astype(float))
    repeated = MemorySource(np.repeat(values, weights, axis=1), row.names)
    one, other = (begun(starter(row, s), "hierarchical", 3, 0) for s in (weighted, repeated))
    first, second = (e_step(m, repeated).log_likelihood for m in (one, other))
    assert first == pytest.approx(second, rel=1e-12)


@given(seed=st.integers(0, 10_000), k=st.integers(2, 6))
def test_masses_in_quantiles_are_repeated_rows(seed, k):
    """A row has the colour its copies have, or one of theirs where the cut is among them."""
    rng = np.random.default_rng(seed)
    x, masses = rng.normal(size=60), rng.integers(1, 5, 60)
    labels = quantile(x, masses.astype(float), k)
    copies = quantile(np.repeat(x, masses), np.ones(masses.sum()), k)
    groups = np.split(copies, np.cumsum(masses)[:-1])
    assert all(own.min() <= label <= own.max() for own, label in zip(groups, labels, strict=True))
    assert sum(own.min() != own.max() for own in groups) <= k - 1


def test_rows_of_no_weight_are_never_chosen():
    rng = np.random.default_rng(85)
    points = np.hstack([rng.normal(size=(2, 50)), 100 + rng.normal(size=(2, 50))])
    masses = np.repeat([1.0, 0.0], 50)
    for index in range(10):
        for draw in (scattered, plus_plus):
            assert (draw(points, masses, 3, np.random.default_rng(index)) < 50).all()
    assert (Tree.grow(points, masses).centres(3) < 50).all()


def test_heavy_rows_are_chosen_more_often():
    points = np.arange(10.0)[None]
    masses = np.ones(10)
    masses[3] = 91.0
    chosen = [scattered(points, masses, 1, np.random.default_rng(i))[0, 0] for i in range(200)]
    assert 0.84 < np.mean(np.array(chosen) == 3) < 0.97
    chosen = [plus_plus(points, masses, 1, np.random.default_rng(i))[0, 0] for i in range(200)]
    assert 0.84 < np.mean(np.array(chosen) == 3) < 0.97


# Ward's tree

@given(
    seed=st.integers(0, 10_000), n=st.integers(2, 60), d=st.integers(1, 4), k=st.integers(1, 8)
)
def test_the_tree_is_wards(seed, n, d, k):
    """Heights and clusters as SciPy's; its height is the root of twice the rise of the variance."""
    points = np.random.default_rng(seed).normal(size=(d, n))
    tree = Tree.grow(points, np.ones(n))
    linkage = hierarchy.ward(points.T)
    rises = [rise for rise, _, _ in tree.merges]
    np.testing.assert_allclose(rises, linkage[:, 2] ** 2 / 2, rtol=1e-9)
    k = min(k, n)
    labels = hierarchy.fcluster(linkage, k, "maxclust")
    wanted = np.array([points[:, labels == c].mean(axis=1) for c in np.unique(labels)]).T
    found = tree.centres(k)
    assert found.shape == (d, k)
    np.testing.assert_allclose(
        found[:, np.lexsort(found)], wanted[:, np.lexsort(wanted)], rtol=1e-9, atol=1e-12
    )


@given(seed=st.integers(0, 10_000))
def test_masses_in_the_tree_are_repeated_rows(seed):
    rng = np.random.default_rng(seed)
    points, masses = rng.normal(size=(2, 25)), rng.integers(1, 4, 25)
    one = Tree.grow(points, masses.astype(float))
    other = Tree.grow(np.repeat(points, masses, axis=1), np.ones(masses.sum()))
    for k in (1, 2, 5):
        a, b = one.centres(k), other.centres(k)
        np.testing.assert_allclose(a[:, np.lexsort(a)], b[:, np.lexsort(b)], rtol=1e-9, atol=1e-12)


# The pieces

@given(seed=st.integers(0, 10_000), k=st.integers(1, 6))
def test_nearest_is_by_distance(seed, k):
    rng = np.random.default_rng(seed)
    points, centres = rng.normal(size=(3, 40)), rng.normal(size=(3, k))
    away = ((points[:, None] - centres[:, :, None]) ** 2).sum(axis=0)
    assert (nearest(points, centres) == away.argmin(axis=0)).all()


@given(seed=st.integers(0, 10_000), k=st.integers(1, 6))
def test_quantiles_hold_equal_masses_in_order(seed, k):
    rng = np.random.default_rng(seed)
    x, masses = rng.normal(size=200), rng.uniform(0.5, 1.5, 200)
    labels = quantile(x, masses, k)
    assert set(labels) == set(range(k))
    held = np.bincount(labels, masses)
    assert np.abs(held - masses.sum() / k).max() <= 1.5
    for g in range(k - 1):
        assert x[labels == g].max() < x[labels == g + 1].min()


@given(seed=st.integers(0, 10_000))
def test_lloyd_lowers_the_spread(seed):
    rng = np.random.default_rng(seed)
    points, masses = rng.normal(size=(2, 80)), rng.uniform(0.1, 2, 80)
    centres = plus_plus(points, masses, 3, rng)

    def spread(labels):
        total = 0.0
        for g in range(3):
            own, m = points[:, labels == g], masses[labels == g]
            if len(m):
                away = own - (own @ m / m.sum())[:, None]
                total += (away * away * m).sum()
        return total

    spreads = [spread(lloyd(points, masses, centres, most)) for most in (0, 1, 2, 5, 50)]
    assert all(b <= a + 1e-9 for a, b in pairwise(spreads))


def test_scattered_rows_differ_where_the_table_allows():
    (row,) = (row for row in TABLE if row.name == "gaussian:V")
    source = MemorySource(np.repeat(np.arange(3.0), 50)[None], row.names)
    for seed in range(20):
        labels = starter(row, source).labels("random", 3, np.random.default_rng(seed))
        assert len(np.unique(labels)) == 3


def test_kinds_are_as_many_as_asked():
    for starts in (1, 2, 5, 10, 30):
        for one in (True, False):
            found = kinds(None, starts, one)
            assert len(found) == starts and found[0] == "hierarchical"
            assert set(found) <= set(KINDS)
    assert kinds("random", 7, False) == ["random"] * 7
    assert kinds("hierarchical", 7, False) == ["hierarchical"]


@pytest.mark.parametrize("structure", STRUCTURES)
def test_starts_move_with_the_data(structure):
    """Colours of every kind, under a map the structure declares."""
    (row,) = [row for row in TABLE if row.name == f"gaussian:{structure}"]
    values = row.draw(150, 86)
    maps = {"affine": np.array([[1.7, 0.3, -0.4], [0.5, 0.6, 0.2], [-0.2, 0.4, 2.5]]),
            "columns": np.diag([1e-3, 40.0, 2.0]),
            "similarity": 30 * special_ortho_group(3, seed=1).rvs()}
    b = maps[row.blocks[0].invariance]
    pair = [starter(row, MemorySource(x, row.names)) for x in (values, b @ values + 5)]
    for kind in STARTS:
        if kind != "quantile":
            for index in range(3):
                labels = [s.labels(kind, 3, np.random.default_rng(index)) for s in pair]
                assert (labels[0] == labels[1]).all(), kind
