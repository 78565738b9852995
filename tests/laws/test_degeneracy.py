"""Spikes, empty components and columns without variance are named, and never the answer."""

from dataclasses import replace

import numpy as np
import pytest

import emcli
from emcli.degeneracy import Resolution, spurious
from emcli.em import e_step, m_step
from emcli.errors import DegenerateError, EmcliError, FitError
from emcli.events import ignore
from emcli.families.base import Part
from emcli.families.gaussian import Diagonal, Full, Gaussian
from emcli.families.structures import SHARES_VOLUME_AND_SHAPE, STRUCTURES
from emcli.mixture import Mixture, Model
from emcli.search import Search
from emcli.settings import FitSettings, build
from emcli.sources.memory import MemorySource

from ..reference import table as sample_table
from .searching import search
from .table import TABLE, every_row, independent_rows, masked, prepared


def source_of(frame):
    return MemorySource(np.ascontiguousarray(frame.to_numpy(float).T), tuple(frame.columns))


def verdict(mixture, source):
    return spurious(mixture, source, Resolution(source, source))


def mixture_of(source, mean, variance, weights):
    """Axis-aligned components with variances of their own."""
    mean, variance = np.array(mean, float), np.array(variance, float)
    structure = "VVI" if mean.shape[1] > 1 else "VII"
    origin = source.values.mean(axis=1)
    return Mixture(np.array(weights), (Diagonal(source.names, structure, mean, origin, variance),))


GALAXIES = source_of(sample_table("galaxies"))
PETALS = source_of(sample_table("iris").select_dtypes("number")).values


@pytest.mark.parametrize("sd", [2e-4, 1e-8, 1e-12, 1e-150])
@pytest.mark.parametrize("velocity", np.unique(GALAXIES.values[0])[::8])
def test_a_spike_on_one_galaxy_is_recognised(velocity, sd):
    mixture = mixture_of(GALAXIES, [[20.8], [velocity]], [[20.0], [sd * sd]], [1 - 1 / 82, 1 / 82])
    found = verdict(mixture, GALAXIES)
    assert {one.component for one in found} == {1}
    assert all(one.columns == ("velocity",) and one.why for one in found)


def test_the_honest_components_of_the_galaxies_are_regular():
    fitted = emcli.fit(sample_table("galaxies"), model="gaussian:V", k=3)
    assert not verdict(fitted.mixture, GALAXIES)


def test_a_component_on_ties_is_recognised():
    """29 irises have a petal 0.2 wide: many rows, many distinct ones, no width."""
    source = MemorySource(PETALS, ("a", "b", "c", "d"))
    own = PETALS[:, PETALS[3] == 0.2]
    rest = PETALS[:, PETALS[3] != 0.2]
    mean = [rest.mean(axis=1), own.mean(axis=1)]
    variance = [rest.var(axis=1), np.append(own[:3].var(axis=1), 1e-6)]
    mixture = mixture_of(source, mean, variance, [0.8, 0.2])
    assert [(one.component, "narrow" in one.why) for one in verdict(mixture, source)] == [(1, True)]
    variance[1][3] = 0.05**2
    assert not verdict(mixture_of(source, mean, variance, [0.8, 0.2]), source)


def test_a_component_along_a_line_is_recognised():
    """Wide in every column, thin across the diagonal: any direction counts."""
    rng = np.random.default_rng(70)
    values = rng.normal(size=(2, 300)).round(2)
    values[:, :40] = np.array([[5.0], [5.0]]) + np.linspace(0, 3, 40).round(2)
    source = MemorySource(values, ("a", "b"))
    thin = np.array([[1.0, 1.0 - 1e-9], [1.0 - 1e-9, 1.0]])
    family = Full(("a", "b"), "VVV", np.array([[0.0, 0], [6.5, 6.5]]), np.zeros(2),
                  np.array([np.eye(2), thin]))
    assert [o.component for o in verdict(Mixture(np.array([0.86, 0.14]), (family,)), source)] == [1]


@pytest.mark.parametrize(("weight", "sd", "regular"), [(0.1, 1.5, True), (2e-4, 0.01, False)])
def test_a_wide_component_is_most_probable_far_out_and_lives_on_other_rows(weight, sd, regular):
    rng = np.random.default_rng(3)
    values = np.concatenate([rng.normal(size=5000), rng.normal(3, size=5000), [9.5, 9.51]])
    components = [
        {"colour": colour, "weight": share, "distributions": [{
            "family": "gaussian", "columns": ["x"], "mean": [mean], "variance": [spread**2],
        }]}
        for colour, share, mean, spread in [
            ("red", (1 - weight) / 2, 0.0, 1.0), ("blue", (1 - weight) / 2, 3.0, 1.0),
            ("green", weight, 1.5 if regular else 9.505, sd),
        ]
    ]  # fmt: skip
    mixture = Mixture.from_dict(components, "gaussian:V")
    source = MemorySource(values[None], ["x"])
    found = spurious(mixture, source, Resolution(source, source))
    assert (found == []) == regular


