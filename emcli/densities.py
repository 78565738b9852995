"""The log densities of a source's rows, summed up without holding them: sizes and quantiles.

Like everything else that is asked of the rows these are sums over blocks, so they come out the
same wherever the rows are kept.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from emcli.families.block import Block
from emcli.frozen import frozen
from emcli.numerics import Array
from emcli.sources.memory import CHUNK, MemorySource

# (responsibilities (K, n), log densities (n,)) of a block.
Look = Callable[[Block], tuple[Array, Array]]
# Bins that narrow down where a quantile lies.
BINS = 4096


@frozen
class Spread:
    """sizes: the weight of the rows of each colour; least and most: of the log densities."""

    sizes: Array
    least: float
    most: float

    def __add__(self, other: Spread) -> Spread:
        return Spread(
            self.sizes + other.sizes, min(self.least, other.least), max(self.most, other.most)
        )


def spread(look: Look, source: MemorySource, width: int) -> Spread:
    """What there is to know of the colours and log densities in one pass."""

    def summed(block: Block) -> Spread:
        r, log_density = look(block)
        counted = log_density if block.weights is None else log_density[block.weights > 0]
        sizes = np.bincount(r.argmax(axis=0), block.weights, len(r)).astype(float)
        least, most = counted.min(initial=np.inf), counted.max(initial=-np.inf)
        return Spread(sizes, float(least), float(most))

    return source.total(summed, width)


@frozen
class Found:
    """Log densities between two bounds, with their weights, in the order of the rows."""

    values: Array
    weights: Array

    def __add__(self, other: Found) -> Found:
        return Found(
            np.concatenate([self.values, other.values]),
            np.concatenate([self.weights, other.weights]),
        )


def quantiles(
    look: Look, source: MemorySource, width: int, seen: Spread, shares: Sequence[float]
) -> list[float]:
    """The least log densities with at least these shares of the weight at or below them.

    A histogram tells in which bins they lie; only what is in those bins is sorted. The bins are
    even in the bits of the numbers, so that no outlier makes them coarse.
    """
    low = _ordered(np.array([seen.least]))[0]
    shift = np.uint64(0)
    while source.rows > CHUNK and (_ordered(np.array([seen.most]))[0] - low) >> shift >= BINS:
        shift += np.uint64(1)
    bins = BINS if source.rows > CHUNK else 1

    def places(log_density: Array) -> np.ndarray:
        if bins == 1:
            return np.zeros(len(log_density), dtype=np.intp)
        return ((_ordered(log_density) - low) >> shift).astype(np.intp)

    def counted(block: Block) -> tuple[Array, Array]:
        _, log_density = look(block)
        if block.weights is None:
            return log_density, np.ones(len(log_density))
        some = block.weights > 0
        return log_density[some], block.weights[some]

    def histogram(block: Block) -> Array:
        log_density, weights = counted(block)
        return np.bincount(places(log_density), weights, bins).astype(float)

    held = source.total(histogram, width) if bins > 1 else np.array([source.weight_total])
    upto = np.cumsum(held)
    wanted = [min(int(np.searchsorted(upto / upto[-1], share)), bins - 1) for share in shares]
    chosen = np.zeros(bins, dtype=bool)
    chosen[wanted] = True

    def gathered(block: Block) -> Found:
        log_density, weights = counted(block)
        inside = chosen[places(log_density)]
        return Found(log_density[inside], weights[inside])

    found = source.total(gathered, width)
    order = np.argsort(found.values, kind="stable")
    values, weights = found.values[order], found.weights[order]
    place = places(values)
    marks = []
    for number, share in zip(wanted, shares, strict=True):
        inside = values[place == number]
        upto_here = upto[number] - held[number] + np.cumsum(weights[place == number])
        at = int(np.searchsorted(upto_here / upto[-1], share))
        marks.append(float(inside[min(at, len(inside) - 1)]))
    return marks


def _ordered(values: Array) -> np.ndarray:
    """Whole numbers in the order of these floats."""
    bits = np.ascontiguousarray(values).view(np.uint64)
    sign = np.uint64(1 << 63)
    return np.where(bits & sign, ~bits, bits | sign)
