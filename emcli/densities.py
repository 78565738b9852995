"""The log densities of a source's rows, summed up: sizes and quantiles.

Like everything else that is asked of the rows these are sums over blocks, so they come out the
same wherever the rows are kept. More than `HELD` are not held.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from emcli.families.block import Block
from emcli.frozen import frozen
from emcli.numerics import Array
from emcli.sources.memory import MemorySource

# (responsibilities (K, n), log densities (n,)) of a block.
Look = Callable[[Block], tuple[Array, Array]]
# Up to so many rows' are held.
HELD = 2**21
# Bins that narrow down where a quantile lies, where there are more.
BINS = 4096


@frozen
class Found:
    """Log densities with their weights, or None where each counts once, in the order of the rows;
    rows of no weight are as if absent."""

    values: Array
    weights: Array | None

    @classmethod
    def of(cls, log_density: Array, weights: Array | None) -> Found:
        """Those of some rows."""
        if weights is None:
            return cls(log_density, None)
        return cls(log_density, weights).where(weights > 0)

    def where(self, chosen: Any) -> Found:
        """Some of them."""
        weights = None if self.weights is None else self.weights[chosen]
        return Found(self.values[chosen], weights)

    def sorted(self) -> Found:
        """In increasing order."""
        if self.weights is not None:
            return self.where(np.argsort(self.values, kind="stable"))
        return Found(np.sort(self.values), None)

    @property
    def upto(self) -> Array:
        """(n,) the weight of each and those before it."""
        if self.weights is None:
            return np.arange(1.0, len(self.values) + 1)
        return np.cumsum(self.weights)

    def __add__(self, other: Found) -> Found:
        weights = None
        if self.weights is not None and other.weights is not None:
            weights = np.concatenate([self.weights, other.weights])
        return Found(np.concatenate([self.values, other.values]), weights)


@frozen
class Spread:
    """sizes: the weight of the rows of each colour; least and most: of the log densities; held:
    all of them, where they are few, which `quantiles` puts in another order."""

    sizes: Array
    least: float
    most: float
    held: Array | None

    def __add__(self, other: Spread) -> Spread:
        ends = min(self.least, other.least), max(self.most, other.most)
        return Spread(self.sizes + other.sizes, *ends, self.held)


def spread(look: Look, source: MemorySource, width: int) -> Spread:
    """What there is to know of the colours and log densities in one pass."""
    held = np.empty(source.rows) if source.rows <= HELD else None

    def summed(block: Block) -> Spread:
        r, log_density = look(block)
        if held is not None:
            held[block.start : block.start + block.n] = log_density
        counted = Found.of(log_density, block.weights).values
        sizes = np.bincount(r.argmax(axis=0), block.weights, len(r)).astype(float)
        least, most = counted.min(initial=np.inf), counted.max(initial=-np.inf)
        return Spread(sizes, float(least), float(most), held)

    return source.total(summed, width)


def quantiles(
    look: Look, source: MemorySource, width: int, seen: Spread, shares: Sequence[float]
) -> list[float]:
    """The least log densities with at least these shares of the weight at or below them.

    Where they are not held, a histogram tells in which bins they lie, and only what is in those
    bins is sorted. The bins are even in the bits of the numbers, so that no outlier makes them
    coarse.
    """
    if seen.held is not None:
        return _marks(Found.of(seen.held, source.weights), shares)
    low = _ordered(np.array([seen.least]))[0]
    shift = np.uint64(0)
    while (_ordered(np.array([seen.most]))[0] - low) >> shift >= BINS:
        shift += np.uint64(1)

    def places(log_density: Array) -> np.ndarray:
        return ((_ordered(log_density) - low) >> shift).astype(np.intp)

    def histogram(block: Block) -> Array:
        found = Found.of(look(block)[1], block.weights)
        return np.bincount(places(found.values), found.weights, BINS).astype(float)

    counts = source.total(histogram, width)
    upto = np.cumsum(counts)
    wanted = [min(int(np.searchsorted(upto / upto[-1], share)), BINS - 1) for share in shares]
    chosen = np.zeros(BINS, dtype=bool)
    chosen[wanted] = True

    def gathered(block: Block) -> Found:
        found = Found.of(look(block)[1], block.weights)
        return found.where(chosen[places(found.values)])

    found = source.total(gathered, width).sorted()
    place = places(found.values)
    marks = []
    for number, share in zip(wanted, shares, strict=True):
        inside = found.where(place == number)
        before = upto[number] - counts[number]
        marks.append(_mark(inside.values, (before + inside.upto) / upto[-1], share))
    return marks


def _marks(found: Found, shares: Sequence[float]) -> list[float]:
    """Of log densities that are at hand; where each counts once, in the memory they have."""
    if found.weights is None:
        n = len(found.values)
        places = [bisect_left(range(n - 1), s, key=lambda i: (i + 1) / n) for s in shares]
        found.values.partition(sorted(set(places)))
        return [float(found.values[place]) for place in places]
    found = found.sorted()
    upto = found.upto
    upto /= upto[-1]
    return [_mark(found.values, upto, share) for share in shares]


def _mark(values: Array, shares: Array, share: float) -> float:
    """The first of these, in order, up to which there is that share of the weight."""
    return float(values[min(int(np.searchsorted(shares, share)), len(values) - 1)])


def _ordered(values: Array) -> np.ndarray:
    """Whole numbers in the order of these floats."""
    bits = np.ascontiguousarray(values).view(np.uint64)
    sign = np.uint64(1 << 63)
    return np.where(bits & sign, ~bits, bits | sign)
