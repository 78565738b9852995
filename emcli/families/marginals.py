"""Rows of one pattern of missing cells at a time, seen like whole ones (see `patterns`).

Completed by what is expected of its missing cells, a row's deviation from the mean is a linear
function A z of what is there: A has ones on its diagonal, in the rows of missing cells -C P_mo,
and nothing in their columns. So the log densities of all rows of a pattern are one matrix product
with [1, z, vech(z z')], as without missing cells, of the precision A' P A; and the sums of r times
these, turned by A once a pattern, are those of the completed rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from emcli.families.block import Block
from emcli.families.patterns import Components, equally_many, patterns
from emcli.families.quadratic import LOG_2PI, full_features, full_natural
from emcli.frozen import frozen
from emcli.numerics import Array, Codes, Mask, short_buffers, unpack

# Rows from which a pattern of a block is worth matrices of its own: measured, 4 to 30 columns.
MANY = 24
# Features of so many rows at a time stay in a core's cache: filled twice they cost less than kept.
_NUMBERS = 2**18


class Common(NamedTuple):
    """The rows of a block that share their pattern with many.

    rows: (n,) their numbers, pattern by pattern; values: (d, n) they, the origin where a cell is
    missing; edges: (P + 1,) where each pattern begins; holes: (P, d) what it lacks; rest: numbers
    of the other rows.
    """

    rows: Codes
    values: Array
    edges: Codes
    holes: Mask
    rest: Codes


def common(block: Block, origin: Array, name: str) -> Common:
    """The rows whose patterns are worth matrices of their own; the scratch's name for them."""
    order, edges, holes = patterns(block.values)
    sizes = np.diff(edges)
    many = sizes >= MANY
    mine = np.repeat(many, sizes)
    rows = order[mine]
    values = block.array(name, len(origin), len(rows))
    np.take(block.values, rows, axis=1, out=values, mode="clip")  # "raise" makes a copy
    np.copyto(values, origin[:, None], where=np.isnan(values))
    edges = np.concatenate([[0], np.cumsum(sizes[many])])
    return Common(rows, values, edges, holes[many], order[~mine])


class Seen(NamedTuple):
    """Components (B) as patterns (P) see them.

    holes: (P, d) what they lack; turn: (P, B, d, d) A; spare: (P, B, d, d) the covariance C of
    what is missing, nought elsewhere; volume: (P, B) log|2 pi Sigma_oo|; theta: (P, B, width)
    coefficients of [1, features] for log densities; offset: (B, d) means less the origin.
    """

    holes: Mask
    turn: Array
    spare: Array
    volume: Array
    theta: Array
    offset: Array

    @classmethod
    def by(cls, holes: Mask, components: Components, origin: Array) -> Seen:
        mean, precision, _, log_determinant = components
        (b, d), p, offset = mean.shape, len(holes), mean - origin
        turn = np.broadcast_to(np.eye(d), (p, b, d, d)).copy()
        spare = np.zeros((p, b, d, d))
        volume = log_determinant + LOG_2PI * (d - holes.sum(axis=1)[:, None])
        for own, m in equally_many(holes):
            inner = precision[:, m[:, :, None], m[:, None, :]]
            inverse = np.asarray(np.linalg.inv(inner), dtype=np.float64)
            volume[own] += np.linalg.slogdet(inner)[1].T
            i, j = m[:, :, None], m[:, None, :]
            spare[own[:, None, None], :, i, j] = inverse.transpose(1, 2, 3, 0)
            turn[own[:, None], :, m] = -(inverse @ precision[:, m]).transpose(1, 2, 0, 3)
        turn *= ~holes[:, None, None, :]
        own_precision = turn.swapaxes(-2, -1) @ precision @ turn
        places = np.broadcast_to(offset, (p, b, d))
        theta = full_natural(places, own_precision, volume - d * LOG_2PI)
        return cls(holes, turn, spare, volume, theta, offset)

    def completed(self, sums: Array, spare: Array) -> tuple[Array, Array]:
        """Sums (B, d), (B, d, d) of completed rows' deviations from the mean and their products.

        sums: (P, B, width) of r times [1, features]; spare: (P, B) how often C counts.
        """
        d = self.offset.shape[-1]
        n, first, second = sums[..., :1], sums[..., 1 : d + 1], unpack(sums[..., d + 1 :], d)
        cross = (first - n / 2 * self.offset)[..., :, None] * self.offset[..., None, :]
        second -= cross + cross.swapaxes(-2, -1)
        second = self.turn @ second @ self.turn.swapaxes(-2, -1)
        second += spare[..., None, None] * self.spare
        first = (self.turn @ (first - n * self.offset)[..., None])[..., 0]
        return first.sum(axis=0), second.sum(axis=0)


@frozen
class Marginals:
    """Rows, pattern by pattern, as components see them; block: whose scratch they use."""

    common: Common
    seen: Seen
    origin: Array
    block: Block

    def _runs(self) -> Iterator[tuple[int, slice, Array]]:
        """Rows of one pattern that follow each other: its number, the rows, [1, features]."""
        edges, n, p = self.common.edges.tolist(), len(self.common.rows), -1
        width = self.seen.theta.shape[-1]
        most = max(_NUMBERS // width, 1)
        for begin, end in pairwise(sorted({*edges, *range(0, n, most)})):
            at = begin % most
            if at == 0:
                values = self.common.values[:, begin : begin + most]
                phi = self.block.array("features of a piece", width, values.shape[1])
                phi[0] = 1.0
                with short_buffers(values.shape[1]):
                    full_features(Block(values), self.origin, phi[1:])
            p += begin == edges[p + 1]
            yield p, slice(begin, end), phi[:, at : at + end - begin]

    def log_density(self) -> Array:
        found = np.empty((len(self.seen.offset), len(self.common.rows)))
        for p, rows, phi in self._runs():
            np.matmul(self.seen.theta[p], phi, out=found[:, rows])
        return found

    def log_volume(self) -> Array:
        return np.repeat(self.seen.volume.T, np.diff(self.common.edges), axis=1)

    def sums(self, r: Array, spare: Array) -> tuple[Array, Array, Array]:
        sums = np.zeros(self.seen.theta.shape)
        for p, rows, phi in self._runs():
            sums[p] += r[:, rows] @ phi.T
        n = sums[..., 0]
        masses = n if spare is r else np.add.reduceat(spare, self.common.edges[:-1], axis=1).T
        return *self.seen.completed(sums, masses), n.T @ ~self.common.holes
