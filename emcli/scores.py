"""The information in the observed rows, from how their scores vary (Meilijson 1989, JRSS B 51).

At the maximum the scores of the rows add up to nought, and the mean of their products is the
information of a row where the model holds. It tells of every direction how slowly EM goes there:
as a quasi-Newton method's first matrix it takes a fifth of the passes that EM's own metric does,
once the end is near enough for a parabola.

A group's score is told by how its sums would move the M step: n W J delta, J being the M step's
slope, found by differences, and W the complete-data information. Groups of many rows do as well as
rows, if chance has put them together.
"""

from __future__ import annotations

from collections.abc import Sequence
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

# Groups for each free parameter: the inverse of what is found has a condition number of some seven.
GROUPS = 5
# Second derivatives of rows that differ by about one make the information in n rows uncertain by
# 1 / sqrt(n): directions that tell less than so many times that are taken to tell as much.
NOISE = 2.0
# How far the sums are moved for the M step's slopes, in standard errors of what is observed.
STEP = 0.01
# Directions in which the rows tell less than this of what their colours would are left out.
BLIND = 1e-6
# Rows below which a pass costs little beside what is around it.
LEAST = 10_000
# A component with fewer rows than this for each of its parameters has no information of its own.
OWN = 10
# Sums moved at a time, and blocks whose groups are multiplied.
_TOGETHER, _AT_ONCE = 64, 8


def price(here: Mixture, sums: Expectation, source: MemorySource) -> float:
    """What a metric costs, in passes over the rows; infinite where it would say nothing."""
    alike = source.weights is None and here.exact  # then it is known what a row's score is
    own = source.rows * here.weights.min() >= OWN * here.free / here.k
    if not (alike and own and source.rows >= LEAST):
        return np.inf
    # A longer pass, and decompositions that take the cube of the number of sums.
    return 1.5 + 10.0 * sums.flat.shape[-1] ** 2 / source.rows


def metric(here: Mixture, sums: Expectation, source: MemorySource) -> tuple[Any, float] | None:
    """Z (p, r), so that Z Z' inverts the information of one row in the chart around `here`; and of
    all directions' information the least share of what colours would add.

    Z is in single precision: it only says where to look. sums: of the E step at `here`. None where
    nothing can be told.
    """
    try:
        with np.errstate(all="ignore"):  # what is not finite is told by the decomposition
            moves = _moves(here, sums, source)
            told, axes = np.linalg.eigh(_squares(here, moves))
    except (DegenerateError, np.linalg.LinAlgError, ValueError):
        return None
    blind = max(len(told) - here.free, int((~(told > BLIND)).sum()))
    told, axes = told[blind:], axes[:, blind:]
    if not len(told):
        return None
    surely = np.maximum(told, NOISE / np.sqrt(source.rows))
    found = moves.T @ (axes / np.sqrt(told * surely)).astype(np.float32)
    return (found, float(surely[0])) if np.isfinite(found).all() else None


def _moves(here: Mixture, sums: Expectation, source: MemorySource) -> Any:
    """(q, p) of independent changes of the sums, as large as a row's, where the M step goes."""
    evaluation = here.at(source.names)
    rows = max(source.rows // (GROUPS * here.free), 1)
    changes = _changes(source.total(Grouped(evaluation, rows), evaluation.width).each)
    whole = sums.flat
    moves = np.empty((len(changes), here.coordinates), dtype=np.float32)
    for some in _pieces(len(changes)):
        change = STEP * changes[some]
        stack = here.mapped(partial(_repeated, len(change)))
        up, down = (
            m_step(stack, sums.shaped(whole + side * change)).to_vector(here) for side in (1, -1)
        )
        moves[some] = np.sqrt(source.rows) / (2 * STEP) * (up - down)
    return moves


def _repeated(times: int, a: Array) -> Array:
    return np.repeat(a[None], times, axis=0)


def _changes(blocks: Sequence[Any]) -> Array:
    """(q, q) independent changes of the sums, each a standard error of what is observed."""
    products = np.zeros((blocks[0].shape[1],) * 2)
    for first in range(0, len(blocks), _AT_ONCE):
        some = np.concatenate(blocks[first : first + _AT_ONCE], dtype=np.float64)
        products += some.T @ some
    del blocks, some  # as large as all that follows
    values, axes = np.linalg.eigh(products)
    axes *= np.sqrt(np.maximum(values, 0.0))
    return axes.T


def _squares(here: Mixture, moves: Any) -> Array:
    """(q, q) products of vectors (q, p) in the metric W."""
    found = np.empty((len(moves), len(moves)))
    for some in _pieces(len(moves)):
        towards = here.information(moves[some].astype(np.float64))
        for others in _pieces(len(moves)):
            found[some, others] = towards @ moves[others].T.astype(np.float64)
    return found


def _pieces(count: int) -> list[slice]:
    return [slice(first, first + _TOGETHER) for first in range(0, count, _TOGETHER)]


@dataclass(frozen=True)
class Groups:
    """How sums of groups of rows vary: of some blocks and others, (groups, q) in single precision,
    whose products add up to what those of their rows' sums would."""

    each: tuple[Any, ...]

    def __add__(self, other: Groups) -> Groups:
        return Groups(self.each + other.each)


@dataclass(frozen=True)
class Grouped:
    """The E step of a block for groups of about so many rows.

    A table may be sorted: neighbours' scores then go together. So groups are compared with the
    others of their block, and what the block's rows have in common is counted once for each.
    """

    evaluation: Evaluation
    rows: int
    travels: ClassVar = True

    def __call__(self, block: Block) -> Groups:
        count = min(max(block.n // self.rows, 4), block.n)
        each = self.evaluation.grouped(block, count).flat
        mean = each.mean(axis=0)
        apart = (each - mean) * np.sqrt(count / max(count - 1, 1))
        common = mean * (count / np.sqrt(block.n))
        return Groups((np.vstack([apart, common]).astype(np.float32),))
