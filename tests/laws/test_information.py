"""The information in the rows: what it is, and that it shortens the way to the end."""

from dataclasses import replace
from itertools import islice

import numpy as np
import pytest

from emcli import information
from emcli.em import e_step, m_step, posterior, steps
from emcli.evaluation import shuffled
from emcli.families import structures
from emcli.run import alone
from emcli.settings import Stopping
from emcli.sources.memory import MemorySource

from .table import TABLE, rough
from .table import rows as each
from .test_heats import NAMES, mixture, rows

STEP = 1e-5


def towards(base, source, seed):
    """(p,) which way the fit goes when the rows count a little more or less."""
    rng = np.random.default_rng(seed)
    weights = 1 + 1e-3 * rng.standard_normal(source.rows)
    weights *= 1.0 if source.weights is None else source.weights
    moved = MemorySource(source.values, source.names, weights)
    return (m_step(base, e_step(base, moved)).to_vector(base) - base.to_vector()) / 1e-3


def slope(base, source, away):
    """(n,) of each row's log density that way, by differences."""
    at = base.to_vector()
    up, down = (posterior(base.from_vector(at + h * away), source)[1] for h in (STEP, -STEP))
    return (up - down) / (2 * STEP)


# W is roughly known where components share something, and of factors; of trials in a column not.
ROUGH = {f"gaussian:{name}" for name in structures.STRUCTURES if len(set(name)) > 1}
ROUGH |= {"factor(q=1)", "factor(q=2)"}
def bend(base, source, way):
    """The observed information of a row that way, by second differences."""
    at, h = base.to_vector(), 0.005 / np.sqrt(base.information(way) @ way)
    up, here, down = (
        e_step(base.from_vector(at + step * way), source).log_likelihood for step in (h, 0, -h)
    )
    return (2 * here - up - down) / h**2 / source.weight_total


def both(base, source, ways):
    """(ways,) the complete data's information, and what hidden colours leave of it."""
    towards = base.information(ways)
    whole = (towards * ways).sum(axis=1)
    inside = information.told(base, e_step(base, source), source).moves() @ towards.T
    return whole, whole - (inside**2).sum(axis=0)


EXACT = [row for row in TABLE if row.exact and row.name != "binomial trials="]


def only_colours(row):
    family = rough(row, row.source(200, 1)).families[0]
    return family.linear and not family.hidden


@each(row for row in EXACT if only_colours(row))
def test_the_information_is_the_complete_datas_less_what_colours_take(row, monkeypatch):
    """Along ways the fit may go, against second differences of the log-likelihood."""
    monkeypatch.setattr(information, "FAINT", 1e-12)
    monkeypatch.setattr(information, "OWN", 0)
    source = row.source(1200, 11)
    base = alone(rough(row, source), source, Stopping()).best.mixture
    ways = np.array([towards(base, source, seed) for seed in range(4)])
    whole, told = both(base, source, ways)
    observed = np.array([bend(base, source, way) for way in ways])
    if row.name in ROUGH:
        np.testing.assert_allclose(told, observed, atol=0.05 * whole.max())
    else:
        atol = 1e-5 * whole.max()
        np.testing.assert_allclose(whole - told, whole - observed, rtol=0.005, atol=atol)


