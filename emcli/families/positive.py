"""What families of positive numbers share: support, units, starts, and the chart of most.

Each is left as it is by another unit of a column, so starts look at standardised logarithms.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar, Self

import numpy as np

from emcli.errors import DegenerateError
from emcli.families.base import Part
from emcli.families.block import Block
from emcli.families.helpers import imputed
from emcli.families.independent import Independent
from emcli.frozen import frozen
from emcli.numerics import Array, Mask, flat

# The least number a sample may hold: smaller draws would be rounded to zero, outside the support.
LEAST = np.finfo(float).tiny

UNSEEN = "holds no row with a value of"


@frozen
class LogPower:
    """h(x): the sum of `power` log x_j over what was observed."""

    inputs: tuple[str, ...]
    power: float

    def __call__(self, values: Array) -> Array:
        found: Array = np.log(np.where(np.isnan(values), 1.0, values)).sum(axis=0)
        return self.power * found


class Positive(Independent):
    """Independent columns of positive numbers."""

    support: ClassVar = "numbers above 0"
    kind: ClassVar = "real"
    continuous: ClassVar = True
    bounded: ClassVar = False
    closed: ClassVar = False

    @staticmethod
    def inside(values: Array) -> Mask:
        return np.asarray((values > 0) & (values < np.inf))

    @classmethod
    def range_of(cls, name: str) -> tuple[float, float]:
        return 0.0, np.inf

    @classmethod
    def invariance(cls, variant: str | None) -> str:
        return "scale"

    @property
    def exempt(self) -> bool:
        return self.bounded or self.k == 1

    @property
    @abstractmethod
    def sd(self) -> Array:
        """(K, d) standard deviations."""

    def narrowest(self, unit: Array) -> Array:
        largest = (unit / self.sd).max(axis=-1)
        return 1 / np.square(np.clip(largest, 1e-150, 1e150))

    @classmethod
    def coordinates(cls, part: Part, block: Block) -> Array:
        return standardised(np.log(block.values), block.weights)


class Placed(Positive):
    """Those whose chart is where a component lies, in standard errors of one row, and how sharp."""

    @property
    @abstractmethod
    def place(self) -> Array:
        """(..., K, d) where it lies, on a line without ends."""

    @property
    @abstractmethod
    def error(self) -> Array:
        """(..., K, d) the standard error of `place` from one row, or near it."""

    @property
    @abstractmethod
    def sharpness(self) -> Array:
        """(..., K, d) the parameter that grows without end in a spike."""

    @abstractmethod
    def placed(self, place: Array, sharpness: Array) -> Self:
        """The family with these."""

    @property
    @abstractmethod
    def metric(self) -> tuple[Array | float, Array | float, Array | float]:
        """The information in one row: on the place, on both, on the log sharpness."""

    def to_vector(self, base: Self | None = None) -> Array:
        base = base or self
        away = (self.place - base.place) / base.error
        return np.concatenate([flat(away), flat(np.log(self.sharpness / base.sharpness))], axis=-1)

    def from_vector(self, vector: Array) -> Self:
        away, logs = self._halves(vector)
        return self.placed(self.place + away * self.error, self.sharpness * np.exp(logs))

    def information(self, weights: Array, vector: Array) -> Array:
        away, logs = self._halves(vector)
        place, both, sharp = self.metric
        pulls = place * away + both * logs, both * away + sharp * logs
        return np.concatenate([flat(weights[..., None] * pull) for pull in pulls], axis=-1)

    def _halves(self, vector: Array) -> list[Array]:
        shape = *vector.shape[:-1], self.k, len(self.columns)
        return [half.reshape(shape) for half in np.split(vector, 2, axis=-1)]


def standardised(values: Array, weights: Array | None) -> Array:
    """Columns (d, n) about their means in units of their standard deviations, NaN at the means."""
    z = imputed(Block(values, weights))
    masses = np.ones(z.shape[1]) if weights is None else weights
    total = np.maximum(masses.sum(), LEAST)
    z = z - (z @ masses / total)[:, None]
    scale = np.sqrt(np.square(z) @ masses / total)
    found: Array = z / np.where(scale > 0, scale, 1.0)[:, None]
    return found


def refuse_flat(columns: Sequence[str], spread: Array, what: str = "has no variance in") -> Array:
    """`spread` (..., K, d), if it is above zero; `DegenerateError` where it is not."""
    if not (spread > 0).all():
        *_, k, j = np.argwhere(~(spread > 0))[0]
        raise DegenerateError(f"component {k + 1} {what} '{columns[j]}'", int(k))
    return spread
