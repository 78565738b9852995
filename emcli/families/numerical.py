"""Families whose M step has no closed form: Newton's method on sums of Q's derivatives.

Columns are independent; each has p parameters, and theta are these without bounds (logarithms,
logits). The sums hold Q's value, slope and bend at the theta they were taken at, and that theta, so
that they say where. The M step is one safeguarded Newton step on them: never along a negative
curvature, never farther than `REACH`. It raises what the sums tell of Q; where Q itself is not so,
`em` takes half the step (generalised EM: Dempster, Laird & Rubin 1977, section 3).
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np

from emcli.errors import DegenerateError
from emcli.families.base import Family, Part, array_from
from emcli.families.block import Block
from emcli.numerics import Array, expit, flat, triangle, unpack

# No coordinate moves by more in one step; they are logarithms and logits mostly.
REACH = 1.0
# Of central differences, per unit of the coordinate: the cube root of the rounding, roughly.
DIFFERENCE = 1e-4
# Newton steps of the complete-data fit, and the gain per row it stops at.
STEPS, ENOUGH = 100, 1e-14


class Parameter(NamedTuple):
    """A parameter's name and the open interval it lies in."""

    name: str
    low: float = -np.inf
    high: float = np.inf

    def bounded(self, theta: Array) -> Array:
        """Its values, of coordinates without bounds."""
        if np.isfinite(self.low) and np.isfinite(self.high):
            found: Array = self.low + (self.high - self.low) * expit(theta)
            return found
        if np.isfinite(self.low):
            return self.low + np.exp(theta)
        return self.high - np.exp(-theta) if np.isfinite(self.high) else theta

    def unbounded(self, value: Array) -> Array:
        """Coordinates without bounds, of its values."""
        if np.isfinite(self.low) and np.isfinite(self.high):
            return np.log(value - self.low) - np.log(self.high - value)
        if np.isfinite(self.low):
            return np.log(value - self.low)
        return -np.log(self.high - value) if np.isfinite(self.high) else np.asarray(value)


class Local(NamedTuple):
    """Q near theta, per component and column: n (..., K, d), value (..., K, d), slope
    (..., K, d, p), bend (..., K, d, p, p) and theta (..., K, d, p) itself."""

    n: Array
    value: Array
    slope: Array
    bend: Array
    theta: Array


