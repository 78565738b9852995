"""Families whose M step has no closed form: Newton's method on sums of Q's derivatives.

Columns are independent; each has p parameters, and theta are these without bounds (logarithms,
logits). The sums tell of Q near the theta they were taken at, and the M step is one step on them
(`newton`), never farther than `REACH`.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np

from emcli.errors import DegenerateError
from emcli.families.base import Part
from emcli.families.block import Block
from emcli.families.differences import differences
from emcli.families.helpers import array_from, refuse_unseen
from emcli.families.newton import Local, Newtonian, uphill
from emcli.families.parameter import Parameter
from emcli.families.thinned import few, merged
from emcli.frozen import immutable
from emcli.numerics import Array, Mask, flat, outer, triangle

# No coordinate moves by more of its units in one step.
REACH = 1.0
# A coordinate of its own units that bends Q by less than this has lost its unit, and keeps the one
# it had; a logarithm or logit that does has run to an end of its range.
FLAT = 1e-2
GONE = 1e-6
# A start is made by so many steps, or until the gain per row is below this.
STEPS, ENOUGH = 30, 1e-8


@immutable
class NumericalFamily(Newtonian):
    """values: (..., K, d, p); curvature: (..., K, d, p, p), minus the bend of Q for one row, made
    positive definite; before any M step a guess of it, of which only the units are used.

    `incomplete` holds the positions of columns with missing cells, which add nothing; `gaps` the
    least gap between values of each column, where the likelihood of a table can be infinite.
    """

    values: Array
    curvature: Array
    incomplete: tuple[int, ...] = field(default=(), kw_only=True)
    gaps: tuple[float, ...] = field(default=(), kw_only=True)

    coordinates_of: ClassVar[tuple[Parameter, ...]]  # its parameters, in theta's order
    arrays: ClassVar = ("values", "curvature")

    @abstractmethod
    def log_p(self, x: Array, theta: Array) -> Array:
        """(..., K, n) log densities of values (n,) without NaN at theta (..., K, p)."""

    @classmethod
    @abstractmethod
    def begin(cls, x: Array, w: Array, held: Mapping[str, float]) -> Array:
        """(..., K, p) rough values of the parameters: x (n,) increasing, weights (..., K, n).

        held: parameters that stay as they are.
        """

    def derivatives(self, x: Array, theta: Array, unit: Array) -> tuple[Array, Array, Array]:
        """log_p (..., K, n) with its slope (..., K, p, n) and bend (..., K, p, p, n) in theta.

        By differences, unless the family knows better; unit: (..., K, p) how far a coordinate moves
        until one row tells, or one.
        """
        return differences(self.log_p, x, theta, unit)

    @classmethod
    def units(cls, x: Array, w: Array, values: Array) -> Array:
        """(..., K, p) rough units of the coordinates at these parameters, before any M step.

        x, w: rows and weights as for `begin`, or (0,) and (..., K, 0) where there are no rows.
        """
        return np.ones_like(values)

    @property
    def k(self) -> int:
        return self.values.shape[-3]

    @classmethod
    def range_of(cls, name: str) -> tuple[float, float]:
        ranges = {p.name: (p.low, p.high) for p in cls.coordinates_of}
        return ranges.get(name, (-np.inf, np.inf))

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

    @cached_property
    def unit(self) -> Array:
        """(..., K, d, p) the units of the coordinates: 1 for logs and logits.

        Of others, how far they move until one row tells.
        """
        return np.where(self._boundless(), self._telling, 1.0)

    @cached_property
    def _telling(self) -> Array:
        found: Array = 1 / np.sqrt(np.einsum("...ii->...i", self.curvature))
        return np.where(self._boundless(), found, np.minimum(found, 1.0))

    @classmethod
    def _boundless(cls) -> Mask:
        return np.array([parameter.boundless for parameter in cls.coordinates_of])

    @property
    def _free(self) -> Mask:
        return np.array([p.name not in self.options for p in self.coordinates_of])

    def at(self, theta: Array, curvature: Array) -> Self:
        """The family at these coordinates."""
        each = [
            self.keep(p.name, p.bounded(theta[..., i])) for i, p in enumerate(self.coordinates_of)
        ]
        return replace(self, values=np.stack(each, axis=-1), curvature=curvature)

    @classmethod
    def made(cls, part: Part, values: Array, units: Array | None = None) -> Self:
        """The family of these parameters (..., K, d, p), in these units."""
        d = values.shape[-2]
        if units is None:
            none = np.empty(0), np.empty((*values.shape[:-2], 0))
            units = np.stack([cls.units(*none, values[..., j, :]) for j in range(d)], axis=-2)
        curvature = np.eye(values.shape[-1]) / (units * units)[..., None]
        return cls(part.columns, values, curvature, options=part.options,
                   incomplete=part.incomplete)

    @classmethod
    def estimate(cls, part: Part, block: Block, r: Array) -> Self:
        """Nearly: of each column some values stand for all. EM goes on from here."""
        each, gaps = [], []
        for j, (name, row) in enumerate(zip(part.columns, block.values, strict=True)):
            seen = ~np.isnan(row)
            refuse_unseen(r[..., seen].sum(axis=-1, keepdims=True), (name,), r.sum(axis=-1))
            x, w = merged(row[seen], r[..., seen])
            gaps.append(np.diff(x).min() if len(x) > 1 else np.finfo(float).tiny)
            held = {key: v[j % len(v)] for key, v in part.options.items()}
            each.append(cls._begun(name, held, *few(x, w)))
        values = np.concatenate([one.values for one in each], axis=-2)
        found = replace(cls.made(part, values, np.ones_like(values)), curvature=np.concatenate(
            [one.curvature for one in each], axis=-3
        ))
        return found if cls.bounded else replace(found, gaps=tuple(gaps))

    @classmethod
    def _begun(cls, name: str, held: Mapping[str, float], x: Array, w: Array) -> Self:
        """The fit to one column's values (n,) with these weights (..., K, n)."""
        values = cls.begin(x, w, held)
        for i, parameter in enumerate(cls.coordinates_of):
            if parameter.name in held:
                values[..., i] = held[parameter.name]
        units = cls.units(x, w, values)
        part = Part(cls, (name,), options={key: (value,) for key, value in held.items()})
        found = cls.made(part, values[..., None, :], units[..., None, :])
        return found.climbed(Block(x[None]), w, STEPS, ENOUGH)

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
        found = []
        for column, row in enumerate(block.values):
            share = r
            if column in self.incomplete:
                seen = ~np.isnan(row)
                row, share = row[seen], r[..., seen]
            theta = self.theta[..., column, :]
            looked = self.derivatives(row, theta, self._telling[..., column, :])
            sums = _sums(share, *looked)
            if not np.isfinite(sums).all():
                self.refuse_nan(row, looked[0], column)
                # Where a density is zero, r is too: such rows say nothing.
                sums = _sums(share, *(np.where(np.isfinite(a), a, 0.0) for a in looked))
            found += [sums, sums[..., :1] * theta]
        return np.concatenate(found, axis=-1)

    def refuse_nan(self, x: Array, value: Array, column: int) -> None:
        """Raise `DegenerateError` where a log density (..., K, n) of x (n,) is NaN."""
        if np.isnan(value).any():
            raise DegenerateError(
                f"the density of '{self.columns[column]}' cannot be computed: a parameter of "
                f"{self.name} ran to an end of its range"
            )

    def local(self, n: Array, t: Array) -> Local:
        """Of each column (..., K, d); raises `DegenerateError` where one was never observed."""
        d, p = self.values.shape[-2:]
        sums = t.reshape(*t.shape[:-1], d, -1)
        refuse_unseen(sums[..., 0], self.columns, n)
        return Local.read(sums[..., 0], sums[..., 1:], p)

    def toward(self, there: Self, share: float, where: Mask) -> Self:
        part_way = self.theta + share * (there.theta - self.theta)
        return there.at(np.where(where[..., None], part_way, there.theta), there.curvature)

    def _refuse_spikes(self, q: Local) -> None:
        """Raise `DegenerateError` for a component narrower than the rounding (see `degeneracy`).

        It would climb for ever, a little a step. Whether it may be so narrow the mean log density
        tells: of all densities of one variance the normal has the least.
        """
        if not self.gaps:
            return
        gaps = np.array(self.gaps)
        share = 1.0 if self.k > 1 else 1e-6
        for *start, k in np.argwhere((q.value > q.n * (-1 - np.log(gaps))).any(axis=-1)).tolist():
            one = self.select((*start, [k]))
            if one.narrowest(gaps)[0] < share / 12:
                raise DegenerateError(
                    f"component {k + 1} is narrower than the rounding of the data", k
                )

    def maximise(self, n: Array, t: Array) -> Self:
        q, free, unit = self.local(n, t), self._free, self.unit
        self._refuse_spikes(q)
        slope = q.slope / q.n[..., None] * free * unit
        curvature = q.curvature / q.n[..., None, None] * outer(free * unit)
        well = np.isfinite(slope).all(axis=-1) & np.isfinite(curvature).all(axis=(-2, -1))
        if not well.all():
            *_, k, j = np.argwhere(~well)[0]
            raise DegenerateError(f"the likelihood has no slope in '{self.columns[j]}'", int(k))
        bend = np.einsum("...ii->...i", curvature)
        bend[~free | (self._boundless() & (np.abs(bend) < FLAT))] = 1.0
        step, curvature = uphill(curvature, slope, REACH)
        return self.at(q.at + step * unit * free, curvature / outer(unit))

    def q(self, n: Array, t: Array) -> float:
        return float(self.local(n, t).told(self.theta).sum())

    def to_vector(self, base: Self | None = None) -> Array:
        base = base or self
        away = self.theta - np.where(self._boundless(), base.theta, 0.0)
        return flat(flat(away / base.unit))

    def from_vector(self, vector: Array) -> Self:
        away = vector.reshape(self.values.shape) * self.unit
        return self.at(away + np.where(self._boundless(), self.theta, 0.0), self.curvature)

    @property
    def chart_size(self) -> int:
        return int(np.prod(self.values.shape[-3:]))

    def information(self, weights: Array, vector: Array) -> Array:
        away = vector.reshape(*vector.shape[:-1], *self.values.shape[-3:])
        pull = (self.curvature @ (away * self.unit)[..., None])[..., 0] * self.unit
        return flat(flat(weights[..., None, None] * pull))

    def boundary(self, component: int) -> list[str]:
        bend = np.einsum("...ii->...i", self.curvature[component])
        return [
            f"{parameter.name} of '{name}' is at an end of its range"
            for i, parameter in enumerate(self.coordinates_of)
            for j, name in enumerate(self.columns)
            if not parameter.boundless and bend[j, i] < GONE
        ]

    def to_dict(self, component: int) -> dict[str, Any]:
        return {
            p.name: self.values[component, :, i].tolist()
            for i, p in enumerate(self.coordinates_of)
        }

    @classmethod
    def from_dict(cls, part: Part, found: Sequence[Mapping[str, Any]]) -> Self:
        d, arrays = len(part.columns), []
        for p in cls.coordinates_of:
            if not all(p.name in entry for entry in found):
                raise ValueError(f"'{p.name}' of {cls.name} is missing")
            values = array_from(found, p.name, d, p.low, p.high)
            if not p.inside(values).all():
                raise ValueError(f"'{p.name}' is at an end of its range")
            arrays.append(values)
        return cls.made(part, np.stack(arrays, axis=-1))


def _sums(share: Array, value: Array, slope: Array, bend: Array) -> Array:
    """(..., K, 2 + p + p(p+1)/2) sums of 1, value, slope and curvature times the rows' shares."""
    p = slope.shape[-2]
    i, j = triangle(p)
    terms = np.concatenate([value[..., None, :], slope, bend[..., i, j, :]], axis=-2)
    count = share.sum(axis=-1, keepdims=True)
    found = np.concatenate([count, (terms @ share[..., None])[..., 0]], axis=-1)
    found[..., 2 + p :] *= -1
    return found
