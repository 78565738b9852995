"""How a family is evaluated on rows: densities, sums, and by which way."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Hashable
from typing import Protocol

import numpy as np

from emcli.families.block import Block
from emcli.families.declared import Declared
from emcli.numerics import Array, Mask


class Base(Hashable, Protocol):
    """A base measure: log h(x) of the columns it names, values (inputs, n) -> (n,)."""

    @property
    def inputs(self) -> tuple[str, ...]: ...

    def __call__(self, values: Array) -> Array: ...


class Evaluated(Declared):
    """What `evaluation` asks of it at given parameters."""

    @property
    @abstractmethod
    def inputs(self) -> tuple[str, ...]: ...

    @abstractmethod
    def log_density(self, block: Block) -> Array: ...

    @abstractmethod
    def statistics(self, block: Block, r: Array) -> Array: ...

    @property
    def linear(self) -> bool:
        """Are log density and statistics linear in features(x), at these parameters?"""
        return False

    def quicker_alone(self, components: int) -> bool:
        """Linear as it is, do its own densities and sums of so many components take less time than
        a product of matrices with its features?"""
        return False

    @property
    def working(self) -> int:
        """Numbers it holds for each row while it is evaluated by itself."""
        return 2 * len(self.columns)

    @property
    def forms(self) -> Mask:
        """(...) which starts of a stack are linear, or one answer for all."""
        return np.asarray(self.linear)

    def base(self) -> Base | None:
        """h(x): a hashable function of values (d, n) -> (n,), or None where h is one.

        The same for every component, it never enters the loop: its sum is taken once a table.
        """
        return None

    def whole_log_density(self, block: Block) -> Array:
        """log p_k(x_i) (..., K, n) with h(x), where that is not the same for all of a table."""
        found, base = self.log_density(block), self.base()
        if base is None:
            return found
        return found + base(block.values[[self.inputs.index(name) for name in base.inputs]])
