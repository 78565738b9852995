"""The M step maximises Q, no step lowers the likelihood, what is returned is what is reported."""

from dataclasses import replace
from itertools import islice, pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from emcli.acceleration import DIP, JUMP, Climb
from emcli.em import base_measure, e_step, m_step, q, steps
from emcli.errors import DegenerateError
from emcli.mixture import Mixture
from emcli.run import alone
from emcli.settings import Stopping
from emcli.sources.memory import MemorySource

from .example import flattened
from .table import (
    closed_rows,
    every_row,
    exact_rows,
    independent_rows,
    masked,
    plain_rows,
    rough,
)


def log_likelihood(mixture, source):
    return e_step(mixture, source).log_likelihood + base_measure(mixture, source)


def slack(source, value):
    """What a log-likelihood may fall by through rounding."""
    return 1e-10 * (source.rows + abs(value))


@every_row
def test_simulate_and_fit_recovers_the_truth(row):
    """The fit's gain over the truth is half a chi-square of as many degrees of freedom."""
    source = row.source(20_000, seed=1)
    run = alone(row.mixture, source, Stopping(tolerance=1e-4))
    assert run.converged
    gain = run.best.log_likelihood - log_likelihood(row.mixture, source)
    low, high = stats.chi2(row.mixture.free).ppf([1e-5, 1 - 1e-5])
    assert low <= 2 * gain <= high
    fitted = run.best.mixture
    np.testing.assert_allclose(fitted.weights, row.mixture.weights, atol=0.03)
    for family, block in zip(fitted.families, row.blocks, strict=True):
        for k, entry in enumerate(block.entries):
            for key, found in family.to_dict(k).items():
                if key not in ("levels", "trials", *family.labels):
                    np.testing.assert_allclose(
                        flattened(found), flattened(entry[key]), rtol=0.1, atol=0.15
                    )


@plain_rows
def test_q_is_the_expected_complete_data_log_likelihood(row):
    """From the sums, against sum_i sum_k r_ik log pi_k p_k(x_i) by SciPy, h(x) taken out."""
    source = row.source(200, seed=2)
    r, _ = rough(row, source).at(row.names).posterior(source.all())
    expectation = e_step(rough(row, source), source)
    wanted = (r * row.expected(source.values)).sum() - base_measure(row.mixture, source)
    # Families summed about other parameters than their own would answer for those.
    best = rough(row, source).maximise(expectation)
    assert not row.exact or best.q(expectation) >= wanted - 1e-9 * abs(wanted)
    own = e_step(row.mixture, source)
    r, _ = row.mixture.at(row.names).posterior(source.all())
    wanted = (r * row.expected(source.values)).sum() - base_measure(row.mixture, source)
    assert q(row.mixture, own) == pytest.approx(wanted, rel=1e-10)


def directions(row, source, best, count, seed=0):
    """Vectors from `best` to other mixtures of its structure: straight lines there stay in it."""
    for i in range(count):
        other = rough(row, source, seed + i, mix=0.6)
        away = other.to_vector(best) - best.to_vector()
        yield away / (np.abs(away).max() or 1.0)  # all parameters may be held


@exact_rows
@given(seed=st.integers(0, 10_000), size=st.sampled_from([1e-4, 1e-3, 1e-2, 0.1]))
def test_m_step_beats_its_neighbours(row, seed, size):
    source = row.source(200, seed % 3)
    start = rough(row, source)
    expectation = e_step(start, source)
    best = m_step(start, expectation)
    top, vector = q(best, expectation), best.to_vector()
    (away,) = directions(row, source, best, 1, seed)
    for theta in (best.from_vector(vector + size * away), best.from_vector(vector - size * away)):
        assert q(theta, expectation) <= top + 1e-12 * abs(top)
    assert q(start, expectation) <= top + 1e-12 * abs(top)


def slope(f, vector, away, h=1e-4):
    """The central difference of f at `vector` along `away`."""
    return (f(vector + h * away) - f(vector - h * away)) / (2 * h)


@exact_rows
def test_m_step_is_a_stationary_point_of_q(row):
    """In every direction within the structure, where neighbours might not show it."""
    source = row.source(300, seed=3)
    start = rough(row, source)
    expectation = e_step(start, source)
    best = m_step(start, expectation)
    for away in directions(row, source, best, 8):
        found = slope(lambda v: q(best.from_vector(v), expectation), best.to_vector(), away)
        assert abs(found) < 1e-6 * source.rows


@every_row
def test_an_m_step_never_lowers_q(row):
    source = row.source(300, seed=4)
    for seed in range(3):
        start = rough(row, source, seed)
        expectation = e_step(start, source)
        assert q(m_step(start, expectation), expectation) >= q(start, expectation)


@exact_rows
def test_the_likelihood_rises_by_at_least_q(row):
    """log L(theta') - log L(theta) >= Q(theta') - Q(theta), for the M step and for any theta'."""
    source = row.source(300, seed=4)
    start = rough(row, source)
    expectation = e_step(start, source)
    for theta in (m_step(start, expectation), row.mixture, rough(row, source, 1)):
        gain = e_step(theta, source).log_likelihood - expectation.log_likelihood
        assert gain >= q(theta, expectation) - q(start, expectation) - slack(source, gain)