@dataclass(frozen=True, eq=False)
class NumericalFamily(Family):
    """values: (..., K, d, p); curvature: (..., K, d, p, p), minus the bend of Q for one row.

    `incomplete` holds the positions of columns with missing cells, which add nothing.
    """

    values: Array
    curvature: Array
    incomplete: tuple[int, ...] = field(default=(), kw_only=True)

    coordinates_of: ClassVar[tuple[Parameter, ...]]  # its parameters, in theta's order
    exact: ClassVar = False
    arrays: ClassVar = ("values", "curvature")

    @abstractmethod
    def log_p(self, x: Array, theta: Array) -> Array:
        """(..., K, n) log densities of values (n,) without NaN at theta (..., K, p)."""

    @classmethod
    @abstractmethod
    def begin(cls, x: Array, w: Array) -> Array:
        """(..., K, p) rough values of the parameters: x (n,) without NaN, weights (..., K, n)."""

    def derivatives(self, x: Array, theta: Array) -> tuple[Array, Array, Array]:
        """log_p (..., K, n) with its slope (..., K, p, n) and bend (..., K, p, p, n) in theta.

        By differences, unless the family knows better.
        """
        return differences(self.log_p, x, theta)

    @property
    def k(self) -> int:
        return self.values.shape[-3]

    @property
    def free(self) -> int:
        held = sum(parameter.name in self.options for parameter in self.coordinates_of)
        return self.k * len(self.columns) * (len(self.coordinates_of) - held)

    def seeing(self, incomplete: tuple[int, ...]) -> Self:
        return self if incomplete == self.incomplete else replace(self, incomplete=incomplete)

    @cached_property
    def theta(self) -> Array:
        """(..., K, d, p) the parameters without bounds."""
        each = [p.unbounded(self.values[..., i]) for i, p in enumerate(self.coordinates_of)]
        return np.stack(each, axis=-1)

    def at(self, theta: Array, curvature: Array) -> Self:
        """The family at these coordinates."""
        each = [
            self.keep(p.name, p.bounded(theta[..., i])) for i, p in enumerate(self.coordinates_of)
        ]
        return replace(self, values=np.stack(each, axis=-1), curvature=curvature)

    @classmethod
    def made(cls, part: Part, values: Array) -> Self:
        """The family of these parameters (..., K, d, p)."""
        one = np.broadcast_to(np.eye(values.shape[-1]), (*values.shape, values.shape[-1]))
        return cls(part.columns, values, one, options=part.options, incomplete=part.incomplete)

    @classmethod
    def estimate(cls, part: Part, block: Block, r: Array) -> Self:
        rows = []
        for row in block.values:
            seen = ~np.isnan(row)
            rows.append(cls.begin(row[seen], r[..., seen]))
        begun = np.stack(rows, axis=-2)
        for i, parameter in enumerate(cls.coordinates_of):
            held = part.options.get(parameter.name)
            if held is not None:
                begun[..., i] = np.array(held)
        return cls.made(part, begun)._climbed(block, r)

    def _climbed(self, block: Block, r: Array) -> Self:
        """The maximum of Q with these responsibilities: Newton steps, halved where they fall."""
        here, n = self, r.sum(axis=-1)
        sums = here.statistics(block, r)
        value = here._local(n, sums).value
        for _ in range(STEPS):
            there = here.maximise(n, sums)
            for _ in range(STEPS):
                ahead = there.statistics(block, r)
                fell = ~(there._local(n, ahead).value >= value)
                if not fell.any():
                    break
                half = (here.theta + there.theta) / 2
                there = there.at(np.where(fell[..., None], half, there.theta), there.curvature)
            gain = there._local(n, ahead).value - value
            if fell.any():
                return here
            here, sums, value = there, ahead, value + gain
            if (gain <= ENOUGH * n[..., None]).all():
                break
        return here

    def log_density(self, block: Block) -> Array:
        found = np.zeros((*self.values.shape[:-2], block.n))
        for j, row in enumerate(block.values):
            if j in self.incomplete:
                seen = ~np.isnan(row)
                found[..., seen] += self.log_p(row[seen], self.theta[..., j, :])
            else:
                found += self.log_p(row, self.theta[..., j, :])
        return found

    def statistics(self, block: Block, r: Array) -> Array:
        i, j = triangle(len(self.coordinates_of))
        found = []
        for column, row in enumerate(block.values):
            share = r
            if column in self.incomplete:
                seen = ~np.isnan(row)
                row, share = row[seen], r[..., seen]
            theta = self.theta[..., column, :]
            value, slope, bend = self.derivatives(row, theta)
            count = share.sum(axis=-1)
            found += [
                count[..., None], (share * value).sum(axis=-1)[..., None],
                np.einsum("...n,...pn->...p", share, slope),
                np.einsum("...n,...pn->...p", share, bend[..., i, j, :]), count[..., None] * theta,
            ]  # fmt: skip
        return np.concatenate(found, axis=-1)

    def _local(self, n: Array, t: Array) -> Local:
        """What the sums tell of Q; raises `DegenerateError` where a column was never observed."""
        d, p = self.values.shape[-2:]
        sums = t.reshape(*t.shape[:-1], d, -1)
        count = sums[..., 0]
        if not (count > 0).all():
            *_, k, j = np.argwhere(~(count > 0))[0]
            raise DegenerateError(
                f"component {k + 1} holds no row where '{self.columns[j]}' was observed", int(k)
            )
        bend = unpack(sums[..., 2 + p : -p], p)
        theta = sums[..., -p:] / count[..., None]
        return Local(count, sums[..., 1], sums[..., 2 : 2 + p], bend, theta)

    def maximise(self, n: Array, t: Array) -> Self:
        q = self._local(n, t)
        free = np.array([p.name not in self.options for p in self.coordinates_of])
        curvature = -q.bend / q.n[..., None, None] * free * free[:, None]
        slope = q.slope / q.n[..., None] * free
        if not (np.isfinite(curvature).all() and np.isfinite(slope).all()):
            raise DegenerateError("the likelihood has no slope")
        # Uphill whatever the curvature: where there is none to speak of, along the slope.
        values, axes = np.linalg.eigh(curvature)
        steep = np.maximum(np.abs(values), 1e-10 + 1e-10 * np.abs(values).max(-1, keepdims=True))
        along = (axes.swapaxes(-2, -1) @ slope[..., None])[..., 0] / steep
        step: Array = (axes @ along[..., None])[..., 0]
        step /= np.maximum(np.abs(step).max(axis=-1, keepdims=True) / REACH, 1.0)
        return self.at(q.theta + step * free, curvature)

    def q(self, n: Array, t: Array) -> float:
        q = self._local(n, t)
        away = self.theta - q.theta
        bent = (q.bend @ away[..., None])[..., 0]
        return float((q.value + ((q.slope + bent / 2) * away).sum(axis=-1)).sum())

    def to_vector(self, base: Self | None = None) -> Array:
        return flat(flat(self.theta))

    def from_vector(self, vector: Array) -> Self:
        return self.at(vector.reshape(self.values.shape), self.curvature)

    @property
    def chart_size(self) -> int:
        return int(np.prod(self.values.shape[-3:]))

    def information(self, weights: Array, vector: Array) -> Array:
        turned = (self.curvature @ vector.reshape(*self.values.shape, 1))[..., 0]
        return flat(flat(weights[..., None, None] * turned))

    def boundary(self, component: int) -> list[str]:
        return [
            f"{parameter.name} of '{name}' is at the end of its range"
            for i, parameter in enumerate(self.coordinates_of)
            for j, name in enumerate(self.columns)
            if parameter.low > -np.inf and abs(self.theta[component, j, i]) > 20
        ]

    def to_dict(self, component: int) -> dict[str, Any]:
        return {
            p.name: self.values[component, :, i].tolist()
            for i, p in enumerate(self.coordinates_of)
        }

    @classmethod
    def from_dict(cls, part: Part, found: Sequence[Mapping[str, Any]]) -> Self:
        d = len(part.columns)
        arrays = [array_from(found, p.name, d, p.low, p.high) for p in cls.coordinates_of]
        return cls.made(part, np.stack(arrays, axis=-1))


