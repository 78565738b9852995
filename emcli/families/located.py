"""Families of a mean and a sharpness whose log density is linear in two features of a column.

With features t(x; c) that vanish at c, and e and a of the parameters and c,

    log p(x) = e_1 t_1(x; c) + e_2 t_2(x; c) + a + log h(x)    whatever c.

About one origin for all components that is one matrix product. Where a component is sharp the terms
are large and cancel, relative errors growing like 1e-16 kappa; there c is each component's own
mean, about which they are small, and errors grow like 1e-16 sqrt(kappa). The parameters alone
choose, as in `quadratic`.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace
from functools import cached_property
from typing import Self

import numpy as np

from emcli.families.base import Part
from emcli.families.block import Block
from emcli.families.exponential import Separable
from emcli.families.positive import UNSEEN, Placed, refuse_flat
from emcli.families.quadratic import MOST_KAPPA
from emcli.frozen import immutable
from emcli.numerics import Array, Mask


@immutable
class Located(Placed, Separable):
    origin: Array  # (d,) in the middle of the data

    @property
    @abstractmethod
    def middle(self) -> Array:
        """(..., K, d) the components' means, or what is near them where one is sharp."""

    @property
    def means(self) -> Array:
        return self.middle

    @property
    @abstractmethod
    def kappa(self) -> Array:
        """(..., K, d) size of the terms that cancel about the origin."""

    @staticmethod
    @abstractmethod
    def about(x: Array, centre: Array) -> tuple[Array, Array]:
        """The features, to full relative accuracy however near x is to the centre."""

    @abstractmethod
    def coefficients(self, centre: Array) -> tuple[Array, Array, Array]:
        """e_1, e_2 and a, (..., K, d) each."""

    @abstractmethod
    def solved(self, centre: Array, one: Array, two: Array) -> Self:
        """The parameters of highest likelihood, from weighted means of the features."""

    @classmethod
    def made(cls, part: Part, **arrays: Array) -> Self:
        blank = {"origin": np.ones(len(part.columns))}
        found = super().made(part, **(blank | arrays))
        common = np.exp(np.log(found.middle).mean(axis=-2))
        return found if "origin" in arrays else replace(found, origin=common)

    @classmethod
    def estimate(cls, part: Part, block: Block, r: Array) -> Self:
        seen = ~np.isnan(block.values)
        values = np.where(seen, block.values, 1.0)
        masses = seen * (1.0 if block.weights is None else block.weights)
        total = np.maximum(masses.sum(axis=1), np.finfo(float).tiny)
        origin = np.exp((masses * np.log(values)).sum(axis=1) / total)
        observed = refuse_flat(part.columns, r @ seen.T, UNSEEN)
        mean = (r @ (values * seen).T) / observed
        one = np.ones_like(mean)
        blank = cls.made(part, origin=origin, **dict.fromkeys(cls.arrays, one))
        return blank._solve(r.sum(axis=-1), blank._sums(block, r, mean), mean)

    @cached_property
    def forms(self) -> Mask:
        return np.asarray(self.kappa.max(axis=(-2, -1)) <= MOST_KAPPA)

    @cached_property
    def linear(self) -> bool:
        return bool(self.forms.all())

    @property
    def column_width(self) -> int:
        return 2 * len(self.columns)

    def column_features(self, values: Array, out: Array) -> None:
        d = len(self.columns)
        out[:d], out[d:] = self.about(values, self.origin[:, None])
        if self.incomplete:
            out[np.isnan(out)] = 0.0

    def column_natural(self) -> tuple[Array, Array]:
        one, two, constant = self.coefficients(self.origin)
        return np.concatenate([one, two], axis=-1), constant

    def log_density(self, block: Block) -> Array:
        if self.linear:
            return super().log_density(block)
        d, seen = len(self.columns), ~np.isnan(block.values)
        found = np.empty((*self.middle.shape[:-1], block.n))
        rows = found.reshape(-1, block.n)
        terms = (x.reshape(-1, d, 1) for x in (self.middle, *self.coefficients(self.middle)))
        for row, centre, e, f, a in zip(rows, *terms, strict=True):
            one, two = self.about(block.values, centre)
            row[:] = np.where(seen, e * one + f * two + a, 0.0).sum(axis=0)
        return found

    def statistics(self, block: Block, r: Array) -> Array:
        return super().statistics(block, r) if self.linear else self._sums(block, r, self.middle)

    def _sums(self, block: Block, r: Array, centre: Array) -> Array:
        """The statistics about each component's own centre (..., K, d)."""
        d = len(self.columns)
        sums = np.empty((*centre.shape[:-1], 2 * d))
        pairs = zip(centre.reshape(-1, d, 1), r.reshape(-1, block.n), strict=True)
        seen = ~np.isnan(block.values)
        for row, (middle, share) in zip(sums.reshape(-1, 2 * d), pairs, strict=True):
            one, two = self.about(block.values, middle)
            row[:d], row[d:] = (np.where(seen, t, 0.0) @ share for t in (one, two))
        return np.concatenate([sums, r @ seen[list(self.incomplete)].T], axis=-1)

    @property
    def _centre(self) -> Array:
        return self.origin if self.linear else self.middle

    def maximise(self, n: Array, t: Array) -> Self:
        return self._solve(n, t, self._centre)

    def _solve(self, n: Array, t: Array, centre: Array) -> Self:
        d, observed = len(self.columns), self.observed(n, t)
        return self.solved(centre, t[..., :d] / observed, t[..., d : 2 * d] / observed)

    def q(self, n: Array, t: Array) -> float:
        d = len(self.columns)
        one, two, constant = self.coefficients(self._centre)
        found = one * t[..., :d] + two * t[..., d : 2 * d] + constant * self.observed(n, t)
        return float(found.sum())


def log_ratio(q: Array, d: Array) -> Array:
    """log q where d = q - 1 is known better than q: log(q) / (q - 1) hardly feels q's rounding."""
    near = q - 1
    return np.where(near == 0, d, np.log(q) * (d / np.where(near == 0, 1.0, near)))