@each(row for row in EXACT if not only_colours(row))
def test_the_information_is_that_of_the_rows_scores(row, monkeypatch):
    """Along ways the fit may go, groups' scores by differences have the products it says."""
    monkeypatch.setattr(information, "OWN", 0)
    source = row.source(1200, 11)
    base = alone(rough(row, source), source, Stopping()).best.mixture
    ways = np.array([towards(base, source, seed) for seed in range(4)])
    count = source.rows // max(source.rows // (information.GROUPS * base.free), 1)
    slopes = np.array([slope(base, source, way) for way in ways])
    dealt = shuffled(source.rows)[: source.rows // count * count].reshape(count, -1)
    groups = slopes[:, dealt].sum(axis=2)
    common = groups.mean(axis=1, keepdims=True)
    apart = (groups - common) * np.sqrt(count / (count - 1))
    groups = np.hstack([apart, common * (count / np.sqrt(source.rows))])
    inside = information.told(base, e_step(base, source), source).moves() @ base.information(ways).T
    expected = groups @ groups.T / source.rows
    share = 0.05 if row.name in ROUGH else 0.02
    np.testing.assert_allclose(inside.T @ inside, expected, atol=share * expected.max())


@pytest.mark.parametrize(
    ("d", "k", "apart", "seed"), [(2, 3, 2.5, 5), (2, 4, 3.0, 6), (5, 5, 3.0, 5)]
)
def test_with_it_the_way_to_the_end_is_short(d, k, apart, seed, monkeypatch):
    names = list("abcde"[:d])
    centres, values = rows(100_000, d, k, apart, seed)
    source = MemorySource(values, names)
    took = []
    for able in (True, False):
        if not able:
            monkeypatch.setattr(information, "price", lambda *_: np.inf)
        run = alone(mixture(centres, names), source, Stopping())
        assert run.converged
        took.append((run.iterations, run.reached))
    assert took[0][1] == pytest.approx(took[1][1], abs=1e-5)
    assert 2 * took[0][0] < took[1][0]


@pytest.mark.parametrize("structure", ["EII", "VVI", "VVV"])
@pytest.mark.parametrize("weighted", [False, True])
def test_it_is_exact_where_components_overlap_and_little_is_left(structure, weighted, monkeypatch):
    monkeypatch.setattr(information, "FAINT", 1e-12)
    centres, values = rows(20_000, 2, 3, 1.5, seed=2)
    weights = np.random.default_rng(1).uniform(0, 1e-4, 20_000) if weighted else None
    source = MemorySource(values, NAMES, weights)
    # Weights are small, and so is the likelihood's scale: as near the end as without them.
    enough = Stopping(tolerance=1e-7 * source.weight_total / source.rows)
    base = alone(mixture(centres, NAMES, structure), source, enough).best.mixture
    begun = [base.from_vector(base.to_vector() + towards(base, source, s)) for s in range(5)]
    later = [next(islice(steps(one, source), 20, None)).mixture for one in begun]
    ways = np.array([one.to_vector(base) for one in later]) - base.to_vector()
    whole, told = both(base, source, ways)
    observed = np.array([bend(base, source, way) for way in ways])
    assert (observed < 0.2 * whole).all()  # where EM is slow most is missing
    np.testing.assert_allclose(told, observed, rtol=0.01, atol=2e-5 * whole.max())


def test_faint_rows_are_told_by_some_of_them():
    centres, values = rows(100_000, 2, 3, 3.0, seed=7)
    source = MemorySource(values, NAMES)
    base = alone(mixture(centres), source, Stopping()).best.mixture
    ways = np.array([towards(base, source, seed) for seed in range(40)])
    whole, told = both(base, source, ways)
    observed = np.array([bend(base, source, way) for way in ways])
    assert np.abs(told - observed).max() < 3 / np.sqrt(100_000) * whole.max()


@pytest.mark.parametrize("colours", [True, False])
def test_the_same_bits_for_any_number_of_threads(colours, monkeypatch):
    monkeypatch.setattr(information, "only_colours", lambda _: colours)
    centres, values = rows(300_000, 2, 3, 4.0, seed=3)
    one, two = (
        information.metric(start, e_step(start, source), source)
        for start in [mixture(centres)]
        for source in (MemorySource(values, NAMES, threads=t) for t in (1, 2))
    )
    assert one.beside.tobytes() == two.beside.tobytes() and one.least == two.least


@pytest.mark.parametrize("colours", [True, False])
def test_rare_components_are_left_to_em(colours, monkeypatch):
    monkeypatch.setattr(information, "only_colours", lambda _: colours)
    centres, values = rows(100_000, 2, 3, 4.0, seed=3)
    start, source = mixture(centres), MemorySource(values, NAMES)
    here = replace(start, weights=np.array([1e-4, 0.4, 0.5999]))
    sums = e_step(here, source)
    assert information.price(here, sums, source) < 15
    owner = np.concatenate([np.arange(3), np.repeat(np.arange(3), sums.statistics[0].shape[1])])
    varied = information.told(here, sums, source).varied
    assert not varied[owner == 0].any() and not varied[:, owner == 0].any()
    with monkeypatch.context() as less:
        less.setattr(information, "OWN", 0)
        whole = information.told(here, sums, source).varied
    assert whole[owner == 0].any()
    own = np.ix_(owner > 0, owner > 0)
    np.testing.assert_array_equal(varied[own], whole[own])


def test_it_is_not_asked_of_few_rows_nor_of_weighted_scores(monkeypatch):
    centres, values = rows(100_000, 2, 3, 4.0, seed=3)
    start = mixture(centres)
    source, weighted = (MemorySource(values, NAMES, w) for w in (None, np.ones(100_000)))
    sums = e_step(start, source)
    assert information.price(start, sums, source) < 15
    assert information.price(start, sums, weighted) < 15
    few = MemorySource(values[:, : information.TELLING * start.free - 1], NAMES)
    assert information.price(start, e_step(start, few), few) == np.inf
    rare = replace(start, weights=np.full(3, 1e-5))
    assert information.price(rare, sums, source) == np.inf
    monkeypatch.setattr(information, "only_colours", lambda _: False)
    assert information.price(start, sums, source) < 2
    assert information.price(start, sums, weighted) == np.inf


@pytest.mark.parametrize("by", ["nothing", "a column", "the classes"])
@pytest.mark.parametrize("colours", [True, False])
def test_it_is_the_same_of_a_sorted_table(by, colours, monkeypatch):
    """Groups tell what rows would: neighbours in a sorted table have scores that go together."""
    monkeypatch.setattr(information, "only_colours", lambda _: colours)
    monkeypatch.setattr(information, "GROUPS", 60)  # and chance explains a twentieth
    centres, values = rows(20_000, 2, 3, 3.0, seed=7)
    start = mixture(centres)
    if by != "nothing":
        order = posterior(start, MemorySource(values, NAMES))[0].argmax(axis=0)
        values = values[:, np.argsort(values[0] if by == "a column" else order)].copy()
    source = MemorySource(values, NAMES)
    base = alone(start, source, Stopping()).best.mixture
    ways = np.array([towards(base, source, seed) for seed in range(40)])
    whole, told = both(base, source, ways)
    if not colours:
        told = whole - told  # what groups tell is what is observed
    observed = np.array([bend(base, source, way) for way in ways])
    assert np.median(told / observed) == pytest.approx(1.0, abs=0.2)
    assert (np.abs(np.log(told / observed)) < 1.0).all()


def tight(sd):
    """Two tight components near each other and a wide one: parameters and rows."""
    rng = np.random.default_rng(4)
    z = rng.integers(3, size=40_000)
    centres = np.array([[0, 0], [1.6 * sd, sd], [5, 5]])
    spread = np.array([sd, sd, 1.0])[z]
    values = (centres[z] + spread[:, None] * rng.standard_normal((40_000, 2))).T.copy()
    source = MemorySource(values, NAMES)
    start = mixture(centres)
    covariance = start.families[0].covariance * np.array([sd, sd, 1.0])[:, None, None] ** 2
    return replace(start, families=(replace(start.families[0], covariance=covariance),)), source


@pytest.mark.parametrize("sd", [0.01, 0.003])
def test_the_share_that_is_missing_is_the_same_however_tight_components_are(sd):
    """Sums about a common origin hardly tell the spread of what is far from it."""
    shares = []
    for one in (0.1, sd):
        here, source = tight(one)
        moves = information.told(here, e_step(here, source), source).moves()
        products = moves @ here.information(moves.astype(np.float64)).T
        shares.append(np.linalg.eigvalsh(products)[::-1][:8])
    np.testing.assert_allclose(shares[1], shares[0], atol=0.02)
    assert shares[1].max() < 1.01


@pytest.mark.parametrize("sd", [0.1, 0.01, 0.003])
def test_tight_components_far_from_each_other_are_no_trouble(sd, monkeypatch):
    start, source = tight(sd)
    run = alone(start, source, Stopping())
    monkeypatch.setattr(information, "price", lambda *_: np.inf)
    plain = alone(start, source, Stopping())
    assert run.converged and plain.converged
    assert run.reached == pytest.approx(plain.reached, abs=1e-5)
    assert run.iterations < 1.2 * plain.iterations
