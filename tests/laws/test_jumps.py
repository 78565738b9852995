"""Jumps: what is asked of a stack of starts is answered for each, and no jump repeats a failure."""

from dataclasses import replace

import numpy as np

from emcli.acceleration import FIRST, JUMP, PLAIN_STEPS, STEP, Climb
from emcli.em import e_step, m_step
from emcli.jump import Way
from emcli.mixture import Mixture
from emcli.quasi_newton import LEAP, SHORTER, Memory
from emcli.run import Pack, Run
from emcli.settings import Stopping

from .table import TABLE, rough, rows


def walked(mixture, source, memory, steps, lost=False):
    """EM steps from here on, each told to the memory; the first comes after a lost jump, maybe."""
    here = before = mixture
    for number in range(steps):
        there = m_step(here, e_step(here, source))
        fell = np.array([lost and number == 0])
        jump = memory.see(Way(before, here, there, ~fell, fell, ~fell), source.weight_total)
        memory, before, here = jump.memory, here, there
    return jump


@rows(row for row in TABLE if row.name in ("gaussian:VVV", "categorical", "gamma"))
def test_after_a_jump_that_fell_the_next_is_shorter(row):
    source = row.source(300, 5)
    here = Mixture.stack([rough(row, source)])
    first = walked(here, source, Memory.empty(here), 3)
    again = walked(here, source, first.memory, 3, lost=True)
    assert first.ready[0] and again.ready[0]
    chart, at, step = again.memory.chart, again.memory.x[-1], again.memory.f[-1]
    assert again.memory.reach[0] == SHORTER * first.memory.length[0]
    most = max(again.memory.reach[0], length(chart, step))
    # Logs of shares lose what all of them have in common on the way there and back.
    assert length(chart, again.goal.to_vector(chart) - at) <= 1.05 * most
    assert most < first.memory.length[0]


@rows(row for row in TABLE if row.name in ("gaussian:VVV", "categorical", "gamma"))
def test_the_first_jump_is_not_much_longer_than_the_step(row):
    source = row.source(300, 5)
    here = Mixture.stack([rough(row, source)])
    for _ in range(10):  # where EM is slow, and what lies ahead is many steps away
        here = m_step(here, e_step(here, source))
    ways = (walked(here, source, Memory.empty(here), steps) for steps in range(1, 9))
    jump = next(jump for jump in ways if jump.ready[0])
    chart, step = jump.memory.chart, jump.memory.f[-1]
    most = LEAP * length(chart, step) * (1 + 1e-12)
    assert 0 < jump.memory.length[0] <= most


def length(chart, step):
    """Of one step (1, p) in the metric W."""
    return float(np.sqrt((step * chart.information(step)).sum()))


def test_a_jump_to_a_singular_covariance_is_taken_back_and_the_others_go_on():
    (row,) = (row for row in TABLE if row.name == "gaussian:VVV")
    source = row.source(200, 6)
    here = Mixture.stack([rough(row, source)] * 2)
    sums = e_step(here, source)
    there = m_step(here, sums)
    (family,) = there.families
    flat = family.covariance.copy()
    flat[1, 0] = 0.0
    leapt = replace(there, families=(replace(family, covariance=flat),))
    climb = Climb(leapt, np.array([STEP, JUMP]), here, sums, 1, PLAIN_STEPS, Memory.empty(here))
    runs = [Run(there.select(i), Stopping()) for i in range(2)]
    after, going = Pack(runs, source, Stopping())._step(climb, runs)
    assert going == runs and after.kind.tolist() == [STEP, FIRST]
    assert (after.before.select(1).weights == here.select(1).weights).all()
