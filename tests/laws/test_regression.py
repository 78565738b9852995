"""Regressions: least squares, both ways of summing, tight lines, separation, order of drawing."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice

import numpy as np
import pandas as pd
import pytest

import emcli
from emcli.em import e_step, m_step, steps
from emcli.errors import FitError, InputError, UsageError
from emcli.mixture import Mixture

from ..reference import table as sample_table
from .table import TABLE, rough, rows
from .test_em import never_falls

NAMED = {row.name: row for row in TABLE}
LINES = [NAMED["linear"], NAMED["linear sigma=common+poisson"], NAMED["linear(y ~ a)+gaussian(a)"]]


def lines(n: int, sd: float, seed: int = 0) -> pd.DataFrame:
    """Rows about two lines."""
    rng = np.random.default_rng(seed)
    x, which = rng.normal(size=n), rng.integers(0, 2, n)
    y = np.where(which, 3 - 2 * x, 1 + 0.5 * x) + sd * rng.normal(size=n)
    return pd.DataFrame({"x": x, "y": y})


def family_of(mixture: Mixture, name: str):
    return next(f for f in mixture.families if f.name == name)


def test_one_component_is_least_squares():
    frame = sample_table("penguins").dropna()
    x = frame["flipper_length_mm"].to_numpy()
    groups = [(frame["species"] == name).to_numpy() for name in ("Chinstrap", "Gentoo")]
    design = np.column_stack([np.ones(len(x)), x, *groups, *(x * g for g in groups)])
    wanted, (squares,), *_ = np.linalg.lstsq(design, frame["body_mass_g"].to_numpy())
    model = "linear(body_mass_g ~ flipper_length_mm + species + flipper_length_mm:species)"
    (family,) = emcli.fit(frame, model=model, k=1).mixture.families
    np.testing.assert_allclose(family.coefficients[0], wanted, rtol=1e-8)
    assert family.sigma[0, 0] == pytest.approx(np.sqrt(squares / len(x)), rel=1e-12)


@pytest.mark.parametrize(
    ("model", "mean"),
    [("poisson-regression(deaths ~ x + x^2, offset=o)", np.exp),
     ("logistic(deaths ~ x + x^2, offset=o)", lambda eta: 1 / (1 + np.exp(-eta)))],
)  # fmt: skip
def test_one_component_solves_the_score_equations(model, mean):
    rng = np.random.default_rng(1)
    x, o = rng.uniform(100, 104, 300), rng.normal(size=300)
    y = rng.poisson(2, 300) if "poisson" in model else rng.integers(0, 2, 300)
    fitted = emcli.fit(pd.DataFrame({"deaths": y, "x": x, "o": o}), model=model, k=1)
    design = np.vstack([np.ones(300), x, x * x])
    away = y - mean(fitted.mixture.families[0].coefficients[0] @ design + o)
    np.testing.assert_allclose(design @ away / (design @ y), 0, atol=1e-9)


@rows(LINES)
def test_sums_about_the_anchor_and_about_residuals_say_the_same(row):
    source = row.source(300, 1)
    mixture = rough(row, source)
    assert family_of(mixture, "linear").linear
    families = tuple(
        replace(f, known=False) if f.name == "linear" else f for f in mixture.families
    )
    other = replace(mixture, families=families)
    assert not family_of(other, "linear").linear
    one, two = e_step(mixture, source), e_step(other, source)
    assert two.log_likelihood == pytest.approx(one.log_likelihood, rel=1e-12)
    a, b = m_step(mixture, one), m_step(other, two)
    np.testing.assert_allclose(b.to_vector(a), a.to_vector(), atol=1e-9)
    # Q is known of any parameters, whichever way the sums were taken.
    assert a.q(two) == pytest.approx(a.q(one), rel=1e-11)
    assert mixture.q(two) == pytest.approx(mixture.q(one), rel=1e-11)


@pytest.mark.parametrize("sd", [1e-2, 1e-4, 1e-6, 1e-9, 1e-12])
@pytest.mark.parametrize("common", [False, True])
def test_tight_lines_are_told_apart(sd, common):
    """Far closer to their lines than the responses to each other, which says nothing of them."""
    model = f"linear(y ~ x{', sigma=common' * common})"
    (family,) = emcli.fit(lines(300, sd), model=model, k=2).mixture.families
    order = np.argsort(family.coefficients[:, 0])
    np.testing.assert_allclose(family.coefficients[order], [[1, 0.5], [3, -2]], atol=sd)
    np.testing.assert_allclose(family.sigma, sd, rtol=0.2)


@pytest.mark.parametrize("digits", [None, 3])
def test_ties_and_rounded_rows_on_a_line_are_spurious(digits):
    """A dozen equal responses, or a line through a dozen rounded ones, is no regression."""
    frame = lines(200, 0.5, seed=3)
    if digits:
        frame = frame.round(digits)
        frame.loc[:11, "y"] = (2 * frame["x"] + 1).round(digits)
    else:
        frame.loc[:11, "y"] = 2.0
    assert np.isfinite(emcli.fit(frame, model="linear(y ~ x)", k=1).fit["log_likelihood"])
    try:
        fitted = emcli.fit(frame, model="linear(y ~ x)", k=2)
    except FitError:
        return
    assert (fitted.mixture.families[0].sigma > 1e-3).all()


def test_an_exact_line_is_a_named_failure():
    frame = lines(50, 0.0)
    frame["y"] = 2 * frame["x"] + 1
    with pytest.raises(FitError, match=r"lie on y ~ x|narrower than the rounding"):
        emcli.fit(frame, model="linear(y ~ x)", k=1)


def test_powers_of_a_column_far_from_nought_do_no_harm():
    rng = np.random.default_rng(2)
    t = rng.uniform(-10, 10, 300).round(1)
    y = np.where(rng.integers(0, 2, 300), 5 - 0.1 * t**2, -5 + 0.3 * t) + rng.normal(size=300)
    near, far = (
        emcli.fit(pd.DataFrame({"t": t + away, "y": y}), model="linear(y ~ t + t^2)", k=2)
        for away in (0.0, 2010.0)
    )
    assert far.fit["log_likelihood"] == pytest.approx(near.fit["log_likelihood"], abs=1e-5)
    written = far.score(pd.DataFrame({"t": t + 2010, "y": y})).total
    assert written == pytest.approx(far.fit["log_likelihood"], abs=1e-6)


@pytest.mark.parametrize("name", ["poisson-regression", "VVV+logistic"])
def test_newton_from_far_away_never_falls(name):
    row = NAMED[name]
    source = row.source(300, 5)
    families = tuple(
        replace(f, coefficients=2 * f.coefficients - 0.5) if f.conditional else f
        for f in row.mixture.families
    )
    path = list(islice(steps(replace(row.mixture, families=families), source), 40))
    values = never_falls(path, source)
    assert values[-1] > values[0]


def test_separation_is_reported():
    x = np.linspace(-1, 1, 100)
    frame = pd.DataFrame({"x": x, "y": np.where(x > 0.01, "yes", "no")})
    fitted = emcli.fit(frame, model="logistic(y ~ x)", k=1)
    assert fitted.fit["converged"] and fitted.fit["log_likelihood"] > -1e-3
    (limit,) = fitted.fit["diagnostics"]["at_a_limit"]
    assert limit == "red: in y ~ x, the intercept and 'x' run to infinity"
    frame["y"] = ["no", "yes", *frame["y"][2:]]
    assert not emcli.fit(frame, model="logistic(y ~ x)", k=1).fit["diagnostics"]["at_a_limit"]
    counts = pd.DataFrame({"group": list("ab") * 50, "n": [0, 3] * 50})
    fitted = emcli.fit(counts, model="poisson-regression(n ~ group)", k=1)
    (limit,) = fitted.fit["diagnostics"]["at_a_limit"]
    assert "run to infinity" in limit


# What is drawn

BLOCKS = ["linear(y ~ a + g)", "gaussian(a)", "categorical(g)"]


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2)])
def test_what_a_response_depends_on_is_drawn_first(order):
    rng = np.random.default_rng(6)
    n = 400
    a, g, which = rng.normal(size=n), rng.integers(0, 2, n), rng.integers(0, 2, n)
    y = np.where(which, 10 + 2 * a - 3 * g, -10 - a + g) + 0.1 * rng.normal(size=n)
    frame = pd.DataFrame({"y": y, "a": a, "g": np.array(["no", "yes"])[g]})
    fitted = emcli.fit(frame, model=" + ".join(BLOCKS[i] for i in order), k=2)
    drawn = fitted.sample(2000, seed=3)
    for colour, wanted in zip(fitted.mixture.colours,
                              family_of(fitted.mixture, "linear").coefficients, strict=True):
        own = drawn[drawn["colour"] == colour]
        design = np.column_stack([np.ones(len(own)), own["a"], own["g"] == "yes"])
        found, *_ = np.linalg.lstsq(design.astype(float), own["y"].to_numpy())
        np.testing.assert_allclose(found, wanted, atol=0.05)
    # Nothing is asked of a table, and nothing taken from it.
    pd.testing.assert_frame_equal(fitted.sample(50, 4, given=frame), fitted.sample(50, 4))


def test_regressors_that_no_block_describes_are_given():
    frame = sample_table("penguins").dropna()
    model = "linear(bill_length_mm ~ flipper_length_mm + species) + gaussian(bill_depth_mm)"
    fitted = emcli.fit(frame, model=model, k=2)
    with pytest.raises(UsageError, match=r"'flipper_length_mm' from the table"):
        fitted.sample(5)
    drawn = fitted.sample(700, given=frame)
    for name in ("flipper_length_mm", "species"):
        assert drawn[name].tolist() == (frame[name].tolist() * 3)[:700]
    with pytest.raises(InputError, match="no column 'species'"):
        fitted.sample(5, given=frame[["flipper_length_mm"]])
    with pytest.raises(InputError, match=r"column 'flipper_length_mm': the cell is empty.*fill"):
        fitted.sample(5, given=sample_table("penguins"))


def test_new_rows_are_read_by_name():
    frame = sample_table("penguins").dropna()
    fitted = emcli.fit(frame, model="linear(bill_length_mm ~ bill_depth_mm + species)", k=2)
    mixed = frame[["island", "species", "bill_depth_mm", "bill_length_mm"]]
    np.testing.assert_array_equal(
        fitted.score(mixed).log_density, fitted.score(frame).log_density
    )
    with pytest.raises(InputError, match="no column 'species'"):
        fitted.assign(frame[["bill_depth_mm", "bill_length_mm"]])
    with pytest.raises(InputError, match="'Emperor' is not a category"):
        fitted.assign(frame.replace("Gentoo", "Emperor"))
    with pytest.raises(InputError, match="row 1, column 'bill_depth_mm': the cell is empty"):
        fitted.assign(frame.assign(bill_depth_mm=np.nan))


def test_a_fit_goes_on_from_its_file(tmp_path):
    """From raw columns, where no row has been seen: the design of years is badly conditioned."""
    frame = lines(300, 0.3).assign(x=lambda f: (2010 + 3 * f["x"]).round(2))
    model = "linear(y ~ x + x^2)"
    fitted = emcli.fit(frame, model=model, k=2)
    file = tmp_path / "p.json"
    file.write_text(fitted.to_json())
    again = emcli.fit(frame, model=model, start=str(file))
    reached = fitted.fit["log_likelihood"]
    assert again.fit["log_likelihood"] == pytest.approx(reached, abs=1e-4)
