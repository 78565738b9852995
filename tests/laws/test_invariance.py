"""What leaves the fit as it is, starts and search included, and that nothing more does."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

import emcli
from emcli.em import base_measure, e_step, m_step
from emcli.run import alone
from emcli.settings import Stopping
from emcli.sources.memory import MemorySource

from ..reference import table as sample_table
from .searching import differing, search
from .table import TABLE, continuous_rows, every_row, rough

TURN = stats.special_ortho_group(3, seed=7).rvs()
MAPS = {
    "affine": np.array([[1.7, 0.3, -0.4], [0.5, 0.6, 0.2], [-0.2, 0.4, 2.5]]),
    "columns": np.diag([0.01, 30.0, 2.0]),
    "similarity": 0.02 * TURN,
}
FACTORS = np.array([[0.01], [30.0], [2.0]])
SHIFT = np.array([[10.0], [-3.0], [0.5]])


def linear(kind: str, d: int) -> np.ndarray:
    """(d, d) a map of this kind."""
    if kind == "similarity" and d == 2:
        return 0.02 * np.array([[0.6, -0.8], [0.8, 0.6]])
    return np.diag(np.resize(FACTORS, d)) if d > 3 and kind == "columns" else MAPS[kind][:d, :d]


def transformed(row, values, kind=None):
    """The rows with each continuous block mapped as it declares (or by `kind`), log|Jacobian|."""
    found, jacobian = values.copy(), 0.0
    for block in row.blocks:
        if block.part.family.continuous:
            at = row.places(block)[: len(block.part.columns)]
            how = kind or block.invariance
            if how == "none":
                continue
            if how == "scale":
                found[at] = FACTORS[: len(at)] * values[at]
                jacobian += np.log(FACTORS[: len(at)]).sum()
                continue
            if how == "turn":
                sphere = block.part.family.measure == "sphere"
                found[at] = TURN @ values[at] if sphere else values[at] + SHIFT[: len(at)]
                continue
            b = linear(how, len(at)) if len(at) > 1 else np.array([[0.01]])
            found[at] = b @ values[at] + np.resize(SHIFT, (len(at), 1))
            jacobian += np.linalg.slogdet(b)[1]
    return found, jacobian


@continuous_rows
def test_the_fit_moves_with_the_data(row):
    """The search's: the colours stay and the likelihood moves by the Jacobian alone."""
    values = row.draw(250, seed=40)
    changed, jacobian = transformed(row, values)
    one = search(row, MemorySource(values, row.names), starts=4)
    other = search(row, MemorySource(changed, row.names), starts=4)
    moved = other.log_likelihood + 250 * jacobian
    assert moved == pytest.approx(one.log_likelihood, abs=1e-6)
    assert not differing(one, values, other, changed, row.names)


@continuous_rows
def test_em_moves_with_the_data(row):
    """From the same responsibilities, step by step, to rounding."""
    values = row.draw(250, seed=41)
    changed, jacobian = transformed(row, values)
    r = np.random.default_rng(41).dirichlet(np.ones(3), 250).T
    sources = [MemorySource(x, row.names) for x in (values, changed)]
    pair = [row.model.estimate(s.all(), row.names, r) for s in sources]
    for _ in range(15):
        sums = [e_step(m, s) for m, s in zip(pair, sources, strict=True)]
        one, other = (
            e.log_likelihood + base_measure(m, x)
            for m, x, e in zip(pair, sources, sums, strict=True)
        )
        assert other + 250 * jacobian == pytest.approx(one, abs=1e-7)
        pair = [m_step(m, s) for m, s in zip(pair, sums, strict=True)]


# What a kind of map does not include.
MORE = {"columns": ["affine", "similarity"], "similarity": ["affine", "columns"]}
LIMITED = [
    (row, kind)
    for row in TABLE if len(row.blocks) == 1 and row.blocks[0].part.family.name == "gaussian"
    and len(row.names) > 1
    for kind in MORE.get(row.blocks[0].invariance, [])
]


