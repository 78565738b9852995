"""What the missing cells of a row may be, given what is there of it: expected, or drawn.

Expectations are sums of responsibilities times something that adds up: the value itself, a point on
the circle, the share of each level. So components of different families add theirs, and only the
sum is turned back into a cell (`settled`).
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

import numpy as np

from emcli.families.block import Block
from emcli.families.evaluated import Evaluated
from emcli.numerics import Array, Codes, Mask


class Completing(Evaluated):
    """As it is for columns that are independent within a component."""

    @property
    @abstractmethod
    def k(self) -> int: ...

    @property
    @abstractmethod
    def given(self) -> tuple[str, ...]: ...

    @abstractmethod
    def sample(self, rng: np.random.Generator, colours: Codes, given: Array | None) -> Array: ...

    def told(self, block: Block) -> Mask:
        """(d, n) which of its cells are known."""
        return ~np.isnan(block.values[: len(self.columns)])

    @property
    def means(self) -> Array:
        """(..., K, d) what each column is expected to be, NaN where nothing can be said."""
        return np.full((self.k, len(self.columns)), np.nan)

    def expectation(self, block: Block, r: Array) -> list[Array]:
        """Of each column (m, n): sums of r (K, n) times what its cells are expected to be.

        Given the component and what is there of the row. Of cells that are there it may be
        anything.
        """
        return [row[None] for row in self.means.T @ r]

    def settled(self, sums: Sequence[Array]) -> Array:
        """(d, n) the cells that such sums mean."""
        return np.vstack(sums)

    def completed(self, rng: np.random.Generator, colours: Codes, block: Block) -> Array:
        """(d, n) the block's own cells, the missing ones drawn: each from its distribution in its
        row's component (n,), given what is there of the row.

        They stay missing where what describes them is.
        """
        d = len(self.columns)
        own, beside = block.values[:d], block.values[d:]
        rows = np.flatnonzero(np.isnan(own).any(axis=0) & ~np.isnan(beside).any(axis=0))
        given = beside[:, rows] if self.given else None
        drawn = self.sample(rng, colours[rows], given)[:d]
        found = own.copy()
        found[:, rows] = np.where(np.isnan(own[:, rows]), drawn, own[:, rows])
        return found


def most_probable(sums: Sequence[Array]) -> Array:
    """(d, n) the codes of the levels with the largest shares (levels, n); of equal ones the first.

    One number in place of two shares is the second. NaN where nothing is known of them.
    """
    whole = [some if len(some) > 1 else np.vstack([1 - some, some]) for some in sums]
    codes = [shares.argmax(axis=0).astype(float) for shares in whole]
    unknown = [np.isnan(shares).any(axis=0) for shares in whole]
    return np.where(unknown, np.nan, codes)


def together(one: Array, other: Array) -> Array:
    """Sums (m, n) of two families for the same cells; where one has shares and the other values,
    the codes of the levels are values too."""
    if len(one) != len(other):
        one, other = (x if len(x) == 1 else np.arange(len(x))[None] @ x for x in (one, other))
    return one + other
