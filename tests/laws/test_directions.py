"""Angles and directions: constants of any size, sharp components, turns, lengths, zero vectors."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice

import numpy as np
import pandas as pd
import pytest
from scipy import special

import emcli
from emcli.api import as_table, fit_table
from emcli.em import e_step, m_step, steps
from emcli.errors import InputError, UsageError
from emcli.families import spheres
from emcli.families.base import Part
from emcli.families.vonmises import VonMises
from emcli.families.vonmisesfisher import VonMisesFisher
from emcli.mixture import Mixture, Model
from emcli.settings import FitSettings, build
from emcli.sources.memory import MemorySource

from .test_em import never_falls

# d, kappa, log F - kappa, 1 - A: by mpmath, 60 digits.
CONSTANTS = [
    (2, 1e-8, -9.999999975e-9, 0.999999995),
    (2, 1, -0.7640856414928213, 0.5536100341034655),
    (2, 63.9, -2.995626469960945, 0.007855830495533848),
    (2, 64.1, -2.997195172538137, 0.00783122101551395),
    (2, 1e12, -14.734449091168822, 5.00000000000125e-13),
    (3, 10, -2.9957322756151448, 0.09999999587769275),
    (10, 1e6, -57.13810136646012, 4.499992124992125e-6),
    (50, 60, -34.58459998322212, 0.33015940330456206),
    (129, 10, -9.613541087820643, 0.9229340703009105),
    (131, 0.1, -0.09996183207202201, 0.9992366416595063),
    (1000, 1e-3, -0.0009999995, 0.999999),
    (1000, 300, -256.81329190929114, 0.7229822226473741),
    (1000, 1e6, -3950.89466920988, 0.0004993754995082497),
    (2000, 1e12, -21020.45008781422, 9.994999995009997e-10),
]


@pytest.mark.parametrize(("d", "kappa", "log_mean", "lack"), CONSTANTS)
def test_constants_of_the_sphere(d, kappa, log_mean, lack):
    at = np.array([kappa])
    np.testing.assert_allclose(spheres.log_mean(at, d), log_mean, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(spheres.lack(at, d), lack, rtol=1e-12)
    # Of 1 - A the digits of A are left where A is small.
    close = max(1e-12, 1e-15 * d / kappa)
    np.testing.assert_allclose(spheres.concentration(np.array([lack]), d), kappa, rtol=close)


@pytest.mark.parametrize("d", [2, 3, 7, 30])
def test_they_are_bessel_functions(d):
    kappa, nu = np.geomspace(0.1, 2e4, 200), d / 2 - 1
    scaled = [special.ive(order, kappa) for order in (nu, nu + 1)]
    logs = special.gammaln(nu + 1) + nu * np.log(2 / kappa) + np.log(scaled[0])
    np.testing.assert_allclose(spheres.log_mean(kappa, d), logs, rtol=1e-11, atol=1e-12)
    ratio = scaled[1] / scaled[0]
    np.testing.assert_allclose(1 - spheres.lack(kappa, d), ratio, rtol=1e-12)
    slope = 1 - ratio**2 - (d - 1) * ratio / kappa
    np.testing.assert_allclose(spheres.bend(kappa, d), slope, rtol=0.02, atol=1e-12)


def test_concentration_at_the_ends():
    assert spheres.concentration(np.array([1.0, 1.5]), 5).tolist() == [0, 0]
    assert np.isclose(spheres.concentration(np.array([1e-30]), 5), 2e30)


def clusters(sd: float, n: int = 150) -> np.ndarray:
    rng = np.random.default_rng(90)
    return np.r_[rng.normal(1, sd, n), rng.normal(1 + 7 * sd, sd, n), rng.normal(4, 0.5, n)]


def on_the_circle(angles: np.ndarray) -> np.ndarray:
    return np.vstack([np.cos(angles), np.sin(angles)])


@pytest.mark.parametrize("sd", [1e-2, 1e-4, 1e-6, 1e-8])
def test_sharp_components_are_found_alike_in_every_form(sd):
    """Radians, degrees of any turn, and vectors of any length: one likelihood, one kappa."""
    rng, angles = np.random.default_rng(91), clusters(sd)
    turns, lengths = rng.integers(-3, 4, len(angles)), rng.uniform(1, 9, len(angles))
    fits = [
        emcli.fit(pd.DataFrame({"x": angles}), model="vonmises", k=3, starts=4),
        emcli.fit(pd.DataFrame({"x": np.rad2deg(angles) + 360 * turns}),
                  model="vonmises(degrees)", k=3, starts=4),
        emcli.fit((on_the_circle(angles) * lengths).T, model="vonmisesfisher", k=3, starts=4),
    ]
    kappas = [np.sort(np.ravel(fit.mixture.families[0].concentration)) for fit in fits]
    wanted = [1 / angles[:150].var(), 1 / angles[150:300].var()]
    np.testing.assert_allclose(kappas[0][1:], np.sort(wanted), rtol=0.05)
    close = max(1e-6, 1e-12 / sd)  # what rounding of the angles themselves does
    for fit, kappa in zip(fits[1:], kappas[1:], strict=True):
        assert fit.fit["log_likelihood"] == pytest.approx(fits[0].fit["log_likelihood"], abs=1e-5)
        np.testing.assert_allclose(kappa, kappas[0], rtol=close)


every_form = pytest.mark.parametrize(("part", "values"), [
    pytest.param(Part(VonMises, ("x",)), lambda angles: angles[None], id="radians"),
    pytest.param(Part(VonMises, ("x",), options={"degrees": True}),
                 lambda angles: np.rad2deg(angles)[None], id="degrees"),
    pytest.param(Part(VonMisesFisher, ("x", "y")), on_the_circle, id="vectors"),
])  # fmt: skip


@every_form
@pytest.mark.parametrize("sd", [1e-2, 1e-6])
def test_of_sharp_components_the_likelihood_never_falls(part, values, sd):
    source = MemorySource(values(clusters(sd)), part.columns)
    r = np.repeat(np.eye(3), 150, axis=1) * 0.9 + 0.1 / 3
    start = Model((part,)).estimate(source.all(), source.names, r)
    path = list(islice(steps(start, source), 40))
    never_falls(path, source)
    assert path[-1].mixture.families[0].linear == (sd > 1e-3)


@every_form
def test_both_forms_take_the_same_step(part, values, monkeypatch):
    source = MemorySource(values(clusters(0.05)), part.columns)
    r = np.repeat(np.eye(3), 150, axis=1) * 0.9 + 0.1 / 3
    ends = []
    for sharp in (np.inf, 0.0):
        monkeypatch.setattr(spheres, "SHARP", sharp)
        start = Model((part,)).estimate(source.all(), source.names, r)
        assert start.families[0].linear == (sharp > 0)
        sums = e_step(start, source)
        end = m_step(start, sums)
        ends.append((sums.log_likelihood, start.q(sums), end.to_vector(start)))
    for one, other in zip(*ends, strict=True):
        np.testing.assert_allclose(other, one, rtol=1e-10, atol=1e-10)


def test_a_held_direction_on_the_other_side_leaves_no_concentration():
    rng = np.random.default_rng(92)
    frame = pd.DataFrame({"x": rng.vonmises(0, 5, 200)})
    fitted = emcli.fit(frame, model="vonmises(mean_direction=3.14)", k=1)
    assert fitted.mixture.families[0].to_dict(0) == {"mean_direction": [3.14],
                                                     "concentration": [0.0]}
    assert fitted.fit["log_likelihood"] == pytest.approx(-200 * np.log(2 * np.pi))
    assert fitted.fit["diagnostics"]["at_a_limit"] == ["red: concentration of 'x' is 0"]


def test_mean_directions_are_angles_as_the_data_are():
    angles = np.random.default_rng(93).vonmises(-2.5, 5, 300)
    for x, low, high in ((angles, -np.pi, np.pi), (angles % (2 * np.pi), 0, 2 * np.pi)):
        fitted = emcli.fit(pd.DataFrame({"x": x}), model="vonmises", k=2)
        assert all(low <= m <= high for m in fitted.mixture.families[0].mean_direction[:, 0])
        drawn = fitted.sample(500).x
        assert low <= drawn.min() < drawn.max() <= high


def test_ties_are_no_component():
    """Rows that lie in one direction exactly, however many: never the answer."""
    rng = np.random.default_rng(94)
    rows = np.vstack([rng.normal(size=(150, 2)), np.outer(np.arange(1, 9), [3.0, 4.0])])
    fitted = emcli.fit(rows, model="vonmisesfisher", k=2, starts=20)
    assert (fitted.mixture.families[0].concentration < 1e20).all()


FRAME = pd.DataFrame(np.random.default_rng(95).normal(2, 1, (60, 3)), columns=list("xyz"))


def notes(frame, model):
    asked = build(FitSettings, {"model": model, "components": "1"})
    return fit_table(as_table(frame), asked).notes


def test_lengths_do_not_count_and_that_is_said():
    lengths = np.random.default_rng(96).uniform(1e-3, 1e3, (60, 1))
    one, other = (emcli.fit(f, model="vonmisesfisher", k=2) for f in (FRAME, FRAME * lengths))
    assert other.fit["log_likelihood"] == pytest.approx(one.fit["log_likelihood"], abs=1e-6)
    assert "vonmisesfisher: rows are scaled to unit length" in notes(FRAME, "vonmisesfisher")


def test_a_zero_vector_is_refused_with_its_row():
    bad = FRAME.copy()
    bad.iloc[41] = 0.0
    with pytest.raises(InputError, match=r"row 42, column 'x': with y, z .* other than zero"):
        emcli.fit(bad, model="vonmisesfisher", k=1)
    fitted = emcli.fit(FRAME, model="vonmisesfisher", k=1)
    with pytest.raises(InputError, match="row 42"):
        fitted.assign(bad)


def test_vectors_are_whole_and_have_two_columns_at_least():
    gap = FRAME.copy()
    gap.iloc[6, 1] = np.nan
    with pytest.raises(InputError, match=r"row 7, column 'y'.*vonmisesfisher"):
        emcli.fit(gap, model="vonmisesfisher", k=1)
    assert emcli.fit(gap, model="vonmisesfisher", k=1, missing="drop").fit["rows"] == 59
    with pytest.raises(UsageError, match="two columns"):
        emcli.fit(FRAME, model="vonmisesfisher(x)", k=1)
    with pytest.raises(UsageError, match="one concentration"):
        emcli.fit(FRAME, model="vonmisesfisher(x, y, concentration=(3, 4))", k=1)
    with pytest.raises(UsageError, match="different measures"):
        emcli.fit(FRAME, model="gaussian,vonmisesfisher", k=1)


def test_degrees_taken_for_radians_are_remarked_on():
    frame = pd.DataFrame({"wind": np.random.default_rng(97).integers(0, 360, 90)})
    assert any("vonmises(wind, degrees)" in note for note in notes(frame, "vonmises"))
    assert not notes(frame, "vonmises(degrees)")


def test_directions_in_a_thousand_dimensions():
    """The concentrations come back, within what chance does to them."""
    rng, d = np.random.default_rng(98), 1000
    mean = rng.normal(size=(2, d))
    truth = VonMisesFisher(
        tuple(f"c{i}" for i in range(d)), mean / np.linalg.norm(mean, axis=1, keepdims=True),
        np.array([300.0, 2000.0]),
    )
    colours = np.repeat([0, 1], 400)
    values = truth.sample(rng, colours, None)
    np.testing.assert_allclose((values * values).sum(axis=0), 1, rtol=1e-12)
    source = MemorySource(values, truth.columns)
    mixture = Mixture(np.array([0.5, 0.5]), (truth,))
    for _ in range(5):
        mixture = m_step(mixture, e_step(mixture, source))
    found = mixture.families[0].concentration
    # The mean direction fitted to 400 rows takes d of their 400 d directions along.
    np.testing.assert_allclose(found, truth.concentration, rtol=0.05)
    assert replace(mixture, weights=np.array([0.5, 0.5])).free == 2 * d + 1
