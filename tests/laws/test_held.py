"""Parameters held at a value: they stay there, count for nothing, and the others are maximised."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

import emcli
from emcli import document
from emcli.api import Fitted
from emcli.em import e_step, m_step, q, steps
from emcli.errors import UsageError
from emcli.mixture import Mixture
from emcli.sources.memory import MemorySource

from ..reference import table as sample_table
from .example import Row
from .searching import search
from .table import TABLE, masked, prepared, rough, rows
from .test_charts import numbers
from .test_em import directions, never_falls


def holding(row: Row, name: str) -> Row:
    """The row with a parameter of its one block held at the first component's values."""
    (block,) = row.blocks
    value = block.entries[0][name]
    held = tuple(np.ravel(value).astype(float).tolist())
    part = replace(block.part, options={**block.part.options, name: held})
    entries = [{**entry, name: value} for entry in block.entries]
    return Row(f"{row.name} {name}=", (replace(block, part=part, entries=entries),))


HELD = [
    holding(row, name)
    for row in TABLE if len(row.blocks) == 1
    for name in row.blocks[0].part.family.holds if name not in row.blocks[0].part.options
]
every_held_row = rows(HELD)
exact_held_rows = rows(row for row in HELD if row.exact)


def held_by(row: Row) -> dict[str, tuple[float, ...]]:
    block = row.blocks[0]
    return {
        name: value for name, value in block.part.options.items()
        if name in block.part.family.holds
    }


def stays(mixture, row: Row) -> bool:
    """Has every component the values that are held?"""
    (family,) = mixture.families
    return all(
        np.allclose(np.ravel(family.to_dict(k)[name]), value, rtol=1e-12, atol=0)
        for name, value in held_by(row).items() for k in range(mixture.k)
    )


def vague(row: Row, source: MemorySource, seed: int = 0):
    """A start where components that are held alike still differ in their weights."""
    return rough(row, source, seed, mix=0.6)


@every_held_row
def test_held_values_stay_and_the_likelihood_never_falls(row):
    for seed in range(2):
        source = row.source(300, seed)
        path = list(itertools.islice(steps(vague(row, source, seed), source), 25))
        never_falls(path, source)
        assert all(stays(step.mixture, row) for step in path)
        here, there = path[0].mixture, path[-1].mixture
        vector = there.to_vector(here)
        assert stays(here.from_vector(vector), row)
        np.testing.assert_allclose(numbers(here.from_vector(vector)), numbers(there), rtol=1e-8,
                                   atol=1e-9)


@exact_held_rows
def test_the_m_step_beats_its_neighbours_that_hold_them_too(row):
    source = row.source(300, seed=2)
    start = vague(row, source)
    expectation = e_step(start, source)
    best = m_step(start, expectation)
    top, vector = q(best, expectation), best.to_vector()
    assert q(start, expectation) <= top + 1e-12 * abs(top)
    for away in directions(row, source, best, 6):
        for size in (1e-3, -1e-3, 0.1, -0.1):
            other = best.from_vector(vector + size * away)
            assert stays(other, row)
            assert q(other, expectation) <= top + 1e-12 * abs(top)
        bend = [q(best.from_vector(vector + h * away), expectation) for h in (1e-4, -1e-4)]
        assert abs(bend[0] - bend[1]) / 2e-4 < 1e-6 * source.rows


@every_held_row
def test_they_count_for_nothing(row):
    block = row.blocks[0]
    plain = replace(block.part, options={
        name: value for name, value in block.part.options.items() if name not in held_by(row)
    })
    free = block.family(plain).free
    lost = sum(3 * np.size(block.entries[0][name]) for name in held_by(row))
    assert row.mixture.families[0].free == free - lost
    assert row.mixture.free == 2 + free - lost


@every_held_row
def test_a_fit_holds_them_and_its_file_too(row):
    # Components that are hardly told apart by their spreads alone mostly end in spikes.
    one = emcli.fit(row.frame(row.draw(200, 50)), model=row.text, k=1)
    assert one.mixture.name == row.mixture.name and stays(one.mixture, row)
    assert one.fit["free_parameters"] == one.mixture.free
    text = one.to_json()
    read = document.parse(text, "here")
    other = Fitted(read.mixture, read.columns, read.fit, read.selection)
    assert other.to_json() == text and stays(other.mixture, row)
    assert other.mixture.free == one.mixture.free
    again = Mixture.from_dict(row.mixture.to_dict(), row.mixture.name)
    assert again.to_dict() == row.mixture.to_dict() and again.free == row.mixture.free
    assert stays(m_step(again, e_step(again, row.source(100))), row)


