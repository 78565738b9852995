"""The information in the observed rows: the complete data's, less what hidden colours take.

EM's own metric W is the information there would be if colours were known. What they take is the
covariance, given what was observed, of the scores of rows with their colours (Louis 1982, JRSS B
44): a row that may be of two colours, with probabilities r and s, takes r s times the product of
the difference between its scores as one and as the other. Compared with W that is EM's rate of
convergence in every direction (Dempster, Laird & Rubin 1977), so a quasi-Newton method that begins
with what is left takes few passes once the end is near enough for a parabola.

Where more than colours is hidden, or a density is not linear in features of its row, the products
of the rows' own scores tell the information, where the model holds (Meilijson 1989, JRSS B 51).
Groups of many rows do as well as rows there, if chance has put them together.

Either way it is first known how sums over rows vary, and the M step says what that does to the
parameters: W J delta, J being its slope, found by differences, is a score.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, ClassVar

import numpy as np

from emcli.em import m_step
from emcli.environment import give_back
from emcli.errors import DegenerateError
from emcli.evaluation import Evaluation
from emcli.expectation import Expectation
from emcli.families.block import Block
from emcli.frozen import frozen
from emcli.jump import Metric
from emcli.mixture import Mixture
from emcli.numerics import Array, Mask, softmax_columns, triangle, unpack
from emcli.sources.memory import MemorySource

# So many rows tell enough.
MOST = 131_072
# Which rows those are, where there are more.
_SEED = 1982
# Second derivatives of rows that differ by about one make the information in n rows uncertain by
# 1 / sqrt(n): directions that tell less than so many times that are taken to tell as much.
NOISE = 2.0
# How far the sums are moved for the M step's slopes, in standard errors of what is observed.
STEP = 0.01
# Directions in which sums vary by less than this of what they could are left to EM.
BLIND = 1e-5
# Nothing is told by fewer rows than this for each parameter, nor by so few of a component's own of
# that component: what chance makes of them would lead too far.
TELLING, OWN = 60, 10
# A row counts for two colours at once with r s; where that is less, chance takes one in so many.
FAINT = 0.02
# Groups for each free parameter: the inverse of what is found has a condition number of some seven.
GROUPS = 5
# More sums than this are not compared with each other: that takes too long, and too much memory.
SUMS = 1_200
# Sums moved at a time, and blocks whose groups are multiplied.
_TOGETHER, _AT_ONCE = 64, 8


def price(here: Mixture, sums: Expectation, source: MemorySource) -> float:
    """What a metric costs, in passes over the rows; infinite where it would say nothing."""
    rows = min(source.rows, MOST)
    count = sums.flat.shape[-1]
    if rows < TELLING * here.free or _rare(here, rows).all() or count > SUMS:
        return np.inf
    if only_colours(here):
        longer = 10.0 + here.k**2 / 10
    else:
        longer = 1.5 if source.weights is None and here.exact else np.inf
    # Decompositions take the cube of the number of sums.
    return (longer * rows + 5.0 * count**2) / source.rows


def metric(here: Mixture, sums: Expectation, source: MemorySource) -> Metric | None:
    """The information of one row around `here`, which is best known where EM has settled; None
    where nothing can be told. sums: of the E step at `here`.
    """
    found = told(here, sums, source)
    return found.metric() if found else None


def told(here: Mixture, sums: Expectation, source: MemorySource) -> Told | None:
    """What the rows tell, after which they are not needed any more."""
    give_back()
    try:
        with np.errstate(all="ignore"):  # what is not finite is told by a decomposition
            varied = _varied(here, sums, source)
            return Told(here, sums, varied, source.rows, source.weight_total)
    except (DegenerateError, np.linalg.LinAlgError, ValueError):
        return None


@frozen
class Told:
    """How the sums of so many rows vary around a mixture, where their E step had these sums.

    varied: (q, q) the products of what moves a row's sums, on average: of what hidden colours
    leave in doubt where they are all that is hidden, else of what rows say; total: the weight of
    the rows. It tells once: `varied`, among the largest arrays of a fit, is used up.
    """

    here: Mixture
    sums: Expectation
    varied: Array
    rows: int
    total: float

    def metric(self) -> Metric | None:
        """The information of one row, None where nothing can be told."""
        give_back()  # the rows, before as much again is needed
        try:
            with np.errstate(all="ignore"):
                moves = self.moves()
                give_back()
                _square(self.here, moves, self.varied)
                shares, axes = np.linalg.eigh(self.varied)
        except (DegenerateError, np.linalg.LinAlgError, ValueError):
            return None
        finally:
            give_back()
        known = shares > BLIND
        shares, axes = shares[known], axes[:, known]
        if not len(shares):
            return None
        # On the way up some directions are no valley yet: they are as far as their curvature says.
        seen = np.abs(1.0 - shares) if only_colours(self.here) else shares
        seen = np.clip(seen, NOISE / np.sqrt(min(self.rows, MOST)), 1.0)
        axes *= np.sqrt((1.0 / seen - 1.0) / shares)
        found = moves.T @ axes.astype(np.float32)
        return Metric(found, float(seen.min())) if np.isfinite(found).all() else None

    def moves(self) -> Any:
        """(q, p) where the M step goes when a row's sums, as they vary, are all rows', in single
        precision.

        In the metric W these are scores, and the sum of their products is information: what is
        missing of the complete data's, or what is observed.
        """
        changes, here = _root(self.varied), self.here
        give_back()
        changes *= self.total
        step = STEP / np.sqrt(self.rows)
        whole, unmoved = self.sums.flat, m_step(here, self.sums).to_vector(here)
        moves = np.empty((len(changes), here.coordinates), dtype=np.float32)
        for some in _pieces(len(changes)):
            change = step * changes[some]
            stack = here.mapped(partial(_repeated, len(change)))
            moved = m_step(stack, self.sums.shaped(whole + change)).to_vector(here)
            moves[some] = (moved - unmoved) / step
        return moves


def only_colours(here: Mixture) -> bool:
    return all(family.linear and not family.hidden and family.exact for family in here.families)


def _rare(here: Mixture, rows: int) -> Mask:
    """(K,) which components are of too few rows."""
    return np.asarray(rows * here.weights < OWN * here.free / here.k)


def _varied(here: Mixture, sums: Expectation, source: MemorySource) -> Array:
    """(q, q) what moves a row's sums, on average over a sample, which is let go of; those of rare
    components do not, and so are left to EM."""
    seen = source.sample(MOST, _SEED)
    evaluation = here.at(seen.names, featured=True)
    found = (
        _doubted(evaluation, seen) if only_colours(here) else _grouped(here, evaluation, seen)
    )
    found /= seen.weight_total
    out = _rare(here, seen.rows)[sums.owners]
    found[out] = 0.0
    found[:, out] = 0.0
    return found


def _doubted(evaluation: Evaluation, source: MemorySource) -> Array:
    """(q, q) the covariance of the sums, given the rows, that is due to their colours."""
    pairs = source.total(Doubted(evaluation), evaluation.width)
    order = evaluation.order
    found = np.zeros((len(order), len(order)))
    width = evaluation.theta.shape[-1]
    place = np.argsort(order).reshape(-1, width)  # of each component's features
    for (i, j), packed in pairs.each.items():
        products = unpack(packed, width)
        for one, other in ((i, j), (j, i)):
            found[np.ix_(place[one], place[one])] += products
            found[np.ix_(place[one], place[other])] -= products
    return found


def _grouped(here: Mixture, evaluation: Evaluation, source: MemorySource) -> Array:
    """(q, q) products of the rows' sums, as groups of them tell."""
    rows = max(source.rows // (GROUPS * here.free), 1)
    blocks = source.total(Grouped(evaluation, rows), evaluation.width).each
    products = np.zeros((blocks[0].shape[1],) * 2)
    for first in range(0, len(blocks), _AT_ONCE):
        some = np.concatenate(blocks[first : first + _AT_ONCE], dtype=np.float64)
        products += some.T @ some
    return products


def _root(varied: Array) -> Array:
    """(q, q) vectors with these products, where the products were."""
    size = np.sqrt(np.maximum(np.diagonal(varied), np.finfo(float).tiny))
    varied /= size
    varied /= size[:, None]
    values, axes = np.linalg.eigh(varied)  # exact: some directions are a trillionth of others
    axes *= np.sqrt(np.maximum(values, 0.0))
    np.multiply(axes, size[:, None], out=varied)
    return varied.T


def _repeated(times: int, a: Array) -> Array:
    return np.repeat(a[None], times, axis=0)


def _square(here: Mixture, moves: Any, out: Array) -> None:
    """(q, q) products of vectors (q, p) in the metric W, with single precision as they have."""
    for some in _pieces(len(moves)):
        towards = here.information(moves[some].astype(np.float64)).astype(np.float32)
        np.matmul(towards, moves.T, out=out[some])


def _pieces(count: int) -> list[slice]:
    return [slice(first, first + _TOGETHER) for first in range(0, count, _TOGETHER)]


@frozen
class Pairs:
    """Of pairs of colours that some row may be of: products of features of rows, packed, a row
    counting with the product of its probabilities of both."""

    each: Mapping[tuple[int, int], Array]

    def __add__(self, other: Pairs) -> Pairs:
        both = dict(self.each)
        for pair, products in other.each.items():
            both[pair] = both[pair] + products if pair in both else products
        return Pairs(both)


@frozen
class Doubted:
    """The E step of a block for what is in doubt: which colours its rows are of.

    Of rows that count for little one of many stands for all: where the sum of what they count for
    passes a multiple of `FAINT`.
    """

    evaluation: Evaluation
    travels: ClassVar = True

    def __call__(self, block: Block) -> Pairs:
        r, phi = self.evaluation.joint(block)
        softmax_columns(r)
        found: dict[tuple[int, int], Array] = {}
        for i, j in zip(*np.nonzero(np.tril(r @ r.T >= FAINT / 2, -1)), strict=True):
            both = r[i] * r[j]
            upto = np.floor(np.cumsum(np.minimum(both / FAINT, 1.0)) + 0.5)
            rows = np.flatnonzero(np.diff(upto, prepend=0.0))
            counts = np.maximum(both[rows], FAINT)
            if block.weights is not None:
                counts *= block.weights[rows]
            some = phi[:, rows] * np.sqrt(counts)
            found[int(i), int(j)] = (some @ some.T)[triangle(len(phi))]
        return Pairs(found)


@frozen
class Groups:
    """How sums of groups of rows vary: of some blocks and others, (groups, q) in single precision,
    whose products add up to what those of their rows' sums would."""

    each: tuple[Any, ...]

    def __add__(self, other: Groups) -> Groups:
        return Groups(self.each + other.each)


@frozen
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
