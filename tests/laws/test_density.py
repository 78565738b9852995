"""A family's density is what it says, adds up to one, and of what is observed is the marginal."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emcli.families import catalogue
from emcli.families.block import Block

from .table import TABLE, every_row, independent_rows, masked


def log_density(row, values, mixture=None):
    """(n,) log densities with the base measure in."""
    mixture = (mixture or row.mixture).seeing(values, row.names)
    found = mixture.at(row.names).posterior(Block(values))[1].copy()
    for base in mixture.bases:
        found += base(values[[row.names.index(name) for name in base.inputs]])
    return found


@every_row
def test_agrees_with_scipy(row):
    values = row.draw(400, seed=1)
    np.testing.assert_allclose(log_density(row, values), row.log_density(values), rtol=1e-10)


@every_row
def test_posterior_is_bayes_rule(row):
    values = row.draw(400, seed=2)
    r, _ = row.mixture.at(row.names).posterior(Block(values))
    joint = row.expected(values)
    np.testing.assert_allclose(r, np.exp(joint - row.log_density(values)), atol=1e-10)
    np.testing.assert_allclose(r.sum(axis=0), 1, rtol=1e-14)


@every_row
def test_each_family_alone_agrees_with_the_stacked_product(row):
    """`log_density` of the families, one by one, against the one matrix product of them all."""
    values = row.draw(200, seed=3)
    joint = np.log(row.mixture.weights)[:, None] + sum(
        family.log_density(Block(values[row.places(block)]))
        for family, block in zip(row.mixture.families, row.blocks, strict=True)
    )
    stacked, _ = row.mixture.at(row.names).joint(Block(values))
    np.testing.assert_allclose(stacked, joint, rtol=1e-12, atol=1e-12)


GRIDS = [row for row in TABLE if all(block.grid is not None for block in row.blocks)]


@pytest.mark.parametrize("row", GRIDS, ids=lambda row: row.name)
def test_adds_up_to_one(row):
    grids = [grid for block in row.blocks for grid in block.grid]
    values = np.array(list(product(*grids))).T
    spacing = np.prod([np.diff(g)[0] for g in grids if len(g) > 1]) if row.continuous else 1.0
    assert np.exp(log_density(row, values)).sum() * spacing == pytest.approx(1, abs=1e-10)


@independent_rows
@given(seed=st.integers(0, 1000))
def test_density_of_what_is_observed_is_the_marginal(row, seed):
    values = masked(row.draw(60, seed), 0.3, seed)
    np.testing.assert_allclose(log_density(row, values), row.log_density(values), rtol=1e-10,
                               atol=1e-10)


@every_row
def test_samples_have_the_shares_and_the_support(row):
    values = row.draw(5000, seed=4)
    assert np.isfinite(values).all()
    for block in row.blocks:
        for place in row.places(block)[: len(block.part.columns)]:
            assert block.part.family.inside(values[place]).all()
    share = row.mixture.at(row.names).posterior(Block(values))[0].mean(axis=1)
    np.testing.assert_allclose(share, row.mixture.weights, atol=0.03)


@pytest.mark.parametrize("name", catalogue.names())
def test_whose_support_is_every_finite_number(name):
    """Such columns are not looked at again: what is no finite number was refused before."""
    probe = np.array([-1e150, -1.0, 0.0, 0.25, 1.0, 7.0, 1e150])
    family = catalogue.family(name)
    assert family.anywhere() == family.inside(probe).all()
