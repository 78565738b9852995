"""Exponential families: log p_k(x) = <eta_k, t(x)> - A(eta_k) + h(x), and the rest follows."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import field, replace
from typing import Self

import numpy as np

from emcli.families.base import Family
from emcli.families.block import Block
from emcli.families.helpers import refuse_unseen
from emcli.frozen import immutable
from emcli.numerics import Array


class ExponentialFamily(Family):
    """log p_k(x) = <eta_k, t(x)> - A(eta_k) + h(x): the rest follows from features and natural.

    `features` writes t(x), `natural` gives (..., K, 1 + width): first -A(eta), then eta. Densities
    of a block are one matrix product and so are its sums; a product of exponential families is one
    too, so the mixture puts the features of all its blocks together and calls BLAS once.
    """

    width: int

    @abstractmethod
    def features(self, block: Block, out: Array) -> None:
        """Write t(x) of the block's rows into out (width, n)."""

    @abstractmethod
    def natural(self) -> Array: ...

    @property
    def linear(self) -> bool:
        return True

    def _filled(self, block: Block) -> Array:
        out = block.array(f"features of {self.columns}", self.width, block.n)
        self.features(block, out)
        return out

    def log_density(self, block: Block) -> Array:
        theta = self.natural()
        return theta[..., 1:] @ self._filled(block) + theta[..., :1]

    def statistics(self, block: Block, r: Array) -> Array:
        return r @ self._filled(block).T

    def q(self, n: Array, t: Array) -> float:
        theta = self.natural()
        return float((theta[..., 0] * n).sum() + (theta[..., 1:] * t).sum())


@immutable
class Separable(ExponentialFamily):
    """An exponential family whose columns are independent within a component.

    `incomplete` holds the positions of columns with missing cells, chosen once a table: such a
    cell is zero in every feature, and a mask row in place of the constant carries -A(eta), so the
    likelihood is exactly that of what was observed.
    """

    incomplete: tuple[int, ...] = field(default=(), kw_only=True)

    def seeing(self, incomplete: tuple[int, ...]) -> Self:
        return self if incomplete == self.incomplete else replace(self, incomplete=incomplete)

    @abstractmethod
    def column_features(self, values: Array, out: Array) -> None:
        """Write t(x), zero where a value is NaN, into out."""

    @abstractmethod
    def column_natural(self) -> tuple[Array, Array]:
        """eta (..., K, number of features) and -A(eta) of each column (..., K, d)."""

    @property
    def column_width(self) -> int:
        """Number of features beside the mask rows."""
        return len(self.columns)

    @property
    def width(self) -> int:  # type: ignore[override]
        return self.column_width + len(self.incomplete)

    def features(self, block: Block, out: Array) -> None:
        self.column_features(block.values, out[: self.column_width])
        if self.incomplete:
            rows = list(self.incomplete)
            out[self.column_width :] = ~np.isnan(block.values[rows])

    def natural(self) -> Array:
        eta, normaliser = self.column_natural()
        if not self.incomplete:
            return np.concatenate([normaliser.sum(axis=-1, keepdims=True), eta], axis=-1)
        complete = [j for j in range(normaliser.shape[-1]) if j not in self.incomplete]
        constant = normaliser[..., complete].sum(axis=-1, keepdims=True)
        return np.concatenate([constant, eta, normaliser[..., list(self.incomplete)]], axis=-1)

    def observed(self, n: Array, t: Array) -> Array:
        """(..., K, d) weight of the observed cells of each column in each component.

        Raises `DegenerateError` where a component has none of a column.
        """
        counts = np.repeat(n[..., None], len(self.columns), axis=-1)
        if self.incomplete:
            counts[..., list(self.incomplete)] = t[..., self.column_width :]
        refuse_unseen(counts, self.columns, n)
        return counts


def fill_missing(values: Array, out: Array) -> None:
    """Copy values into out with zero where a value is NaN."""
    np.copyto(out, values)
    out[np.isnan(values)] = 0.0
