"""Families of independent columns whose parameters are arrays (..., K, d), named as in the file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Self

import numpy as np

from emcli.families.base import Family, Part
from emcli.families.block import Block
from emcli.families.helpers import array_from, limits
from emcli.frozen import immutable
from emcli.numerics import Array, expit


class Independent(Family):
    """`arrays` says which they are; each lies in its `range_of`, the higher end included."""

    closed: ClassVar[bool] = True  # is the lower end included?

    @classmethod
    def made(cls, part: Part, **arrays: Array) -> Self:
        """The family of these parameters."""
        make: Callable[..., Self] = cls
        return make(part.columns, **arrays, options=part.options, incomplete=part.incomplete)

    @classmethod
    def estimate(cls, part: Part, block: Block, r: Array) -> Self:
        """One M step, where the sums do not depend on the parameters."""
        half = np.full((*r.shape[:-1], len(part.columns)), 0.5)
        blank = cls.made(part, **dict.fromkeys(cls.arrays, half))
        held: dict[str, Any] = {name: blank.keep(name, half) for name in cls.arrays}
        blank = replace(blank, **held)
        return blank.maximise(r.sum(axis=-1), blank.statistics(block, r))

    def to_dict(self, component: int) -> dict[str, Any]:
        return {name: getattr(self, name)[component].tolist() for name in self.arrays}

    @classmethod
    def from_dict(cls, part: Part, found: Sequence[Mapping[str, Any]]) -> Self:
        arrays = {}
        for name in cls.arrays:
            low, high = cls.range_of(name)
            arrays[name] = array_from(found, name, len(part.columns), low, high)
            if not (cls.closed or (arrays[name] > low).all()):
                raise ValueError(f"'{name}' must be above {low:g}")
        return cls.made(part, **arrays)


@immutable
class OneProbability(Independent):
    """Those whose only parameter is a probability."""

    probability: Array

    holds: ClassVar = ("probability",)
    arrays: ClassVar = ("probability",)

    @classmethod
    def range_of(cls, name: str) -> tuple[float, float]:
        return 0.0, 1.0

    def from_vector(self, vector: Array) -> Self:
        found = expit(vector).reshape(self.probability.shape)
        return replace(self, probability=self.keep("probability", found))

    def boundary(self, component: int) -> list[str]:
        return limits(self.probability[component], self.columns, "probability")