def differences(f: Any, x: Array, theta: Array) -> tuple[Array, Array, Array]:
    """f(x, theta) (..., K, n), and by central differences its slope and bend in theta's last axis.

    Two widths are combined, so that the error is of the fourth order.
    """
    p = theta.shape[-1]
    value = f(x, theta)
    slope = np.empty((*theta.shape, len(x)))
    bend = np.empty((*theta.shape, p, len(x)))
    h = DIFFERENCE ** 0.75 * np.maximum(1.0, np.abs(theta))

    def at(*moves: tuple[int, float]) -> Array:
        moved = theta.copy()
        for i, steps in moves:
            moved[..., i] += steps * h[..., i]
        found: Array = f(x, moved)
        return found

    for i in range(p):
        one, two, back, far = at((i, 1)), at((i, 2)), at((i, -1)), at((i, -2))
        width = h[..., i, None]
        slope[..., i, :] = (8 * (one - back) - (two - far)) / (12 * width)
        bend[..., i, i, :] = (16 * (one + back) - (two + far) - 30 * value) / (12 * width**2)
        for j in range(i):
            mixed = at((i, 1), (j, 1)) + at((i, -1), (j, -1))
            mixed -= at((i, 1), (j, -1)) + at((i, -1), (j, 1))
            bend[..., i, j, :] = mixed / (4 * width * h[..., j, None])
            bend[..., j, i, :] = bend[..., i, j, :]
    return value, slope, bend
