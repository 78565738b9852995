"""Unconstrained coordinates: there and back, and straight lines stay in the model."""

from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
from scipy.linalg import expm

from emcli.acceleration import DIP, JUMP, Climb
from emcli.em import e_step, q, steps
from emcli.families import charts
from emcli.families.structures import covariances
from emcli.mixture import Mixture
from emcli.sources.memory import MemorySource
from emcli.squarem import extrapolate

from .example import flattened
from .table import every_row, rough


def numbers(mixture):
    """All parameters in one array, in the data's units."""
    found = [mixture.weights]
    for family in mixture.families:
        for k in range(mixture.k):
            for key, value in family.to_dict(k).items():
                if key not in ("levels", "trials", *family.labels):
                    found.append(flattened(value))
    return np.concatenate(found)


def belongs(mixture):
    """Is every family what its own M step would leave alone? Are probabilities probabilities?"""
    assert mixture.weights.sum() == pytest.approx(1, abs=1e-14) and (mixture.weights > 0).all()
    for family in mixture.families:
        if family.name == "gaussian":
            n = np.array([5.0, 7.0, 11.0])
            spread = family.spread
            scatter = spread * n.reshape(-1, *[1] * (spread.ndim - 1))
            again = covariances(family.structure, n, scatter, spread)
            np.testing.assert_allclose(again, spread, rtol=1e-7, atol=1e-9 * np.abs(spread).max())
        if family.name == "categorical":
            for p in family.probabilities:
                np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-14)
        if family.name in ("bernoulli", "binomial"):
            assert ((family.probability >= 0) & (family.probability <= 1)).all()


def leap(*mixtures_and_longest):
    """Where SQUAREM jumps to from three mixtures, and the length."""
    *mixtures, longest = mixtures_and_longest
    stacks = [Mixture.stack([m]) for m in mixtures]
    jump, length = extrapolate(*stacks, np.array([longest]))
    return jump.select(0), length[0]


@every_row
@pytest.mark.parametrize("seed", range(3))
def test_there_and_back(row, seed):
    source = row.source(200, seed)
    one, base = rough(row, source, seed), rough(row, source, seed + 10)
    np.testing.assert_allclose(numbers(one.from_vector(one.to_vector())), numbers(one),
                               rtol=1e-11, atol=1e-12)
    vector = one.to_vector(base)
    again = base.from_vector(vector)
    np.testing.assert_allclose(numbers(again), numbers(one), rtol=1e-9, atol=1e-10)
    np.testing.assert_allclose(again.to_vector(base), vector, rtol=1e-8, atol=1e-8)


@every_row
@pytest.mark.parametrize("seed", range(3))
def test_a_straight_line_through_em_iterates_stays_in_the_model(row, seed):
    source = row.source(250, seed)
    path = [s.mixture for s in islice(steps(rough(row, source, seed, 0.9), source), 4)]
    first, second, third = path[1:]
    zero, one, two = (m.to_vector(third) for m in (first, second, third))
    np.testing.assert_allclose(numbers(third.from_vector(zero)), numbers(first), rtol=1e-8,
                               atol=1e-9)
    r, v = one - zero, two - 2 * one + zero
    for length in (1.0, 3.0, 10.0):
        away = 2 * length * r + length * length * v
        belongs(third.from_vector(zero + away / max(1.0, np.abs(away).max())))
    jump, length = leap(first, second, third, 4.0)
    assert 1 <= length <= 4
    belongs(jump)


@pytest.mark.parametrize("structure", ["EEV", "VVE"])
def test_lines_through_the_base_turn_axes_along_geodesics(structure):
    """Half of the way is half of the turn, in every plane, in five columns."""
    rng = np.random.default_rng(70)
    half = expm(0.1 * (lambda a: a - a.T)(rng.normal(size=(5, 5))))
    axes = [np.linalg.qr(rng.normal(size=(5, 5)))[0]] * 2

    def turned(turn):
        return np.stack([(turn @ q * [9, 5, 3, 2, 1]) @ (turn @ q).T for q in axes])

    base, there = turned(np.eye(5)), turned(half @ half)
    chart = charts.around(structure, base)
    begin = chart.to_vector(base)
    found = chart.from_vector(begin + (chart.to_vector(there) - begin) / 2)
    np.testing.assert_allclose(found, turned(half), rtol=1e-11, atol=1e-11)


@every_row
def test_free_parameters_are_as_many_as_the_chart_has_directions(row):
    """The rank of the log joint densities' slopes towards fits to reweighted rows."""
    rng = np.random.default_rng(52)
    values, base = row.draw(200, 53), row.mixture.to_vector()
    block = MemorySource(values, row.names).all()

    def joint(vector):
        return row.mixture.from_vector(vector).at(row.names).joint(block)[0].ravel().copy()

    slopes = []
    for _ in range(row.mixture.free + 5):
        source = row.source(400, 54, rng.exponential(size=400))
        r, _ = row.mixture.at(row.names).posterior(source.all())
        fit = row.model.estimate(source.all(), row.names, r)
        away = fit.to_vector(row.mixture) - base
        slopes.append((joint(base + 1e-4 * away) - joint(base - 1e-4 * away)) / 2e-4)
    singular = np.linalg.svd(np.array(slopes), compute_uv=False)
    assert (singular > 1e-5 * singular[0]).sum() == row.mixture.free


@every_row
def test_a_jump_of_length_one_is_the_em_point(row):
    """With a = 1 SQUAREM's point is the second EM step from where it began."""
    source = row.source(200, 5)
    first, second, third = (s.mixture for s in islice(steps(rough(row, source), source), 3))
    jump, _ = leap(first, second, third, 1.0)
    np.testing.assert_allclose(numbers(jump), numbers(third), rtol=1e-9, atol=1e-10)


@every_row
@pytest.mark.parametrize("far", [30.0, 1e3, 1e6, np.inf, np.nan])
def test_a_jump_too_far_is_refused_or_lands_on_numbers(row, far):
    source, vector = row.source(100, 6), row.mixture.to_vector()
    for away in (far, -far):
        try:
            with np.errstate(all="ignore"):
                jump = row.mixture.from_vector(vector + away * np.sign(vector))
        except (ValueError, np.linalg.LinAlgError):
            continue
        sums = e_step(Mixture.stack([row.mixture]), source)
        begun = Climb.begin(Mixture.stack([jump]), "none")
        with np.errstate(all="ignore"):
            found, failed = replace(begun, kind=np.array([JUMP]), sums=sums).evaluate(source)
        assert np.isfinite([*found.log_likelihood, *found.n.ravel()]).all()
        assert failed or found.log_likelihood >= sums.log_likelihood - DIP


@every_row
def test_the_information_is_the_bend_of_q(row):
    """Second differences of Q at the parameters that have just maximised it, one row's worth."""
    source = row.source(4_000, 55)
    mixture = row.mixture
    for _ in range(3):
        expectation = e_step(mixture, source)
        mixture = mixture.maximise(expectation)
    expectation = e_step(mixture, source)
    top = mixture.maximise(expectation)
    rng, origin = np.random.default_rng(56), top.to_vector()
    for _ in range(3):
        # Towards another fit of the model, for not every direction of the chart is in it.
        away = rough(row, row.source(400, rng.integers(1_000)), 57).to_vector(top) - origin
        away *= 1e-3 / np.abs(away).max()
        bend = sum(q(top.from_vector(origin + v), expectation) for v in (away, -away))
        bend = (2 * q(top, expectation) - bend) / source.rows
        if "trials=" not in row.name:  # a column of trials is left out of it
            assert away @ top.information(away) == pytest.approx(bend, rel=0.1)
