"""A family around another one, for rows that tell less than that one asks for.

Parameters, charts and words are the inner family's; what differs is which rows it is given, and
with what weight. The file knows nothing of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Self

import numpy as np

from emcli.families.base import Family, Part
from emcli.families.block import Block
from emcli.frozen import immutable
from emcli.numerics import Array, Codes, Mask


@immutable
class Around(Family):
    """inner: the family it stands for; options: its part's under `inner`, and its own."""

    inner: Family

    kind: ClassVar = "real"
    continuous: ClassVar = True
    arrays: ClassVar = ()

    @classmethod
    def title(cls, part: Part) -> str:
        inner: Part = part.options["inner"]
        return inner.family.title(inner)

    @classmethod
    def spelt(
        cls, columns: Sequence[str], options: Mapping[str, Any], alone: bool
    ) -> tuple[str, ...]:
        inner: Part = options["inner"]
        return inner.family.spelt(columns, inner.options, alone)

    @classmethod
    def rows_wanted(cls, part: Part) -> int:
        inner: Part = part.options["inner"]
        return inner.family.rows_wanted(inner)

    @classmethod
    def remarks(cls, part: Part) -> Sequence[str]:
        inner: Part = part.options["inner"]
        return inner.family.remarks(inner)

    @staticmethod
    def of(family: Family) -> Part:
        """The block of a family that is fitted, as far as its words ask for it."""
        return Part(type(family), family.columns, options=family.options)

    @property
    def k(self) -> int:
        return self.inner.k

    @property
    def label(self) -> str:
        return self.inner.label

    @property
    def free(self) -> int:
        return self.inner.free

    @property
    def bounded(self) -> bool:  # type: ignore[override]
        return self.inner.bounded

    @property
    def exact(self) -> bool:  # type: ignore[override]
        return self.inner.exact

    @property
    def conditional(self) -> bool:  # type: ignore[override]
        return self.inner.conditional

    @property
    def background(self) -> bool:  # type: ignore[override]
        return self.inner.background

    @property
    def exempt(self) -> bool:
        return self.inner.exempt

    @property
    def least_rows(self) -> int:
        return self.inner.least_rows

    @property
    def leaves(self) -> tuple[Family, ...]:
        return (self.inner,)

    @property
    def forms(self) -> Mask:
        return self.inner.forms

    @property
    def plain(self) -> Family:
        return self.inner

    def narrowest(self, unit: Array) -> Array:
        return self.inner.narrowest(unit)

    def boundary(self, component: int) -> list[str]:
        return self.inner.boundary(component)

    def mapped(self, f: Callable[..., Array], *others: Self) -> Self:
        return replace(self, inner=self.inner.mapped(f, *(other.inner for other in others)))

    def expectation(self, block: Block, r: Array) -> list[Array]:
        return self.inner.expectation(block, r)

    def settled(self, sums: Sequence[Array]) -> Array:
        return self.inner.settled(sums)

    def completed(self, rng: np.random.Generator, colours: Codes, block: Block) -> Array:
        return self.inner.completed(rng, colours, block)

    def refuse_others(self, found: Sequence[Mapping[str, Any]]) -> None:
        self.inner.refuse_others(found)

    def to_vector(self, base: Self | None = None) -> Array:
        return self.inner.to_vector(base and base.inner)

    def from_vector(self, vector: Array) -> Self:
        return replace(self, inner=self.inner.from_vector(vector))

    @property
    def chart_size(self) -> int:
        return self.inner.chart_size

    def information(self, weights: Array, vector: Array) -> Array:
        return self.inner.information(weights, vector)

    def to_dict(self, component: int) -> dict[str, Any]:
        return self.inner.to_dict(component)

    def entries(self, component: int) -> list[dict[str, Any]]:
        head = {"family": self.inner.name, "columns": list(self.columns)}
        return [head | self.to_dict(component)]
