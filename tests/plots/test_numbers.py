"""What the pictures are drawn from: densities, ellipses, bins, discriminants, information."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import linalg, stats

from emcli import api, settings
from emcli.report.plots import bins, criterion, discriminants, information, levels, lines, shapes
from emcli.report.plots.bars import counted, expected
from emcli.report.plots.curves import lines as curve
from emcli.report.plots.scene import Scene
from tests.plots.conftest import SAMPLES, SCENES, scene

#: Labels and intervals make the rows' densities others than those of values.
PLAIN = [name for name in SCENES if name != "labels" and "classes" not in name]


@pytest.mark.parametrize("name", PLAIN)
def test_the_components_densities_add_up_to_the_fit(name: str) -> None:
    shown = scene(name)
    names = list(dict.fromkeys(n for family in shown.blocks for n in family.inputs))
    points = np.array([shown.column(column) for column in names])
    joint = shown.log_joint(names, points)
    assert np.logaddexp.reduce(joint) == pytest.approx(shown.log_density, rel=1e-9, abs=1e-9)
    r = np.exp(joint - shown.log_density)
    assert r == pytest.approx(shown.responsibilities, abs=1e-9)


@pytest.mark.parametrize("name", ["one column", "two columns", "four columns", "other shapes",
                                  "noise", "truncated", "classes", "classes and noise", "labels"])
def test_a_curve_encloses_its_component_s_weight(name: str) -> None:
    shown = scene(name)
    for column in shown.plain.names:
        values = shown.column(column)
        low, high = np.nanmin(values), np.nanmax(values)
        away = 4 * (high - low)
        x = np.linspace(low - away, high + away, 40_001)
        areas = np.trapezoid(shown.densities([column], x[None]), x, axis=1)
        assert areas == pytest.approx(shown.fitted.mixture.weights, abs=2e-4)


def test_a_marginal_density_is_the_joint_one_summed_up() -> None:
    shown = scene("two columns")
    y = np.linspace(0, 160, 4001)
    for x in (1.8, 3.0, 4.5):
        both = shown.densities(["eruptions", "waiting"], np.array([np.full(4001, x), y]))
        alone = shown.densities(["eruptions"], np.array([[x]]))[:, 0]
        assert np.trapezoid(both, y, axis=1) == pytest.approx(alone, rel=1e-6)


def test_curves_go_a_little_beyond_the_bars() -> None:
    x, curves = curve(scene("one column"), "velocity", 9.0, 35.0)
    assert x[0] < 9 and x[-1] > 35 and curves.shape == (3, len(x))


@pytest.mark.parametrize("radius", [1.0, 2.0])
def test_an_ellipse_lies_at_its_distance(radius: float) -> None:
    rng = np.random.default_rng(5)
    for spread in (1.0, 1e-4):
        root = rng.normal(size=(2, 2)) * [1.0, spread]
        matrix, centre = root @ root.T, rng.normal(size=2)
        away = shapes.ellipse(centre, matrix, radius) - centre[:, None]
        squares = np.einsum("in,ij,jn->n", away, np.linalg.inv(matrix), away)
        assert squares == pytest.approx(radius**2, rel=1e-5)


def test_ellipses_are_those_of_the_parameters() -> None:
    mixture = scene("two columns").fitted.mixture
    for k, distributions in enumerate(scene("two columns").distributions):
        found = shapes.moments(distributions, ("waiting", "eruptions"))
        assert found is not None
        entry = mixture.to_dict()[k]["distributions"][0]
        assert found[0].tolist() == entry["mean"][::-1]
        assert found[1].tolist() == np.array(entry["covariance"])[::-1, ::-1].tolist()
    diagonal = shapes.moments(scene("mixed").distributions[0], ("body_mass_g", "bill_depth_mm"))
    assert diagonal is not None and diagonal[1][0, 1] == 0 < diagonal[1].diagonal().min()
    assert shapes.moments(scene("other shapes").distributions[0], ("eruptions", "waiting")) is None


def test_density_levels_are_the_ellipses_of_a_normal() -> None:
    grid = np.linspace(-6, 6, 601)
    density = stats.norm.pdf(grid)[:, None] * stats.norm.pdf(grid)
    outer, inner = shapes.levels(density, shapes.SHARES)
    assert inner == pytest.approx(np.exp(-0.5) / (2 * np.pi), rel=0.01)
    assert outer == pytest.approx(np.exp(-2.0) / (2 * np.pi), rel=0.01)


def test_bins_lose_nothing_and_hold_rounded_values_in_their_middle() -> None:
    rng = np.random.default_rng(1)
    values = np.concatenate([rng.normal(0, 3, 500), rng.normal(60, 3, 300)]).round()
    masses = np.vstack([values < 30, values >= 30]) * rng.uniform(0.5, 2, 800)
    ends = bins.edges(values, masses)
    assert bins.by_colour(values, masses, ends).sum(axis=1) == pytest.approx(masses.sum(axis=1))
    width = ends[1] - ends[0]
    assert width == round(width) and ends[0] % 1 == 0.5
    assert width < 4  # by the components' own spread, not by that of both together
    y = rng.normal(size=800)
    grid = bins.on_grid(values, y, masses, np.linspace(-20, 80, 11), np.linspace(-5, 5, 6))
    assert grid.shape == (2, 5, 10)
    assert grid.sum(axis=(1, 2)) == pytest.approx(masses.sum(axis=1))


@pytest.mark.parametrize("values", [[3.0], [2.5, 2.5, 2.5], [0.0, 1e-9], [1e12, 1e12 + 1]])
def test_bins_of_hardly_any_values(values: list[float]) -> None:
    ends = bins.edges(np.array(values), np.ones((1, len(values))))
    assert ends[0] <= min(values) and ends[-1] >= max(values)
    assert 1 <= len(ends) - 1 <= bins.MOST + 1 and (np.diff(ends) > 0).all()


@pytest.mark.parametrize(("name", "column"), [("weighted counts", "deaths"), ("trials", "heads"),
                                              ("kinds", "deaths")])
def test_expected_frequencies_add_up_to_the_rows(name: str, column: str) -> None:
    shown = scene(name)
    ends = np.arange(-0.5, 60.5 if name != "trials" else 11.5)
    means = expected(shown, shown.blocks[0], column, ends)
    shares = shown.fitted.mixture.weights * shown.total
    assert means.sum(axis=1) == pytest.approx(shares, rel=1e-6)
    assert counted(shown, column, ends).sum() == shown.total


def test_expected_frequencies_of_the_death_notices() -> None:
    # Titterington, Smith & Makov (1985), table 1.2.1: the mixture of two Poissons.
    shown = scene("weighted counts")
    means = expected(shown, shown.blocks[0], "deaths", np.arange(-0.5, 9.6)).sum(axis=0)
    told = [161, 271, 262, 191, 114, 58, 25, 9, 3, 1]
    assert means == pytest.approx(told, abs=0.8)


def test_discriminants_are_fisher_s() -> None:
    shown = scene("four columns")
    values = np.array([shown.column(name) for name in shown.plain.names])
    species = np.repeat(np.eye(3), 50, axis=0).T
    found = discriminants.plane(values, species, np.ones(150))
    means = np.array([values[:, g > 0].mean(axis=1) for g in species])
    within = sum(np.cov(values[:, g > 0], bias=True) * 50 for g in species)
    away = means - values.mean(axis=1)
    _, vectors = linalg.eigh(50 * away.T @ away, within)
    for i in range(2):
        cosine = found.axes[i] @ within @ vectors[:, -1 - i]
        cosine /= np.sqrt(found.axes[i] @ within @ found.axes[i])
        assert abs(cosine) == pytest.approx(1, abs=1e-9)
    assert found.shares[0] == pytest.approx(0.9912, abs=5e-5)  # Venables & Ripley (2002), 12.1


def test_discriminants_do_not_depend_on_units() -> None:
    shown = scene("four columns")
    values = np.array([shown.column(name) for name in shown.plain.names])
    r, weights = shown.responsibilities, shown.weights
    units = np.array([1e-3, 1, 50, 1e6])[:, None]
    for k in (1, 2, 3):
        one = discriminants.plane(values, r[:k] / r[:k].sum(axis=0), weights)
        two = discriminants.plane(values * units, r[:k] / r[:k].sum(axis=0), weights)
        assert two.axes @ (values * units) == pytest.approx(one.axes @ values, rel=1e-6, abs=1e-6)


def test_missing_cells_are_what_the_colours_make_of_them() -> None:
    values = np.array([[1.0, 3.0, 11.0, np.nan, np.nan]])
    r = np.array([[1.0, 1.0, 0.0, 1.0, 0.5], [0.0, 0.0, 1.0, 0.0, 0.5]])
    assert discriminants.filled(values, r, np.ones(5))[0].tolist() == [1, 3, 11, 2, 6.5]


def test_information_is_nothing_or_everything() -> None:
    weights = np.array([1.0, 2.0, 1.0])
    sure = np.array([[1.0, 0.0, 1.0], [0.0, 1.0, 0.0]])
    assert information.between(sure, weights) == pytest.approx(np.log(2))
    assert information.between(np.full((2, 3), 0.5), weights) == 0


def test_information_of_levels_is_that_of_their_table() -> None:
    shown = scene("two levels")
    joint = shown.densities(["G"], np.array([[0.0, 1.0]]))  # (colour, level)
    ratio = joint / joint.sum(axis=1, keepdims=True) / joint.sum(axis=0)
    exact = float((joint * np.log(np.where(joint > 0, ratio, 1))).sum())
    told = {one.label: one.nats for one in information.told(shown)}
    assert told["G"] == pytest.approx(exact, abs=1e-6)
    assert list(told.values()) == sorted(told.values(), reverse=True)
    together = information.between(shown.responsibilities, shown.weights)
    assert max(told.values()) < together < np.log(3)


def test_each_column_of_the_model_is_told_once() -> None:
    for name in SCENES:
        labels = [one.label for one in information.told(scene(name))]
        assert len(labels) == len(set(labels)) > 0
    regression = information.told(scene("regression"))[0].label
    assert regression == "yn, given the others"


def test_a_regression_tells_what_its_response_tells() -> None:
    """Beside a block of the regressor, whose own density is not counted again."""
    shown = scene("a regressor with a density")
    told = {one.label: one.nats for one in information.told(shown)}
    assert set(told) == {"x", "yn, given the others"}
    values = np.array([shown.column("yn"), shown.column("x")])
    joint = shown.log_joint(["yn"], values, ["x"]) + shown.log_joint(["x"], values[1:])
    joint -= np.log(shown.fitted.mixture.weights)[:, None]
    assert np.logaddexp.reduce(joint) == pytest.approx(shown.log_density, rel=1e-9)


def test_profiles_are_the_parameters() -> None:
    shown = scene("two levels")
    (one,) = levels.profiles(shown, shown.blocks[0])
    wanted = [d[0]["probability"] for d in shown.distributions]
    assert one.probabilities == pytest.approx(np.array(wanted), abs=1e-9)
    assert one.what == "probability of 2" and one.levels == list("ABCDEFG")
    for each in levels.profiles(scene("mixed"), scene("mixed").blocks[1]):
        assert each.probabilities.sum(axis=1) == pytest.approx(1)
        assert each.shares.sum() == pytest.approx(1)


def test_lines_are_the_coefficients() -> None:
    shown, x = scene("regression"), np.array([0.0, 2.0, 5.0])
    found = dict(lines.expected(shown, "x", x))
    for k, (entry,) in enumerate(shown.distributions):
        a, b = entry["coefficients"]
        assert found[k] == pytest.approx(entry["intercept"] + a * x + b * x * x)
    for _, share in lines.expected(scene("logistic"), "x", x):
        assert ((share >= 0) & (share <= 1)).all()


def test_the_criterion_by_k() -> None:
    rows = [
        {"model": "a", "k": 2, "bic": 5.0}, {"model": "a", "k": 1, "bic": 9.0},
        {"model": "b", "k": 1, "bic": 4.0}, {"model": "b", "k": 2, "bic": None},
        {"model": "c", "k": 2, "bic": None},
    ]  # fmt: skip
    found = criterion.lines(rows, "bic")
    assert list(found.items()) == [("b", [(1, 4.0)]), ("a", [(1, 9.0), (2, 5.0)])]


def test_a_class_is_drawn_at_its_middle() -> None:
    for name in ("classes", "classes and noise"):
        assert scene(name).column("waiting")[:2].tolist() == [42, 47]
        assert scene(name).plain.names == ("waiting",)


def test_thinned_rows_stand_for_all() -> None:
    shown = scene("mixed")
    few = shown.thinned(50)
    assert few.n == 50 and few.total == pytest.approx(shown.total)
    assert few.responsibilities == pytest.approx(shown.responsibilities[:, ::7])
    assert shown.thinned(344) is shown


def test_censored_rows_stand_where_the_fit_draws_them() -> None:
    """So the bars follow the density, which a bar of all that were cut off would not."""
    rng = np.random.default_rng(0)
    time, end = 10 * rng.weibull(3, 2_000), rng.uniform(0, 15, 2_000)
    frame = pd.DataFrame({"time": np.minimum(time, end), "seen": (time <= end).astype(int)})
    options = {"model": "weibull", "components": 1, "censored": "time=seen"}
    asked = settings.build(settings.FitSettings, options)
    outcome = api.fit_table(api.as_table(frame), asked)
    shown = Scene(outcome.labelled, outcome.data)
    found, cut = shown.column("time"), frame["seen"].to_numpy() == 0
    np.testing.assert_array_equal(found[~cut], frame["time"][~cut])
    assert (found[cut] > frame["time"][cut]).all() and "fit draws them" in shown.drawn
    assert stats.kstest(found, stats.weibull_min(3, scale=10).cdf).pvalue > 0.01


def test_rows_that_tell_nothing_of_a_block_do_not_move_the_others() -> None:
    frame = pd.read_csv(SAMPLES / "npreg.csv")
    frame.loc[:3, "yn"] = np.nan
    asked = settings.build(settings.FitSettings, {"model": "linear(yn ~ x)", "components": 2})
    outcome = api.fit_table(api.as_table(frame), asked)
    shown = Scene(outcome.labelled, outcome.data)
    step = shown.replay.steps[-1].mixture
    for mixture in (outcome.labelled.mixture, step):
        own = Scene(replace(outcome.labelled, mixture=mixture), outcome.data)
        np.testing.assert_array_equal(own.column("yn"), frame["yn"])
        whole = frame[4:]
        joint = own.log_joint(("yn",), whole[["yn", "x"]].to_numpy().T, ("x",))
        wanted = own.fitted.log_density(whole[list(own.fitted.names)].to_numpy().T)
        np.testing.assert_allclose(np.logaddexp.reduce(joint, axis=0), wanted, rtol=1e-9)


def test_a_component_narrower_than_the_grid_has_no_outline() -> None:
    assert shapes.levels(np.zeros((5, 5)), (0.5, 0.95)) == []
