"""What a family is given to look at: a run of rows."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import field
from math import prod
from typing import Any, TypeVar

import numpy as np

from emcli.frozen import frozen
from emcli.numerics import Array

T = TypeVar("T")


@frozen
class Block:
    """A run of consecutive rows: what a family is given to look at.

    values: (d, n), one row a column of the table; NaN where nothing was observed.
    weights: (n,) row weights, or None where each row counts once.
    start: number of the first row in its source.
    scratch: arrays this thread keeps between blocks, so that the loop allocates nothing.
    """

    values: Array
    weights: Array | None = None
    start: int = 0
    scratch: dict[Any, Any] = field(default_factory=dict, repr=False)

    @property
    def n(self) -> int:
        return self.values.shape[1]

    def same(self, other: Block) -> bool:
        """Do both look at the same numbers in memory?"""
        one, two = self.values, other.values
        return one.shape == two.shape and one.ctypes.data == two.ctypes.data

    def take(self, rows: Any) -> Block:
        """The same rows seen through some of the columns."""
        return Block(self.values[rows], self.weights, self.start, self.scratch)

    def chosen(self, rows: Any) -> Block:
        """Some of the rows, which are no run."""
        weights = None if self.weights is None else self.weights[rows]
        return Block(self.values[:, rows], weights, self.start, self.scratch)

    def kept(self, name: Hashable, by: object, make: Callable[[], T]) -> T:
        """What `make` made of this block for the same owner; made now, if it was not the last."""
        last = self.scratch.get(name)
        if last is None or last[0] is not by or not last[1].same(self):
            last = self.scratch[name] = by, self, make()
        found: T = last[2]
        return found

    def array(self, name: str, *shape: int) -> Array:
        """An uninitialised array of this shape, reused by the next block that asks for it."""
        size = prod(shape)
        found = self.scratch.get(name)
        if found is None or found.size < size:
            found = self.scratch[name] = np.empty(size)
        return found[:size].reshape(shape)