@pytest.mark.parametrize(("row", "kind"), LIMITED, ids=lambda x: getattr(x, "name", x))
def test_and_no_more(row, kind):
    """A map outside what is declared moves the best likelihood by more than the Jacobian."""
    values = row.draw(250, seed=42)
    changed, jacobian = transformed(row, values, kind)
    ends = []
    for x in (values, changed):
        source = MemorySource(x, row.names)
        r, _ = row.mixture.at(row.names).posterior(MemorySource(values, row.names).all())
        start = row.model.estimate(source.all(), row.names, r)
        ends.append(alone(start, source, Stopping()).best.log_likelihood)
    assert abs(ends[1] + 250 * jacobian - ends[0]) > 1.0


@every_row
def test_the_order_of_the_rows_does_not_matter(row):
    source = row.source(250, seed=43)
    order = np.random.default_rng(43).permutation(250)
    mixed = source.only(order)
    one, other = (alone(rough(row, source), s, Stopping()) for s in (source, mixed))
    assert other.best.log_likelihood == pytest.approx(one.best.log_likelihood, rel=1e-10)
    np.testing.assert_allclose(
        other.best.mixture.weights, one.best.mixture.weights, rtol=1e-4, atol=1e-6
    )


@every_row
def test_nor_does_it_to_the_search(row):
    source = row.source(250, seed=44)
    order = np.random.default_rng(44).permutation(250)
    mixed = source.only(order)
    one, other = search(row, source, starts=5), search(row, mixed, starts=5)
    assert other.log_likelihood == pytest.approx(one.log_likelihood, abs=1e-6)
    assert not differing(one, source.values, other, source.values, row.names)


@every_row
def test_names_of_the_components_do_not_matter(row):
    source = row.source(250, seed=45)
    one = rough(row, source, 45)
    for order in ([2, 0, 1], [1, 0, 2]):
        other = one.select(order)
        sums, again = e_step(one, source), e_step(other, source)
        assert again.log_likelihood == pytest.approx(sums.log_likelihood, rel=1e-13)
        np.testing.assert_allclose(again.n, sums.n[order], rtol=1e-11)
        after = e_step(m_step(one, sums), source).log_likelihood
        assert e_step(m_step(other, again), source).log_likelihood == pytest.approx(
            after, rel=1e-11
        )


@every_row
def test_sorting_is_by_weight_and_then_by_parameters(row):
    tied = replace(row.mixture, weights=np.full(3, 1 / 3))
    wanted = [tied.sorted().families[0].to_dict(k) for k in range(3)]
    for order in ([2, 1, 0], [1, 2, 0]):
        assert [tied.select(order).sorted().families[0].to_dict(k) for k in range(3)] == wanted
    weights = row.mixture.select([2, 0, 1]).sorted().weights
    assert list(weights) == sorted(weights, reverse=True)


@every_row
def test_weight_two_is_the_row_twice_to_the_search(row):
    values = row.draw(150, seed=46)
    weights = np.random.default_rng(46).integers(1, 4, 150)
    one = search(row, MemorySource(values, row.names, weights.astype(float)), starts=5)
    repeated = MemorySource(np.repeat(values, weights, axis=1), row.names)
    other = search(row, repeated, starts=5)
    assert other.log_likelihood == pytest.approx(one.log_likelihood, abs=1e-6)
    assert other.criteria.value("bic") == pytest.approx(one.criteria.value("bic"), abs=1e-5)
    assert not differing(one, values, other, values, row.names)


@pytest.mark.parametrize("change", ["x 1e-4", "+ 1e6", "columns swapped", "one column x 1e5"])
def test_faithful_in_other_units(change):
    frame = sample_table("faithful")
    n, d = frame.shape
    other, jacobian = {
        "x 1e-4": (frame * 1e-4, d * np.log(1e-4)),
        "+ 1e6": (frame + 1e6, 0.0),
        "columns swapped": (frame[frame.columns[::-1]], 0.0),
        "one column x 1e5": (frame.assign(waiting=frame.waiting * 1e5), np.log(1e5)),
    }[change]
    one, again = (emcli.fit(x, model="gaussian:VVV", k="1-3") for x in (frame, other))
    assert again.mixture.k == one.mixture.k == 2
    for a, b in zip(one.selection, again.selection, strict=True):
        assert b["log_likelihood"] + n * jacobian == pytest.approx(a["log_likelihood"], abs=1e-5)
    assert (one.assign(frame).colour == again.assign(other).colour).all()