@every_held_row
def test_a_file_with_other_values_is_refused(row):
    ((name, value),) = held_by(row).items()
    components = row.mixture.to_dict()
    other = (0.9 * np.array(value) + 0.01).tolist()
    for component in components:
        found = component["distributions"][0]
        found[name] = other if isinstance(found[name], list) else other[0]
    with pytest.raises(ValueError, match="not what the model holds it at"):
        Mixture.from_dict(components, row.mixture.name)


@rows(row for row in HELD if row.independent)
def test_with_missing_cells_they_stay(row):
    source = MemorySource(masked(row.draw(250, 3), 0.3, 3), row.names)
    path = list(itertools.islice(steps(vague(row, source, 3), source), 15))
    never_falls(path, source)
    assert all(stays(step.mixture, row) for step in path)
    assert prepared(row, source).name == path[0].mixture.name


# Spreads about one mean are told apart, which k-means of the rows themselves never does.
SPREADS = {
    "gaussian:V(mean=2)": [[[1.0]], [[36.0]]],
    "gaussian:VVI(mean=(2, -1))": [np.diag([1.0, 30.0]), np.diag([25.0, 0.5])],
    "gaussian:VVV(mean=(2, -1))": [[[4.0, 3.8], [3.8, 4.0]], [[4.0, -3.8], [-3.8, 4.0]]],
}


@pytest.mark.parametrize("model", SPREADS)
@pytest.mark.parametrize("seed", range(3))
def test_components_that_share_a_held_mean_are_found(model, seed):
    rng = np.random.default_rng(seed)
    spreads = np.array(SPREADS[model], float)
    d = spreads.shape[-1]
    mean = np.array([2.0, -1.0])[:d]
    values = np.hstack([rng.multivariate_normal(mean, s, 400).T for s in spreads])
    fitted = emcli.fit(values.T, model=model, k=2)
    truth = np.repeat([0, 1], 400)
    joint = np.array([
        -0.5 * np.einsum("in,ij,jn->n", values - mean[:, None], np.linalg.inv(s),
                         values - mean[:, None]) - 0.5 * np.linalg.slogdet(s)[1]
        for s in spreads
    ])
    found = fitted.posterior(values).argmax(axis=0)
    right = max((found == truth).mean(), (found != truth).mean())
    assert right > (joint.argmax(axis=0) == truth).mean() - 0.03


def test_a_held_mean_is_maximum_likelihood_about_it():
    frame = sample_table("faithful")
    away = frame.to_numpy() - [3, 70]
    for model, wanted in (
        ("gaussian:VVV(mean=(3, 70))", away.T @ away / len(away)),
        ("gaussian:VVI(mean=(3, 70))", (away * away).mean(axis=0)),
    ):
        (family,) = emcli.fit(frame, model=model, k=1).mixture.families
        np.testing.assert_allclose(family.spread[0], wanted, rtol=1e-12)


@pytest.mark.parametrize("structure", ["VVI", "VVV", "VEE"])
def test_about_a_held_nought_only_units_are_free(structure):
    """The search moves with what leaves the held mean where it is: here, the columns' units."""
    row = next(r for r in HELD if r.name.startswith(f"gaussian:{structure} "))
    values = row.draw(250, 5)
    factors = np.array([[0.01], [30.0], [2.0]])
    one = search(row, MemorySource(values, row.names), starts=4)
    other = search(row, MemorySource(factors * values, row.names), starts=4)
    assert held_by(row) == {"mean": (0.0, 0.0, 0.0)}
    moved = other.log_likelihood + 250 * np.log(factors).sum()
    assert moved == pytest.approx(one.log_likelihood, abs=1e-6)


@pytest.mark.parametrize(
    ("model", "complaint"),
    [("gaussian(mean=(1, 2, 3))", "3 values for 2 columns"),
     ("gaussian(mean=x)", "'x' is no value"),
     ("poisson(eruptions, rate=0)", "not above 0"),
     ("bernoulli(eruptions, probability=1)", "not between 0 and 1"),
     ("gaussian(mean=1, mean=2)", "twice")],
)  # fmt: skip
def test_values_that_cannot_be_held_are_refused(model, complaint):
    frame = sample_table("faithful")
    if "gaussian" not in model:
        frame = (frame > 3).astype(int)
    with pytest.raises(UsageError, match=complaint):
        emcli.fit(frame, model=model, k=1)