def never_falls(path, source):
    values = [step.log_likelihood for step in path]
    for before, after in pairwise(values):
        assert after >= before - slack(source, after)
    return values


@every_row
@pytest.mark.parametrize("seed", [0, 1])
def test_the_likelihood_never_falls(row, seed):
    weights = np.random.default_rng(seed).exponential(size=300) if seed else None
    source = row.source(300, 10 + seed, weights)
    values = never_falls(islice(steps(rough(row, source, seed, 0.9), source), 60), source)
    assert values[-1] > values[0]


@independent_rows
@given(share=st.floats(0.02, 0.6), seed=st.integers(0, 1000))
def test_the_likelihood_never_falls_with_missing_cells(row, share, seed):
    source = MemorySource(masked(row.draw(250, seed % 4), share, seed), row.names)
    values = never_falls(islice(steps(rough(row, source, seed), source), 25), source)
    assert values[-1] > values[0]


@independent_rows
def test_with_missing_cells_the_end_is_a_maximum(row):
    """Of what was observed: the likelihood by SciPy has no slope there."""
    source = MemorySource(masked(row.draw(400, 20), 0.2, 20), row.names)
    run = alone(rough(row, source, mix=0.2), source, Stopping(tolerance=1e-9))
    fitted = run.best.mixture
    for away in directions(row, MemorySource(row.draw(400, 20), row.names), fitted, 8):
        found = slope(
            lambda v: e_step(fitted.from_vector(v), source).log_likelihood,
            fitted.to_vector(), away,
        )
        assert abs(found) < 2e-3


@every_row
@pytest.mark.parametrize("acceleration", ["lbfgs", "squarem"])
def test_a_jump_dips_by_a_nat_at_most_and_em_steps_never(row, acceleration):
    source = row.source(300, seed=30)
    start = rough(row, source, 30, mix=0.95)
    climb, path = Climb.begin(Mixture.stack([start]), acceleration, taken=20), []
    for _ in range(90):
        sums, failed = climb.evaluate(source)
        if not failed:
            path.append((climb.kind[0] == JUMP, sums.log_likelihood[0]))
        try:
            climb, _ = climb.onward(sums, failed, np.array([False]), source.rows)
        except DegenerateError:  # a component that vanished on the way up
            break
    assert any(jumped for jumped, _ in path)
    for (_, before), (jumped, after) in pairwise(path):
        assert after >= before - DIP * jumped - slack(source, before)


@every_row
@pytest.mark.parametrize("acceleration", ["lbfgs", "squarem", "none"])
def test_a_run_returns_the_best_point_it_passed_and_its_likelihood(row, acceleration):
    source = row.source(300, seed=31)
    seen = []
    stopping = Stopping(acceleration=acceleration, max_iterations=60)
    run = alone(
        rough(row, source, 31, 0.95), source, stopping, lambda step, run: seen.append(step)
    )
    assert run.best.log_likelihood == max(step.log_likelihood for step in seen)
    assert run.best.log_likelihood == log_likelihood(run.best.mixture, source)


@every_row
def test_accelerated_and_plain_end_together(row):
    """From near the truth: farther away skew normals have many maxima to end in."""
    source = row.source(500, seed=32)
    start = rough(row, source, 32, 0.2)
    ends = [
        alone(start, source, Stopping(acceleration=a)).reached
        for a in ("lbfgs", "squarem", "none")
    ]
    assert ends[0] == pytest.approx(ends[2], abs=1e-5)
    assert ends[1] == pytest.approx(ends[2], abs=1e-5)


@every_row
def test_equal_weights_stay_equal_and_never_fall(row):
    source = row.source(300, seed=33)
    start = replace(rough(row, source, 33), weights=np.full(3, 1 / 3), equal_weights=True)
    assert start.free == row.mixture.free - 2
    path = list(islice(steps(start, source), 30))
    never_falls(path, source)
    best = alone(start, source, Stopping()).best
    assert (best.mixture.weights == 1 / 3).all()
    free = alone(replace(best.mixture, equal_weights=False), source, Stopping())
    assert free.reached >= best.log_likelihood


@closed_rows
def test_one_component_is_the_plain_maximum(row):
    """With k = 1 one M step is the end, and no random responsibilities matter."""
    source = row.source(200, seed=34, weights=np.linspace(0.5, 2, 200))
    one = row.model.estimate(source.all(), row.names, np.ones((1, 200)))
    run = alone(one, source, Stopping())
    assert run.converged and run.best.log_likelihood == pytest.approx(
        log_likelihood(one, source), abs=slack(source, run.best.log_likelihood)
    )
    other = row.model.estimate(source.all(), row.names, np.full((2, 200), 0.5))
    assert log_likelihood(other, source) == pytest.approx(run.best.log_likelihood, rel=1e-12)
