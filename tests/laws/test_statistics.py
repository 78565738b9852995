"""Statistics are values that add, however the rows are cut; a weight of 2 is the row twice."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emcli.em import e_step, m_step
from emcli.families.block import Block
from emcli.sources.memory import MemorySource, fold

from .table import every_row, independent_rows, masked, prepared, rough


def same(one, other, scale=None, within=1e-12):
    """Two expectations agree, relative to the largest of each kind of sum."""
    assert one.log_likelihood == pytest.approx(other.log_likelihood, rel=within)
    np.testing.assert_allclose(one.n, other.n, rtol=within)
    for a, b, size in zip(one.statistics, other.statistics, scale or other.statistics, strict=True):
        assert (np.abs(a - b) <= within * np.maximum(np.abs(size).max(axis=0), 1e-300)).all()


def sizes(evaluation, values, weights):
    """Sums of the absolute values: what rounding errors of the sums are relative to."""
    found = evaluation(Block(values, weights))
    total = [np.zeros_like(t) for t in found.statistics]
    for i in range(values.shape[1]):
        w = None if weights is None else weights[i : i + 1]
        for sum_, t in zip(total, evaluation(Block(values[:, i : i + 1], w)).statistics,
                           strict=True):
            sum_ += np.abs(t)
    return total


@every_row
@given(
    cuts=st.lists(st.integers(1, 99), max_size=6, unique=True),
    seed=st.integers(0, 100),
    weighted=st.booleans(),
)
def test_any_split_gives_the_same_sums(row, cuts, seed, weighted):
    values = row.draw(100, seed)
    weights = np.random.default_rng(seed).exponential(size=100) if weighted else None
    evaluation = row.mixture.at(row.names)
    whole = evaluation(Block(values, weights))
    edges = [0, *sorted(cuts), 100]
    pieces = [
        evaluation(Block(values[:, a:b], None if weights is None else weights[a:b], a))
        for a, b in pairwise(edges)
    ]
    same(fold(pieces), whole, sizes(evaluation, values, weights))


@every_row
def test_sums_are_those_of_the_definition(row):
    """Responsibilities by SciPy; each family's own statistics of them."""
    values = row.draw(300, seed=5)
    weights = np.random.default_rng(5).exponential(size=300)
    r = np.exp(row.expected(values) - row.log_density(values)) * weights
    found = row.mixture.at(row.names)(Block(values, weights))
    np.testing.assert_allclose(found.n, r.sum(axis=1), rtol=1e-11)
    for family, block, t in zip(row.mixture.families, row.blocks, found.statistics, strict=True):
        wanted = family.statistics(Block(values[row.places(block)]), r)
        np.testing.assert_allclose(t, wanted, rtol=1e-9, atol=1e-9 * np.abs(wanted).max())


@every_row
def test_weight_two_is_the_row_twice(row):
    """At any parameters, to 1e-12: whole weights from 0 to 3 against repeated rows."""
    values = row.draw(400, seed=6)
    weights = np.random.default_rng(6).integers(0, 4, 400).astype(float)
    weighted = MemorySource(values, row.names, weights)
    repeated = MemorySource(np.repeat(values, weights.astype(int), axis=1), row.names)
    one, other = e_step(row.mixture, weighted), e_step(row.mixture, repeated)
    same(one, other, sizes(row.mixture.at(row.names), values, weights))
    for base in row.mixture.bases:
        assert weighted.once(base) == pytest.approx(repeated.once(base), rel=1e-12)


@every_row
def test_weight_two_is_the_row_twice_all_the_way(row):
    """From the same start, estimated from either, EM takes the same path.

    The common axes of EVE and VVE come from an inner iteration that stops by its objective, which
    is flat at its top: rounding moves an angle by the square root of what it moves the objective.
    """
    within = 1e-7 if row.name.endswith(("EVE", "VVE")) else 1e-9
    values = row.draw(300, seed=7)
    weights = np.random.default_rng(7).integers(1, 4, 300)
    weighted = MemorySource(values, row.names, weights.astype(float))
    repeated = MemorySource(np.repeat(values, weights, axis=1), row.names)
    r = np.random.default_rng(8).dirichlet(np.ones(3), 300).T
    one = row.model.estimate(weighted.all(), row.names, r)
    other = row.model.estimate(repeated.all(), row.names, np.repeat(r, weights, axis=1))
    for _ in range(5):
        np.testing.assert_allclose(one.to_vector(other), other.to_vector(), atol=within)
        one, other = (
            m_step(m, e_step(m, s)) for m, s in ((one, weighted), (other, repeated))
        )


@independent_rows
def test_the_path_for_missing_cells_gives_the_same_where_none_is_missing(row):
    values = row.draw(300, seed=9)
    one = row.mixture
    ready = one.seeing(np.full_like(values, np.nan), row.names)
    plain, masks = one.at(row.names)(Block(values)), ready.at(row.names)(Block(values))
    assert masks.log_likelihood == pytest.approx(plain.log_likelihood, rel=1e-12)
    a, b = m_step(one, plain), m_step(ready, masks)
    np.testing.assert_allclose(b.to_vector(), a.to_vector(), rtol=1e-12, atol=1e-12)
    assert b.q(masks) == pytest.approx(a.q(plain), rel=1e-12)


@independent_rows
def test_rows_without_a_value_add_nothing(row):
    """But to the weights of the colours they are taken to have, at the prior.

    Where missing cells are expected in the sums, they add what leaves the parameters as they are.
    """
    values = row.draw(200, seed=10)
    extra = np.hstack([values, np.full((len(values), 50), np.nan)])
    mixture = row.mixture.seeing(extra, row.names)
    one, other = (mixture.at(row.names)(Block(x)) for x in (values, extra))
    assert other.log_likelihood == pytest.approx(one.log_likelihood, rel=1e-12)
    np.testing.assert_allclose(other.n - one.n, 50 * mixture.weights, rtol=1e-10)
    for family, a, b in zip(mixture.families, one.statistics, other.statistics, strict=True):
        nothing = np.full((len(family.inputs), 1), np.nan)
        t = family.statistics(Block(nothing), mixture.weights[:, None])
        if not t.any():
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)
        if not t.any() or family.leaves != (family,):  # of different kinds some add, some do not
            continue
        trace = 1e-12  # of rows with values: some of each column must have been seen
        again = family.maximise(mixture.weights + trace * one.n, t + trace * a)
        np.testing.assert_allclose(again.to_vector(family), family.to_vector(), atol=1e-8)


@independent_rows
def test_statistics_with_missing_cells_add(row):
    source = MemorySource(masked(row.draw(300, 11)), row.names)
    mixture = rough(row, source)
    assert all(part.incomplete for part in prepared(row, source).parts)
    evaluation = mixture.at(row.names)
    pieces = [evaluation(Block(source.values[:, a : a + 77], None, a)) for a in range(0, 300, 77)]
    same(fold(pieces), evaluation(Block(source.values)), sizes(evaluation, source.values, None))