@pytest.mark.parametrize("rows", [1, 2, 3])
def test_too_few_distinct_rows_are_too_few_however_often_repeated(rows):
    """d + 2 distinct rows: repeats and weights do not help."""
    rng = np.random.default_rng(71)
    far = 50 + rng.normal(size=(2, rows))
    values = np.hstack([rng.normal(size=(2, 200)), np.repeat(far, 10, axis=1)])
    mean, variance = np.array([[0.0, 0], [50, 50]]), np.ones((2, 2))
    family = Diagonal(("a", "b"), "VVI", mean, np.zeros(2), variance)
    mixture = Mixture(np.array([0.9, 0.1]), (family,))
    for weights in (None, np.full(values.shape[1], 7.0)):
        source = MemorySource(values, ("a", "b"), weights)
        assert [(o.component, str(rows) in o.why) for o in verdict(mixture, source)] == [(1, True)]
    many = np.hstack([values, 50 + rng.normal(size=(2, 4 - rows))])
    assert not verdict(mixture, MemorySource(many, ("a", "b")))


def test_rows_of_no_weight_are_nobodys():
    rng = np.random.default_rng(72)
    values = np.append(rng.normal(size=100), 50 + rng.normal(size=20))[None]
    weights = np.append(np.ones(100), np.append(np.ones(2), np.zeros(18)))
    mixture = mixture_of(MemorySource(values, ("a",)), [[0], [50]], [[1], [1]], [0.9, 0.1])
    assert not verdict(mixture, MemorySource(values, ("a",)))
    assert verdict(mixture, MemorySource(values, ("a",), weights))


@pytest.mark.parametrize("structure", STRUCTURES)
def test_exempt_are_the_structures_that_share_volume_and_shape(structure):
    (row,) = [row for row in TABLE if row.name == f"gaussian:{structure}"]
    family = row.mixture.families[0]
    assert family.exempt == (structure in SHARES_VOLUME_AND_SHAPE)
    assert family.select(np.array([0])).exempt
    source = row.source(200, 73)
    gaps = Resolution(source, source).gaps(family.columns, exact=True)
    rounding = family.narrowest(gaps).min() * 12  # of the least variance, in h^2/12

    def narrowed(share):
        spread = family.spread * (share / rounding)
        return verdict(replace(row.mixture, families=(family._with(family.mean, spread),)), source)

    assert bool(narrowed(1e-3)) == (not family.exempt)
    assert narrowed(1e-9)  # singular, whatever the structure


@pytest.mark.parametrize("structure", STRUCTURES)
def test_narrowest_is_the_least_variance_in_any_direction(structure):
    """By eigenvalues; a column without a unit (constant in the rows looked at) has no say."""
    (row,) = [row for row in TABLE if row.name == f"gaussian:{structure}"]
    family, unit = row.mixture.families[0], np.array([0.1, 3.0, 0.02])
    spread = family.spread
    if spread.ndim == 2:
        spread = spread[:, :, None] * np.eye(3)
    wanted = np.linalg.eigvalsh(spread / (unit * unit[:, None]))[:, 0]
    np.testing.assert_allclose(family.narrowest(unit), wanted, rtol=1e-10)
    # The least variance is 1 / max over directions u of u'S^-1 u in units: one column less.
    inverse = np.linalg.inv(spread)[:, :2, :2] * (unit[:2] * unit[:2, None])
    wanted = 1 / np.linalg.eigvalsh(inverse)[:, -1]
    for nothing in (0.0, np.finfo(float).tiny):
        found = family.narrowest(np.array([0.1, 3.0, nothing]))
        np.testing.assert_allclose(found, wanted, rtol=1e-10)


def test_a_column_constant_in_the_sample_hides_no_spike():
    rng = np.random.default_rng(78)
    values = np.vstack([rng.normal(size=400).round(3), np.zeros(400)])
    values[1, :3] = 1, 2, 4
    source, sample = (MemorySource(x, ("a", "b")) for x in (values, values[:, 100:]))
    spike = np.array([[1e-12, 0.0], [0.0, 1.0]])
    family = Full(("a", "b"), "VVV", np.array([[0.0, 0], [values[0, 9], 0]]), np.zeros(2),
                  np.array([np.eye(2), spike]))
    found = spurious(Mixture(np.array([0.9, 0.1]), (family,)), source, Resolution(source, sample))
    assert any("narrow" in one.why and one.component == 1 for one in found)


@every_row
def test_the_truth_is_regular(row):
    assert not verdict(row.mixture, row.source(300, 74))


@pytest.mark.parametrize("row", [r for r in TABLE if not r.continuous], ids=lambda r: r.name)
def test_bounded_families_are_exempt(row):
    """Nothing about masses is spurious: a rate of nought is a finding."""
    assert all(f.exempt for f in row.mixture.families)


