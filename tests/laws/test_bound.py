"""The bound that an E step builds touches the likelihood, lies below it, and tops out at the next.

Along the way of three steps of EM, as `emcli plot --kind bound` draws it.
"""

from dataclasses import replace
from functools import cache
from itertools import islice, pairwise

import numpy as np
import pytest

from emcli import em
from emcli.lower_bound import Path, curves, instructive, log_likelihood, lower_bound, q
from emcli.sources.memory import MemorySource

from .table import TABLE, every_row, exact_rows, independent_rows, masked, rough, rows

WEIGHTS = np.random.default_rng(0).exponential(size=150)


@cache
def climbed(name, empty=False):
    """Three steps of EM on a row of the table, and the source they are on."""
    row = next(row for row in TABLE if row.name == name)
    values = row.draw(150, 60)
    source = MemorySource(masked(values, 0.2, 60) if empty else values, row.names, WEIGHTS)
    found = list(islice(em.steps(rough(row, source, 60, 0.8), source), 4))
    return found[1:], source


@cache
def drawn(name, empty=False):
    found, source = climbed(name, empty)
    return curves(found, source, points=7)


def slack(source, value):
    return 1e-10 * (source.rows + abs(value))


@every_row
def test_the_way_passes_through_the_iterates(row):
    found, _ = climbed(row.name)
    picture = drawn(row.name)
    at = np.searchsorted(picture.x, picture.knots)
    for place, step in zip(at, found, strict=True):
        assert picture.likelihood[place] == pytest.approx(step.log_likelihood, rel=1e-9)


@every_row
def test_the_bound_touches_in_value_and_slope(row):
    """From both sides where the way has a corner."""
    found, source = climbed(row.name)
    picture = drawn(row.name)
    path = Path.through(*(step.mixture for step in found))
    for bound, step, knot in zip(picture.bounds, found, picture.knots, strict=False):
        here = np.searchsorted(picture.x, knot)
        assert bound[here] == pytest.approx(picture.likelihood[here], rel=1e-9)
        for side in (-1, 1):
            h = 1e-4 * side * max(path.lengths)
            theta, base = path.at(knot + h), path.at(knot)
            rise = log_likelihood(theta, source) - log_likelihood(base, source)
            raised = q(theta, step.mixture, source) - q(base, step.mixture, source)
            # What they differ by is of second order.
            total = (picture.likelihood - bound).max()
            assert abs(rise - raised) < 1e-6 * total + slack(source, step.log_likelihood)


@every_row
def test_the_bound_is_never_above(row):
    _, source = climbed(row.name)
    picture = drawn(row.name)
    gap = picture.likelihood - picture.bounds
    assert gap.min() > -slack(source, picture.likelihood[0])
    assert gap.max() > 0


@exact_rows
def test_the_bound_tops_out_at_the_next(row):
    picture = drawn(row.name)
    for bound, knot in zip(picture.bounds, picture.knots[1:], strict=True):
        assert picture.x[bound.argmax()] == knot


@every_row
def test_the_next_is_no_lower_on_the_bound(row):
    """Also where the M step is no maximum of Q."""
    found, source = climbed(row.name)
    for here, there in pairwise(found):
        level = lower_bound(here, source)(there.mixture)
        assert level >= here.log_likelihood - slack(source, level)
        assert level <= there.log_likelihood + slack(source, level)


@independent_rows
def test_so_it_is_with_missing_cells(row):
    _, source = climbed(row.name, True)
    picture = drawn(row.name, True)
    gap = picture.likelihood - picture.bounds
    assert gap.min() > -slack(source, picture.likelihood[0])
    if row.exact:
        for bound, knot in zip(picture.bounds, picture.knots[1:], strict=True):
            assert picture.x[bound.argmax()] == knot


@exact_rows
def test_q_by_rows_is_q_from_the_sums(row):
    """Where the sums tell all of Q, up to a constant: h(x) is in neither, or in both."""
    found, source = climbed(row.name)
    here, there = (step.mixture for step in found[:2])
    expectation = em.e_step(here, source)
    wanted = em.q(there, expectation) - em.q(here, expectation)
    rise = q(there, here, source) - q(here, here, source)
    assert rise == pytest.approx(wanted, rel=1e-7, abs=1e-7)


@rows(row for row in TABLE if row.name in ("categorical", "bernoulli"))
def test_what_is_at_a_boundary_stays_there(row):
    """A level that a component never shows is not shown on the way."""
    found, source = climbed(row.name)
    family = found[0].mixture.families[0]
    nought = {
        "categorical": lambda a: tuple(np.where(p == p[:1].min(), 0.0, p) for p in a),
        "bernoulli": lambda a: np.where(a == a.min(), 0.0, a),
    }[row.name]
    (name,) = family.arrays
    begun = replace(family, **{name: nought(getattr(family, name))})
    start = replace(found[0].mixture, families=(begun,))
    three = list(islice(em.steps(start, source), 3))
    path = Path.through(*(step.mixture for step in three))
    for x in (-0.1, 0.1):
        values = np.hstack([np.ravel(a) for a in getattr(path.at(x).families[0], name)])
        first = np.hstack([np.ravel(a) for a in getattr(three[0].mixture.families[0], name)])
        assert (first == 0).any() and (values[first == 0] < 1e-250).all()
    picture = curves(three, source, 7)
    assert (picture.likelihood - picture.bounds).min() > -slack(source, picture.likelihood[0])


def test_the_iteration_chosen_is_one_whose_second_step_can_be_seen():
    row = next(row for row in TABLE if row.name == "gaussian:VVV")
    source = row.source(300, 61)
    path = list(islice(em.steps(rough(row, source, 61, 0.2), source), 12))
    t = instructive(path)
    before, after = Path.through(*(step.mixture for step in path[t : t + 3])).lengths
    assert after > before / 2
