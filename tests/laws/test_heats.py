"""Starts of a large table are compared on samples: what is compared, and that the best is found."""

import numpy as np
import pytest

import emcli
from emcli import information
from emcli.em import e_step, posterior
from emcli.heats import Heats, Rivals
from emcli.mixture import Mixture
from emcli.run import Pack, Run, alone
from emcli.settings import Stopping
from emcli.sources.memory import MemorySource

NAMES = ["a", "b"]


def mixture(centres, names=NAMES, structure="VVV"):
    components = [
        {"colour": f"c{k}", "weight": 1 / len(centres), "distributions": [{
            "family": "gaussian", "columns": names, "mean": list(centre),
            "covariance": np.eye(len(names)).tolist(), "variance": [1.0] * len(names),
        }]}
        for k, centre in enumerate(centres)
    ]  # fmt: skip
    return Mixture.from_dict(components, f"gaussian:{structure}")


def rows(n, d, k, apart, seed):
    """(k, d) centres, so many standard deviations apart on average, and (d, n) rows about them."""
    rng = np.random.default_rng(seed)
    centres = apart / np.sqrt(2 * d) * rng.standard_normal((k, d))
    return centres, (centres[rng.integers(k, size=n)] + rng.standard_normal((n, d))).T.copy()


@pytest.mark.parametrize("weighted", [False, True])
def test_rivals_are_told_by_their_log_densities(weighted):
    _, values = rows(20_000, 2, 3, 4.0, seed=1)
    weights = np.random.default_rng(2).integers(0, 3, 20_000).astype(float) if weighted else None
    source = MemorySource(values, NAMES, weights)
    several = [mixture([[0, 0], [1, shift]]) for shift in (0.0, 0.1, 2.0)]
    found = Rivals.on(source, several)
    each = np.repeat([posterior(one, source)[1] for one in several],
                     1 if weights is None else weights.astype(int), axis=1)  # fmt: skip
    for i in range(3):
        for j in range(3):
            away = each[j] - each[i]
            assert found.apart(i, j) == pytest.approx((away**2).sum(), rel=1e-9, abs=1e-6)
            gap = away.sum() - 3 * away.std() * np.sqrt(away.size)  # Vuong's test, as written
            assert found.below(i, j, gap - 1e-3) or gap < 0
            assert not found.below(i, j, gap + 1e-3)


def test_the_same_rivals_for_any_number_of_threads():
    _, values = rows(300_000, 2, 3, 4.0, seed=3)
    several = [mixture([[0, 0], [1, shift]]) for shift in (0.0, 2.0)]
    one, two = (Rivals.on(MemorySource(values, NAMES, threads=t), several) for t in (1, 2))
    assert (one.products == two.products).all() and (one.sums == two.sums).all()


@pytest.mark.parametrize("acceleration", ["lbfgs", "squarem", "none"])
@pytest.mark.parametrize("laps", [(6, 12, 24, 48), (25, 50), (3, 3, 3)])
def test_a_run_in_laps_ends_where_one_without_does(acceleration, laps):
    _, values = rows(2_500, 2, 2, 3.0, seed=5)
    source, stopping = MemorySource(values, NAMES), Stopping(acceleration=acceleration)
    begin = [mixture([[-shift, 0], [shift, 1]]) for shift in (0.5, 1.0, 2.0)]
    runs = [Run(one, stopping) for one in begin]
    for lap in laps:
        going = [run for run in runs if not run.stopped]
        Pack(going, source, stopping).advance(lap, tolerance=1.0)
    for one, run in zip(begin, runs, strict=True):
        Pack([run], source, stopping).advance(tolerance=2e-2)
        Pack([run], source, stopping).advance()
        assert run.converged
        assert run.reached == pytest.approx(alone(one, source, stopping).reached, abs=1e-6)


@pytest.mark.parametrize("seed", [0, 1])
def test_the_best_start_is_not_lost_on_a_sample(seed):
    """The search ends no lower than EM that begins at the truth does."""
    centres, values = rows(50_000, 8, 8, 5.0, seed)
    names = [f"x{j + 1}" for j in range(8)]
    from_truth = alone(mixture(centres, names), MemorySource(values, names), Stopping()).reached
    assert emcli.fit(values.T, k=8).fit["log_likelihood"] > from_truth - 1e-3


def test_a_sample_is_given_its_share_of_the_tolerance(monkeypatch):
    _, values = rows(200_000, 2, 3, 4.0, seed=2)
    given: dict[int, float] = {}

    def begun(self, runs, source, stopping):
        given[source.rows] = stopping.tolerance
        init(self, runs, source, stopping)

    init = Pack.__init__
    monkeypatch.setattr(Pack, "__init__", begun)
    emcli.fit(values.T, "gaussian", 3, starts=3, tolerance=100.0)
    assert min(given) < 200_000 == max(given)
    assert given == {n: pytest.approx(100.0 * n / 200_000) for n in given}


def test_what_a_sample_tells_of_the_information_saves_passes_over_all_rows(monkeypatch):
    centres, values = rows(200_000, 2, 3, 3.0, seed=5)
    source = MemorySource(values, NAMES)
    sample = source.sample(50_000, 1)
    ended = alone(mixture(centres), sample, Stopping()).best.mixture
    told = information.metric(ended, e_step(ended, sample), sample)
    monkeypatch.setattr(information, "price", lambda *_: np.inf)  # and nothing is asked later
    runs = [Run(ended, Stopping(), settled=True, metric=metric) for metric in (told, None)]
    for run in runs:
        Pack([run], source, Stopping()).advance()
        assert run.converged
    assert runs[0].reached == pytest.approx(runs[1].reached, abs=1e-6)
    assert 2 * runs[0].iterations < runs[1].iterations


def test_it_is_passed_on_to_who_goes_on_alone(monkeypatch):
    """Of three starts one is left after the sample, and needs few passes over all rows."""
    _, values = rows(200_000, 2, 3, 8.0, seed=1)
    passed: list[object] = []

    def begun(self, mixture, stopping, watch=None, settled=False, metric=None):
        passed.append(metric)
        init(self, mixture, stopping, watch, settled, metric)

    init = Run.__init__
    monkeypatch.setattr(Run, "__init__", begun)
    for acceleration in ("lbfgs", "squarem"):
        passed.clear()
        found = emcli.fit(values.T, "gaussian", 3, starts=3, acceleration=acceleration).fit
        assert found["converged"]
        assert any(passed) == (acceleration == "lbfgs")


def test_who_is_out_lets_go_of_the_stack_it_went_in(monkeypatch):
    """Ten starts' last points and sums are memory that those who go on need."""
    _, values = rows(200_000, 4, 5, 4.0, seed=2)
    seen = []

    def survivors(self, attempts):
        found = whole(self, attempts)
        seen.extend(attempts)
        return found

    whole = Heats.survivors
    monkeypatch.setattr(Heats, "survivors", survivors)
    emcli.fit(values.T, "gaussian", 5, tolerance=1.0)
    out = [attempt for attempt in seen if attempt.status != "ok"]
    assert out and all(attempt.run.ahead is None for attempt in out)
