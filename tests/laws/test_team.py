"""Forked processes that sum beside this one: the same sums, whatever becomes of them."""

import os
import signal
import time

import numpy as np
import pytest

from emcli import environment
from emcli.em import e_step
from emcli.sources.memory import MemorySource
from emcli.sources.team import Team

from .table import TABLE

UNITS = 50


def part(f, unit):
    """What one unit gives: the unit itself, made distinct by f."""
    if f == unit:
        raise FloatingPointError(f"unit {unit}")
    return np.array([unit, f, os.getpid()])


@pytest.fixture
def team():
    made = Team(part, 2)
    yield made
    made.close()


def alive(process):
    try:
        os.kill(process, 0)
        return True
    except ProcessLookupError:
        return False


def test_every_unit_once_and_in_order(team):
    for f in (-1, -2, -3):
        found = np.array(list(team.map(f, UNITS)))
        assert (found[:, 0] == np.arange(UNITS)).all() and (found[:, 1] == f).all()


def test_what_goes_wrong_in_a_unit_is_raised_here_and_others_are_found_after(team):
    for unit in (0, 17, UNITS - 1):
        with pytest.raises(FloatingPointError, match=f"unit {unit}"):
            list(team.map(unit, UNITS))
    assert len(list(team.map(-1, UNITS))) == UNITS


@pytest.mark.parametrize("dead", [[0], [1], [0, 1]])
def test_if_others_die_this_process_does_their_share(team, dead):
    for number in dead:
        os.kill(team.members[number].process, signal.SIGKILL)
    for _ in range(2_000):  # more than the queue could hold
        found = np.array(list(team.map(-1, UNITS)))
        assert (found[:, 0] == np.arange(UNITS)).all()
    assert not team.members


def test_closing_ends_them():
    made = Team(part, 2)
    processes = [member.process for member in made.members]
    made.close()
    assert not any(alive(process) for process in processes)


def test_they_end_when_this_process_does():
    """However it ends: the pipes they listen to do."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        made = Team(part, 2)
        os.write(write, np.array([m.process for m in made.members]).tobytes())
        os.kill(os.getpid(), signal.SIGKILL)
    processes = np.frombuffer(os.read(read, 16), dtype=np.int64)
    os.waitpid(child, 0)
    for _ in range(100):
        if not any(alive(int(process)) for process in processes):
            return
        time.sleep(0.05)
    pytest.fail("they are still there")


@pytest.mark.parametrize("name", ["gaussian:VVV", "gaussian:VVI", "VVI+categorical+poisson"])
def test_a_team_gives_the_bytes_of_one_process_and_of_threads(name, monkeypatch):
    (row,) = (row for row in TABLE if row.name == name)
    rows = 200_003
    values = np.tile(row.draw(2_000, 1), rows // 2_000 + 1)[:, :rows].copy()
    weights = np.linspace(0.5, 2.0, rows)
    found = []
    for ours, threads in ((False, 1), (False, 3), (True, 2), (True, 3)):
        monkeypatch.setattr(environment, "ours", ours)
        source = MemorySource(values, row.names, weights, threads)
        sums = e_step(row.mixture, source)
        assert ("_team" in vars(source)) == ours
        found.append([sums.log_likelihood, sums.n, *sums.statistics])
    for other in found[1:]:
        for a, b in zip(found[0], other, strict=True):
            assert np.asarray(a).tobytes() == np.asarray(b).tobytes()
