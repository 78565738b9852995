"""What is written into missing cells: expectations and draws given what is there of the row."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from emcli import imputing
from emcli.families.between import between_means, quantiles
from emcli.families.block import Block

from .rows import interval, positive
from .table import TABLE, every_row

DRAWS, ROWS = 600, 12


def holed(row, n=ROWS, seed=0):
    """Rows with missing cells in what is described; of some blocks all or none are."""
    values, rng = row.draw(n, seed), np.random.default_rng(seed)
    gone = rng.random(values.shape) < 0.4
    for block in row.blocks:
        places = row.places(block)
        own, beside = places[: len(block.part.columns)], places[len(block.part.columns) :]
        gone[[place for place in beside if row.names[place] not in row.model.columns]] = False
        if block.part.family.correlated:
            gone[own] = gone[own].any(axis=0) | gone[beside].any(axis=0)
    return np.where(gone, np.nan, values)


def seen(row, values):
    """The row's mixture, ready for these values, and the responsibilities."""
    mixture = row.mixture.seeing(values, row.names)
    return mixture, mixture.at(row.names).posterior(Block(values))[0]


@every_row
def test_draws_are_what_is_expected_on_average(row):
    """Values, the most probable level, the direction of the mean vector."""
    values = holed(row)
    mixture, r = seen(row, values)
    expected = imputing.expected(mixture, row.names, values, r)
    rng = np.random.default_rng(1)
    whole = np.repeat(values, DRAWS, axis=1), np.repeat(r, DRAWS, axis=1)
    drawn = imputing.drawn(mixture, row.names, *whole, rng).reshape(*values.shape, DRAWS)
    there = ~np.isnan(values)
    np.testing.assert_array_equal(expected[there], values[there])
    np.testing.assert_array_equal(drawn[there], np.repeat(values[there][:, None], DRAWS, axis=1))
    for block in row.blocks:
        places = row.places(block)[: len(block.part.columns)]
        family, holes = block.part.family, ~there[places]
        wanted, found = expected[places], drawn[places]
        known = ~np.isnan(wanted)
        assert (np.isnan(found).any(axis=-1) <= ~known).all()
        if family.measure == "sphere":
            found = found.mean(axis=-1)
            wanted = wanted * np.linalg.norm(found, axis=0)
            np.testing.assert_allclose(found[holes], wanted[holes], atol=5 / np.sqrt(DRAWS))
        elif family.measure == "circle":
            unit = np.pi / 180 if block.part.options.get("degrees") else 1.0
            turned = np.exp(1j * unit * (found - wanted[..., None])).mean(axis=-1)
            assert (np.abs(turned.imag) < 5 / np.sqrt(DRAWS)).all()
            assert (turned.real > -5 / np.sqrt(DRAWS)).all()
        elif family.kind in ("binary", "category"):
            most = (found == wanted[..., None]).mean(axis=-1)[known]
            codes = np.unique(found[~np.isnan(found)])
            shares = [(found == code).mean(axis=-1)[known] for code in codes]
            assert (most >= np.max(shares, axis=0) - 5 / np.sqrt(DRAWS)).all()
        else:
            away, error = found.mean(axis=-1) - wanted, stats.sem(found, axis=-1)
            z = away[holes & known] / np.maximum(error[holes & known], 1e-300)
            assert z @ z <= stats.chi2.isf(1e-6, max(len(z), 1))


@every_row
def test_a_whole_row_is_left_alone(row):
    values = row.draw(30, 2)
    mixture, r = seen(row, values)
    assert not imputing.lacking(mixture, row.names, values).any()
    np.testing.assert_array_equal(imputing.expected(mixture, row.names, values, r), values)


CORRELATED = [row for row in TABLE if row.name in (
    "gaussian:VVV", "gaussian:EEV", "student:VVV", "skewnormal", "skewnormal of two",
    "factor(q=1)", "VVV | VVI",
)]  # fmt: skip
# Places on a line, near the middle and far out, and how much of the line each stands for.
_T = np.linspace(-7.5, 7.5, 201)
LINE, WIDTH = 3 * np.sinh(_T), np.cosh(_T)


@pytest.mark.parametrize("row", CORRELATED, ids=lambda row: row.name)
@pytest.mark.parametrize("holes", [(0,), (1,), (0, 1)], ids=str)
def test_expectations_are_integrals_of_the_density(row, holes):
    """By SciPy's joint density of whole rows, over all values of the missing cells."""
    whole = row.draw(2, 3)
    if max(holes) >= len(whole):
        holes = (0,)
    values = whole.copy()
    values[list(holes)] = np.nan
    mixture, r = seen(row, values)
    found = imputing.expected(mixture, row.names, values, r)
    places = np.array(np.meshgrid(*[LINE] * len(holes))).reshape(len(holes), -1)
    widths = np.prod(np.meshgrid(*[WIDTH] * len(holes)), axis=0).ravel()
    for i in range(whole.shape[1]):
        rows = np.repeat(whole[:, [i]], places.shape[1], axis=1)
        rows[list(holes)] = places
        mass = widths * np.exp(row.log_density(rows))
        np.testing.assert_allclose(
            found[list(holes), i], places @ mass / mass.sum(), rtol=2e-3, atol=2e-3
        )


@pytest.mark.parametrize("row", CORRELATED[:2], ids=lambda row: row.name)
def test_the_e_step_sums_the_same_expectations(row):
    """The weighted mean of the completed rows is the mean that the M step finds in its sums."""
    values = holed(row, 300)
    mixture, r = seen(row, values)
    (family,), block = mixture.families, Block(values)
    means, _ = family.moments(r.sum(axis=1), family.statistics(block, r))
    for k, one in enumerate(np.eye(3)):
        sums = np.vstack(family.expectation(block, r * one[:, None])).sum(axis=1)
        np.testing.assert_allclose(sums / r[k].sum(), means[k], rtol=1e-10, atol=1e-10)


INTERVALS = {"inside": (1.0, 1.5), "below": (-np.inf, 1.2), "above": (2.5, np.inf),
             "wide": (0.1, 30.0), "far": (9.0, 9.5)}  # fmt: skip
BETWEEN = [row for row in (*interval.ROWS, *positive.ROWS)
           if row.name in ("truncated gaussian:V", "truncated poisson", "lognormal",
                           "exponential", "gamma", "weibull")]  # fmt: skip


@pytest.mark.parametrize("ends", INTERVALS.values(), ids=INTERVALS)
@pytest.mark.parametrize("row", BETWEEN, ids=lambda row: row.name)
def test_quantiles_of_an_interval_have_its_mean(row, ends):
    (block,) = row.blocks
    inner = block.family().leaves[0]
    shares = (np.arange(200) + 0.5) / 200
    lower, upper = (np.full(200, end) for end in ends)
    for k in range(3):
        one = inner.select([k])
        if len(one.columns) > 1:
            first = [getattr(one, name)[..., :1] for name in one.arrays]
            one = type(one).made(block.part, **dict(zip(one.arrays, first, strict=True)))
        with np.errstate(all="ignore"):
            found = quantiles(one, lower, upper, shares)
            (mean,) = between_means(one, *(np.array([end]) for end in ends))[0]
        assert ((found >= lower) & (found <= upper)).all() and (np.diff(found) >= 0).all()
        assert found.mean() == pytest.approx(mean, abs=2e-2 * found.std() + 1e-9)
