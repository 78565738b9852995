"""The information in the rows: it is that of their scores, and it shortens the way to the end."""

from dataclasses import replace

import numpy as np
import pytest

from emcli import scores
from emcli.em import e_step, m_step, posterior
from emcli.evaluation import shuffled
from emcli.mixture import Mixture
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
    moved = MemorySource(source.values, source.names, weights)
    return (m_step(base, e_step(base, moved)).to_vector(base) - base.to_vector()) / 1e-3


def slope(base, source, away):
    """(n,) of each row's log density that way, by differences."""
    at = base.to_vector()
    up, down = (posterior(base.from_vector(at + h * away), source)[1] for h in (STEP, -STEP))
    return (up - down) / (2 * STEP)


# W is roughly known where components share something, and of factors; of trials in a column not.
ROUGH = {f"gaussian:{name}" for name in ("EEE", "VEE", "EVE", "VVE", "EEV", "VEV", "EVV")}
ROUGH |= {"factor(q=1)", "factor(q=2)"}


@each(row for row in TABLE if row.exact and row.name != "binomial trials=")
def test_the_metric_inverts_the_scores_information(row, monkeypatch):
    """Along ways the fit may go, groups' scores by differences have the products it says."""
    monkeypatch.setattr(scores, "NOISE", 0.0)
    source = row.source(1200, 11)
    base = alone(rough(row, source), source, Stopping()).best.mixture
    found, _ = scores.metric(base, e_step(base, source), source)
    ways = np.array([towards(base, source, seed) for seed in range(4)])
    count = source.rows // max(source.rows // (scores.GROUPS * base.free), 1)
    slopes = np.array([slope(base, source, way) for way in ways])
    dealt = shuffled(source.rows)[: source.rows // count * count].reshape(count, -1)
    groups = slopes[:, dealt].sum(axis=2)
    common = groups.mean(axis=1, keepdims=True)
    apart = (groups - common) * np.sqrt(count / (count - 1))
    groups = np.hstack([apart, common * (count / np.sqrt(source.rows))])
    inside, *_ = np.linalg.lstsq(found, ways.T, rcond=None)
    share = 0.05 if row.name in ROUGH else 0.02
    np.testing.assert_allclose(found @ inside, ways.T, atol=share * np.abs(ways).max())
    expected = groups @ groups.T / source.rows
    np.testing.assert_allclose(inside.T @ inside, expected, atol=share * expected.max())


@pytest.mark.parametrize(("d", "k", "apart"), [(2, 3, 2.5), (2, 4, 3.0), (5, 5, 3.0)])
def test_with_it_the_way_to_the_end_is_short(d, k, apart, monkeypatch):
    names = list("abcde"[:d])
    centres, values = rows(100_000, d, k, apart, seed=5)
    source = MemorySource(values, names)
    took = []
    for able in (True, False):
        if not able:
            monkeypatch.setattr(scores, "price", lambda *_: np.inf)
        run = alone(mixture(centres, names), source, Stopping())
        assert run.converged
        took.append((run.iterations, run.reached))
    assert took[0][1] == pytest.approx(took[1][1], abs=1e-5)
    assert 2 * took[0][0] < took[1][0]


def test_the_same_bits_for_any_number_of_threads():
    centres, values = rows(300_000, 2, 3, 4.0, seed=3)
    one, two = (
        scores.metric(start, e_step(start, source), source)
        for start in [mixture(centres)]
        for source in (MemorySource(values, NAMES, threads=t) for t in (1, 2))
    )
    assert one[0].tobytes() == two[0].tobytes() and one[1] == two[1]


def test_it_is_not_asked_of_weighted_rows_nor_of_few():
    centres, values = rows(100_000, 2, 3, 4.0, seed=3)
    start = mixture(centres)
    source = MemorySource(values, NAMES)
    sums = e_step(start, source)
    assert scores.price(start, sums, source) < 2
    weighted = MemorySource(values, NAMES, np.ones(100_000))
    assert scores.price(start, sums, weighted) == np.inf
    assert scores.price(start, sums, source.sample(5_000, 1)) == np.inf
    rare = Mixture(np.array([1e-5, 0.5, 0.49999]), start.families)
    assert scores.price(rare, sums, source) == np.inf


@pytest.mark.parametrize("by", ["nothing", "a column", "the classes"])
def test_it_is_the_same_of_a_sorted_table(by, monkeypatch):
    """Groups tell what rows would: neighbours in a sorted table have scores that go together."""
    monkeypatch.setattr(scores, "NOISE", 0.0)
    monkeypatch.setattr(scores, "GROUPS", 60)  # and chance explains a twentieth
    centres, values = rows(20_000, 2, 3, 3.0, seed=7)
    start = mixture(centres)
    if by != "nothing":
        order = posterior(start, MemorySource(values, NAMES))[0].argmax(axis=0)
        values = values[:, np.argsort(values[0] if by == "a column" else order)].copy()
    source = MemorySource(values, NAMES)
    base = alone(start, source, Stopping()).best.mixture
    found, _ = scores.metric(base, e_step(base, source), source)
    ways = np.array([towards(base, source, seed) for seed in range(40)])
    slopes = np.array([slope(base, source, way) for way in ways])
    inside, *_ = np.linalg.lstsq(found, ways.T, rcond=None)
    told, expected = (inside**2).sum(axis=0), (slopes**2).mean(axis=1)
    assert np.median(told / expected) == pytest.approx(1.0, abs=0.2)
    assert (np.abs(np.log(told / expected)) < 1.0).all()


@pytest.mark.parametrize("sd", [0.1, 0.01, 0.003])
def test_tight_components_far_from_each_other_are_no_trouble(sd, monkeypatch):
    rng = np.random.default_rng(4)
    z = rng.integers(3, size=40_000)
    centres = np.array([[0, 0], [1.6 * sd, sd], [5, 5]])
    spread = np.array([sd, sd, 1.0])[z]
    values = (centres[z] + spread[:, None] * rng.standard_normal((40_000, 2))).T.copy()
    source = MemorySource(values, NAMES)
    start = mixture(centres)
    tight = start.families[0].covariance * np.array([sd, sd, 1.0])[:, None, None] ** 2
    start = replace(start, families=(replace(start.families[0], covariance=tight),))
    run = alone(start, source, Stopping())
    monkeypatch.setattr(scores, "price", lambda *_: np.inf)
    plain = alone(start, source, Stopping())
    assert run.converged and plain.converged
    assert run.reached == pytest.approx(plain.reached, abs=1e-5)
    assert run.iterations < 1.2 * plain.iterations
