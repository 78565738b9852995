"""The information in the observed rows, from how their scores vary (Meilijson 1989, JRSS B 51).

At the maximum the scores of the rows add up to nought, and the mean of their products is the
information of a row where the model holds. It tells of every direction how slowly EM goes there:
as a quasi-Newton method's first matrix it takes a fifth of the passes that EM's own metric does,
once the end is near enough for a parabola.

A group's score is told by how its sums would move the M step: n W J delta, J being the M step's
slope, found by differences, and W the complete-data information. Groups of many rows do as well as
rows, for scores of different rows do not go together.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import numpy as np

from emcli.em import m_step
from emcli.errors import DegenerateError
from emcli.evaluation import Evaluation
from emcli.expectation import Expectation
from emcli.families.block import Block
from emcli.mixture import Mixture
from emcli.numerics import Array
from emcli.sources.memory import MemorySource

# Groups for each free parameter: the inverse of what is found has a condition number of some six.
GROUPS = 6
# Second derivatives of rows that differ by about one make the information in n rows uncertain by
# 1 / sqrt(n): directions that tell less than so many times that are taken to tell as much.
NOISE = 2.0
# How far sums are moved for their slopes, of what they are.
STEP = 1e-5
# Directions in which the rows tell less than this of what their colours would are no directions.
BLIND = 1e-9
# Rows below which a pass costs little beside what is around it.
LEAST = 10_000
# Nor has a component with fewer rows than this for each of its parameters an information.
FEW = 10
# What it costs, in passes: a longer one, and what grows with the square of the number of sums.
_PASS, _SQUARE = 1.5, 10.0
# It may cost so many passes, or at every time so many.
_MOST, _FEW = 25, 3
# Sums moved at a time, and blocks whose groups are multiplied.
_TOGETHER, _AT_ONCE = 64, 8


def worthwhile(here: Mixture, sums: Expectation, source: MemorySource, time: int) -> bool:
    """Does it cost no more than some passes, and is it known what a row's score is?

    time: the first, second, ... of a run's; some are left out where it costs more than a few.
    """
    if source.rows < LEAST or source.weights is not None or not here.exact:
        return False
    if source.rows * here.weights.min() < FEW * here.free / here.k:
        return False
    passes = _PASS + _SQUARE * _flat(sums).shape[-1] ** 2 / source.rows
    return passes < _MOST and (time - 1) % int(np.ceil(passes / _FEW)) == 0


def metric(here: Mixture, sums: Expectation, source: MemorySource) -> tuple[Array, float] | None:
    """Z (p, free), so that Z Z' inverts the information of one row in the chart around `here`; and
    of the directions' information the least share of what colours would add.

    sums: of the E step at `here`. None where some direction cannot be told.
    """
    try:
        moves = _moves(here, sums, source)
        told, axes = np.linalg.eigh(_squares(here, moves))
    except (DegenerateError, np.linalg.LinAlgError, ValueError):
        return None
    told, axes = told[-here.free :], axes[:, -here.free :]
    if len(told) < here.free or not told[0] > BLIND:
        return None
    surely = np.maximum(told, NOISE / np.sqrt(source.rows))
    found: Array = moves.T @ (axes / np.sqrt(told * surely))
    return (found, float(surely[0])) if np.isfinite(found).all() else None


def _moves(here: Mixture, sums: Expectation, source: MemorySource) -> Array:
    """(q, p) of independent changes of the sums, as large as a row's, where the M step goes."""
    evaluation = here.at(source.names)
    rows = max(source.rows // (GROUPS * here.free), 1)
    root, size = _spread(source.total(Grouped(evaluation, rows), evaluation.width).each)
    moves = np.zeros((len(size), here.coordinates))
    for some, slopes in _slopes(here, sums, STEP * size):
        moves += np.sqrt(source.rows) * root[some].T @ slopes
    return moves


def _squares(here: Mixture, moves: Array) -> Array:
    """(q, q) products of vectors (q, p) in the metric W."""
    found = np.empty((len(moves), len(moves)))
    for first in range(0, len(moves), _TOGETHER):
        some = slice(first, first + _TOGETHER)
        found[some] = here.information(moves[some]) @ moves.T
    return found


def _slopes(here: Mixture, sums: Expectation, steps: Array) -> Iterator[tuple[slice, Array]]:
    """Some of the sums, and how the M step's vector follows each of them, (., p)."""
    whole = _flat(sums)
    for first in range(0, len(steps), _TOGETHER):
        step = steps[first : first + _TOGETHER]
        moved = np.zeros((len(step), len(whole)))
        moved[np.arange(len(step)), first + np.arange(len(step))] = step
        stack = here.mapped(partial(_repeated, len(step)))
        up, down = (
            m_step(stack, _shaped(whole + side * moved, sums)).to_vector(here) for side in (1, -1)
        )
        each = (up - down) / np.where(step > 0, 2 * step, np.inf)[:, None]
        yield slice(first, first + len(step)), each


def _repeated(times: int, a: Array) -> Array:
    return np.repeat(a[None], times, axis=0)


@dataclass(frozen=True)
class Groups:
    """Sums of groups of rows, (groups, q) of some and others, in single precision."""

    each: tuple[Any, ...]

    def __add__(self, other: Groups) -> Groups:
        return Groups(self.each + other.each)


@dataclass(frozen=True)
class Grouped:
    """The E step of a block, for each group of so many rows."""

    evaluation: Evaluation
    rows: int
    travels: ClassVar = True

    def __call__(self, block: Block) -> Groups:
        whole = block.n // self.rows * self.rows
        parts = [self.evaluation.grouped(block.between(0, whole), self.rows)] if whole else []
        if whole < block.n:
            parts.append(self.evaluation.grouped(block.between(whole, block.n), block.n - whole))
        return Groups(tuple(_flat(part).astype(np.float32) for part in parts))


def _spread(groups: Sequence[Any]) -> tuple[Array, Array]:
    """(q, q) R, so that R R' is how the sums of groups vary, and (q,) the sums of their sizes."""
    count = groups[0].shape[1]
    products, size = np.zeros((count, count)), np.zeros(count)
    for first in range(0, len(groups), _AT_ONCE):
        some = np.concatenate(groups[first : first + _AT_ONCE], dtype=np.float64)
        products += some.T @ some
        size += np.abs(some).sum(axis=0)
    values, axes = np.linalg.eigh(products)
    axes *= np.sqrt(np.maximum(values, 0.0))
    return axes, size


def _flat(sums: Expectation) -> Array:
    """All sums but the likelihood as vectors (..., q)."""
    each = (sums.n, *sums.statistics)
    lead = sums.log_likelihood.shape
    return np.concatenate([one.reshape(*lead, -1) for one in each], axis=-1)


def _shaped(vectors: Array, like: Expectation) -> Expectation:
    """Sums (..., q) in the shape of others."""
    parts = [like.n, *like.statistics]
    ends = np.cumsum([part.size for part in parts])[:-1]
    n, *rest = (
        vector.reshape(*vectors.shape[:-1], *part.shape)
        for vector, part in zip(np.split(vectors, ends, axis=-1), parts, strict=True)
    )
    return Expectation(np.zeros(vectors.shape[:-1]), n, tuple(rest))
