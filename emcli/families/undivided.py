"""Families that a row tells whole or not at all, and what becomes of rows that tell nothing.

A response without its regressors, a direction without a coordinate, or counts without their total
have no density; where nothing of a block is there it is integrated out, so that the row adds
nothing to it: log p = 0, and no share of its sums.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Self

import numpy as np

from emcli.families.around import Around
from emcli.families.base import Family, Part
from emcli.families.block import Block
from emcli.families.helpers import imputed, refuse_unseen
from emcli.frozen import immutable
from emcli.numerics import Array, Codes, Mask


class Undivided(Family):
    """A family that needs all its columns together."""

    correlated: ClassVar = True

    def seeing(self, incomplete: tuple[int, ...]) -> Family:  # type: ignore[override]
        return Gapped.around(self, {"inner": Around.of(self)}) if incomplete else self


@immutable
class Gapped(Around):
    """The rows without a value in its columns are kept from the inner family."""

    name: ClassVar = "gapped"

    @classmethod
    def part(cls, inner: Part) -> Part:
        """The block for rows of which some tell nothing of it."""
        options = {"inner": replace(inner, incomplete=())}
        return Part(cls, inner.columns, options=options, incomplete=inner.incomplete)

    @staticmethod
    def inside(values: Array) -> Mask:
        return ~np.isnan(values)

    @classmethod
    def around(cls, read: Family, options: Mapping[str, Any]) -> Self:
        return cls(read.columns, read, options=options)

    @property
    def inputs(self) -> tuple[str, ...]:
        return self.inner.inputs

    @property
    def given(self) -> tuple[str, ...]:
        return self.inner.given

    @classmethod
    def reads(cls, columns: tuple[str, ...], options: Mapping[str, Any]) -> tuple[str, ...]:
        inner: Part = options["inner"]
        return inner.inputs

    def seeing(self, incomplete: tuple[int, ...]) -> Self:
        return self

    @classmethod
    def estimate(cls, part: Part, block: Block, r: Array) -> Self:
        inner: Part = part.options["inner"]
        known = cls._known(block, len(part.columns))
        own = r[..., known]
        refuse_unseen(own.sum(axis=-1, keepdims=True), part.columns[:1], r.sum(axis=-1))
        return cls.around(inner.family.estimate(inner, _rows(block, known), own), part.options)

    @classmethod
    def coordinates(cls, part: Part, block: Block) -> Array:
        """Those of rows that tell nothing are the means of the others."""
        inner: Part = part.options["inner"]
        known = cls._known(block, len(part.columns))
        found = inner.family.coordinates(inner, _rows(block, known))
        whole = np.full((len(found), block.n), np.nan)
        whole[:, known] = found
        return imputed(Block(whole, block.weights))

    @staticmethod
    def _known(block: Block, columns: int) -> Codes:
        """The rows with a value in the first columns, those it describes."""
        return np.flatnonzero(~np.isnan(block.values[:columns]).any(axis=0))

    def log_density(self, block: Block) -> Array:
        known = self._known(block, len(self.columns))
        own = self.inner.whole_log_density(_rows(block, known))
        found = np.zeros((*own.shape[:-1], block.n))
        found[..., known] = own
        return found

    def statistics(self, block: Block, r: Array) -> Array:
        known = self._known(block, len(self.columns))
        own = r[..., known]
        t = self.inner.statistics(_rows(block, known), own)
        return np.concatenate([t, own.sum(axis=-1, keepdims=True)], axis=-1)

    def maximise(self, n: Array, t: Array) -> Self:
        refuse_unseen(t[..., -1:], self.columns[:1], n)
        return replace(self, inner=self.inner.maximise(t[..., -1], t[..., :-1]))

    def q(self, n: Array, t: Array) -> float:
        return self.inner.q(t[..., -1], t[..., :-1])

    def sample(self, rng: np.random.Generator, colours: Codes, given: Array | None) -> Array:
        return self.inner.sample(rng, colours, given)

    @classmethod
    def from_dict(cls, part: Part, found: Sequence[Mapping[str, Any]]) -> Self:
        inner: Part = part.options["inner"]
        return cls.around(inner.family.from_dict(inner, found), part.options)


def gapped(part: Part) -> Part:
    """The block, or what stands for it where some rows tell nothing of one that is undivided."""
    return Gapped.part(part) if part.incomplete and issubclass(part.family, Undivided) else part


def _rows(block: Block, rows: Codes) -> Block:
    """Some of a block's rows."""
    weights = None if block.weights is None else block.weights[rows]
    return Block(block.values[:, rows], weights, block.start, block.scratch)