@every_row
def test_an_empty_component_is_named(row):
    source = row.source(200, 75)
    expectation = e_step(row.mixture, source)
    share = np.array([1.0, 0.0, 1.0])
    emptied = replace(
        expectation, n=expectation.n * share,
        statistics=tuple(t * share[:, None] for t in expectation.statistics),
    )
    with pytest.raises(DegenerateError) as caught:
        m_step(row.mixture, emptied)
    assert caught.value.component == 1
    r = np.vstack([np.ones(200), np.zeros(200), np.ones(200)]) / 2
    with pytest.raises(DegenerateError) as caught:
        row.model.estimate(source.all(), row.names, r)
    assert caught.value.component == 1


@pytest.mark.parametrize("structure", STRUCTURES)
def test_a_constant_column_is_a_named_failure_or_a_finite_fit(structure):
    """Only structures whose columns share a variance can live with it; none returns nonsense."""
    rng = np.random.default_rng(76)
    values = np.vstack([rng.normal(size=(2, 90)) + rng.integers(0, 2, 90) * 6, np.full(90, 4.0)])
    source = MemorySource(values, ("a", "b", "c"))
    model = Model((Part(Gaussian, source.names, structure),))
    (cell,) = Search(source, build(FitSettings, {}), ignore).cells([model], [2])
    if structure in ("EII", "VII"):
        assert cell.status == "ok" and np.isfinite(cell.log_likelihood)
    else:
        assert cell.mixture is None and cell.status == "degenerate" and cell.trouble


@independent_rows
def test_a_column_a_component_never_sees_is_named_or_left_as_it_was(row):
    """Nought by nought is no parameter: a refusal, or the parameter it had."""
    values = row.draw(60, 79)
    values[0, 20:] = np.nan
    model = prepared(row, MemorySource(values, row.names))
    block = MemorySource(values, row.names).all()
    r = np.zeros((2, 60))
    r[0, :30], r[1, 30:] = 1, 1
    try:
        mixture = model.estimate(block, row.names, r)
    except DegenerateError as error:
        assert error.component == 1
        return
    assert np.isfinite(mixture.to_vector()).all()


@every_row
@pytest.mark.parametrize("hardship", ["few rows", "missing cells", "weights of nought"])
def test_hard_little_tables_end_with_a_verdict_and_no_warning(row, hardship, recwarn):
    values, weights = row.draw(15, 1), None
    if hardship == "missing cells" and row.independent:
        values = masked(values, 0.3, 1)
    if hardship == "weights of nought":
        weights = np.random.default_rng(1).integers(0, 3, 15).astype(float)
    source = MemorySource(values, row.names, weights)
    settings = build(FitSettings, {"starts": 4})
    (cell,) = Search(source, settings, ignore).cells([prepared(row, source)], [3])
    if cell.mixture is None:
        few = cell.status == "too few rows" and source.counted < 3 * row.model.rows_wanted
        assert few or (cell.status == "degenerate" and cell.trouble)
    else:
        assert np.isfinite(cell.log_likelihood) and not verdict(cell.mixture, source)
    # A search that divides nought by nought on its way is no better than one without a verdict.
    assert not recwarn.list


def test_a_constant_column_asked_for_by_name_is_refused():
    frame = sample_table("faithful").assign(flat=1.5)
    with pytest.raises(EmcliError, match="flat"):
        emcli.fit(frame, model="gaussian:VVI(eruptions, flat)", k=2)


def test_degenerate_everywhere_is_an_error_with_a_reason():
    frame = sample_table("faithful").head(60)
    frame = frame.assign(copy=frame.eruptions * 2)
    with pytest.raises(FitError, match="singular"):
        emcli.fit(frame, model="gaussian:VVV", k=1)


@pytest.mark.parametrize("k", [2, 3, 4, 5])
def test_the_search_never_returns_a_spike(k):
    """Free variances on the galaxies, tied rows and a lone outlier: each a trap."""
    values = np.append(GALAXIES.values[0], [20.0] * 12 + [80.0])[None]
    source = MemorySource(values, ("velocity",))
    model = Model((Part(Gaussian, ("velocity",), "V"),))
    (cell,) = Search(source, build(FitSettings, {}), ignore).cells([model], [k])
    if cell.mixture is not None:
        assert not verdict(cell.mixture, source)
    else:
        assert cell.trouble


def test_a_degenerate_start_does_not_hide_a_regular_fit():
    """Two tight clumps of ties beside two honest groups, more components than groups."""
    rng = np.random.default_rng(77)
    honest = np.concatenate([rng.normal(0, 1, 100), rng.normal(8, 1.5, 100)]).round(2)
    values = np.concatenate([honest, np.full(15, 3.0)])[None]
    (row,) = [row for row in TABLE if row.name == "gaussian:V"]
    cell = search(row, MemorySource(values, ("a",)), k=2)
    assert cell.status == "ok" and not verdict(cell.mixture, MemorySource(values, ("a",)))
