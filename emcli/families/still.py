"""Families whose parameters never move: they are known, or the data's own, whoever has the rows."""

from __future__ import annotations

from typing import Any, Self

from emcli.families.base import Family
from emcli.numerics import Array, flat


class Still(Family):
    """The M step leaves it as it is, and its chart has no coordinates."""

    def maximise(self, n: Array, t: Array) -> Self:
        return self

    def to_vector(self, base: Self | None = None) -> Array:
        first: Any = getattr(self, self.arrays[0])
        return flat((first[0] if isinstance(first, tuple) else first)[..., :0])

    def from_vector(self, vector: Array) -> Self:
        return self

    @property
    def chart_size(self) -> int:
        return 0

    def information(self, weights: Array, vector: Array) -> Array:
        return vector
