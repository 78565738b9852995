"""A column that was seen in part only: known to lie in an interval, or recorded in a range alone.

It is of any family that `between` knows, here the inner one. An interval (binned, or censored where
a side is unbounded) has the density F(upper) - F(lower), and f(x) where both sides are equal. Where
values outside a range were never recorded every density is divided by F(high) - F(low). M step: the
inner family's own, on the sums it is expected to have seen: of what lies in an interval, and of the
rows outside the range, of which there are (1 - P) / P for each recorded one (Dempster, Laird &
Rubin 1977; McLachlan & Jones 1988). What is written is the inner family, and the range.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property, partial
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np

from emcli.errors import UsageError
from emcli.families.around import Around
from emcli.families.base import Family, Part
from emcli.families.between import LAWS, Between, between_means, quantiles
from emcli.families.block import Block
from emcli.frozen import immutable
from emcli.numerics import Array, Codes, Mask

# Intervals are looked at so many at a time, each counted once for every component.
ROOM = 2**14
# What lies in so many is kept from the densities to the sums.
KEPT = 2**15
# So often values outside the range are drawn again, which is quick where most lie inside; the rest
# by inverting the distribution in the range.
AGAIN = 20
# What holds the range in the parameters file.
BELOW, ABOVE = "truncated_below", "truncated_above"


class Seen(NamedTuple):
    """What lies in the intervals of a block by some parameters, piece by piece."""

    by: Any
    block: Block
    pieces: list[tuple[Codes, Between]]


@immutable
class Interval(Around):
    """inner: of the values themselves; upper: the name of the upper sides where there are any, else
    '', its values being the lower ones; low, high: the range outside which nothing was recorded,
    both ends belonging to it."""

    upper: str = ""
    low: float = -np.inf
    high: float = np.inf

    name: ClassVar = "interval"
    hidden: ClassVar = True

    @classmethod
    def part(cls, inner: Part, upper: str, low: float, high: float) -> Part:
        """The block for a column, of that inner block, before any fit."""
        cls.refuse_family(inner.family)
        if not inner.family.inside(np.array([-1.0]))[0] and low <= 0:
            low = -np.inf
        # Rows that tell nothing are kept from the inner family.
        options = {"inner": replace(inner, incomplete=()), "upper": upper, "low": low, "high": high}
        return Part(cls, inner.columns, options=options, incomplete=inner.incomplete)

    @staticmethod
    def refuse_family(family: type[Family]) -> None:
        """Raise `UsageError` where it is not known what lies between two values."""
        if family.name not in LAWS:
            raise UsageError(
                f"{family.name} cannot describe a column of which only a part was seen "
                "(--interval, --censored, --truncated)", f"choose one of {', '.join(LAWS)}",
            )

    @staticmethod
    def inside(values: Array) -> Mask:
        return ~np.isnan(values)

    @classmethod
    def invariance(cls, variant: str | None) -> str:
        return "none"

    def seeing(self, incomplete: tuple[int, ...]) -> Self:
        return self

    @property
    def plain(self) -> Family:
        return replace(self, upper="") if self.truncated else self.inner

    @classmethod
    def around(cls, read: Family, options: Mapping[str, Any]) -> Self:
        inner = read.inner if isinstance(read, Interval) else read
        ends = (options[name] for name in ("upper", "low", "high"))
        return cls(read.columns, inner, *ends, options=options)

    # What it sees

    given: ClassVar = ()

    @property
    def inputs(self) -> tuple[str, ...]:
        return (*self.columns, self.upper) if self.upper else self.columns

    @classmethod
    def reads(cls, columns: tuple[str, ...], options: Mapping[str, Any]) -> tuple[str, ...]:
        return (*columns, options["upper"]) if options["upper"] else columns

    @property
    def truncated(self) -> bool:
        return bool(self.low > -np.inf or self.high < np.inf)

    @classmethod
    def estimate(cls, part: Part, block: Block, r: Array) -> Self:
        """As if values were evenly spread over their intervals, and nothing had been lost."""
        inner: Part = part.options["inner"]
        seen = ~np.isnan(block.values[0])
        points, half = _spread(inner, block)[:, seen], r[..., seen] / 2
        weights = None if block.weights is None else np.tile(block.weights[seen] / 2, 2)
        rows = Block(points.reshape(1, -1), weights)
        found = inner.family.estimate(inner, rows, np.concatenate([half, half], axis=-1))
        return cls.around(found, part.options)

    @classmethod
    def coordinates(cls, part: Part, block: Block) -> Array:
        inner: Part = part.options["inner"]
        middle = _spread(inner, block).mean(axis=0, keepdims=True)
        return inner.family.coordinates(inner, Block(middle, block.weights))

    # Evaluation

    def _pieces(self, block: Block) -> Iterable[tuple[Codes, Between]]:
        """Rows that tell an interval, some at a time: their numbers, and what lies there.

        The sums ask for it again, so that it is kept unless it is large.
        """
        last = block.scratch.get(("between", self.columns))
        if isinstance(last, Seen) and last.by is self and last.block.same(block):
            return last.pieces
        lower, upper = block.values[0], block.values[-1]
        rows = np.flatnonzero(lower < upper)
        components = max(self.inner.own_vector[..., :1].size * self.k, 1)
        each = max(ROOM // components, 1)
        lots = [rows[at : at + each] for at in range(0, len(rows), each)]
        found = ((some, self._between(lower[some], upper[some])) for some in lots)
        if len(rows) * components > KEPT:
            return found
        seen = Seen(self, block, list(found))
        block.scratch["between", self.columns] = seen
        return seen.pieces

    def _told(self, block: Block) -> tuple[Codes, Block]:
        """Rows that tell the value itself: their numbers, and they."""
        lower = block.values[0]
        rows = np.flatnonzero(lower == block.values[-1])
        return rows, Block(lower[None, rows])

    def _between(self, lower: Array, upper: Array) -> Between:
        return LAWS[self.inner.name](self.inner, lower, upper)

    def log_density(self, block: Block) -> Array:
        rows, told = self._told(block)
        lead = self.inner.own_vector.shape[:-1]
        found = np.zeros((*lead, self.k, block.n))
        if len(rows):
            found[..., rows] = self.inner.whole_log_density(told)
        for some, between in self._pieces(block):
            found[..., some] = between.log_mass
        if self.truncated:
            found -= np.where(np.isnan(block.values[0]), 0.0, self._kept)
            found[..., (block.values[0] < self.low) | (block.values[-1] > self.high)] = -np.inf
        return found

    @cached_property
    def _kept(self) -> Array:
        """(..., K, 1) log of P, the mass in the range."""
        return self._between(np.array([self.low]), np.array([self.high])).log_mass

    def _lost(self) -> Between:
        """What lies below the range and above it."""
        low, high = self.low, self.high
        if not self.inner.continuous:
            low, high = np.ceil(low) - 1, np.floor(high) + 1
        sides = [(-np.inf, low), (high, np.inf)]
        lower, upper = zip(*(ends for ends in sides if np.isfinite(ends).any()), strict=True)
        return self._between(np.array(lower), np.array(upper))

    # The sums the inner family is expected to have seen, and the rows it is expected to have seen

    def statistics(self, block: Block, r: Array) -> Array:
        rows, told = self._told(block)
        own = r[..., rows]
        if not len(rows):  # one row of no weight, whose value any family takes
            told, own = Block(np.ones((1, 1))), np.zeros((*r.shape[:-1], 1))
        t = self.inner.statistics(told, own)
        for some, between in self._pieces(block):
            t = t + self._expected(between, r[..., some])
        n = r @ ~np.isnan(block.values[0])
        if self.truncated:
            lost = self._lost()
            more = n[..., None] * np.exp(lost.log_mass - self._kept)
            t, n = t + self._expected(lost, more), n + more.sum(axis=-1)
        return np.concatenate([t, n[..., None]], axis=-1)

    def _expected(self, found: Between, r: Array) -> Array:
        """The sums of points that stand for n intervals, whose responsibilities are r."""
        shares = r[..., None] * found.shares
        *lead, k, n, m = shares.shape
        if self.inner.linear:
            # One set of features does for all components.
            width = self.inner.width  # type: ignore[attr-defined]
            features = np.empty((width, found.points.size))
            self.inner.features(  # type: ignore[attr-defined]
                Block(found.points.reshape(1, -1)), features
            )
            features = features.reshape(width, -1, n * m)
            sums = np.einsum("fkn,kn->kf", features, shares.reshape(-1, n * m))
            return sums.reshape(*lead, k, width)
        each, sums = np.arange(k), []
        for start in np.ndindex(*lead):
            one = self.inner.mapped(partial(_of_start, start))
            own = np.zeros((k, k, n * m))  # each component's points, which are no other's
            own[each, each] = shares[start].reshape(k, -1)
            rows = Block(found.points[start].reshape(1, -1))
            sums.append(one.statistics(rows, own.reshape(k, -1)))
        return np.array(sums).reshape(*lead, k, -1)

    def maximise(self, n: Array, t: Array) -> Self:
        return replace(self, inner=self.inner.maximise(t[..., -1], t[..., :-1]))

    def q(self, n: Array, t: Array) -> float:
        return self.inner.q(t[..., -1], t[..., :-1])

    def information(self, weights: Array, vector: Array) -> Array:
        if self.truncated:
            weights = weights / np.exp(self._kept[..., 0])
        return self.inner.information(weights, vector)

    def told(self, block: Block) -> Mask:
        return np.asarray(block.values[:1] == block.values[-1:])

    def expectation(self, block: Block, r: Array) -> list[Array]:
        """Of values that are told, they; else the means of what lies between their sides."""
        lower, upper = block.values[0].copy(), block.values[-1].copy()
        blank = np.isnan(lower)
        lower[blank], upper[blank] = self.low, self.high
        found = r.sum(axis=0) * lower
        rows = np.flatnonzero(lower < upper)
        means = between_means(self.inner, lower[rows], upper[rows])
        found[rows] = (r[:, rows] * means).sum(axis=0)
        return [found[None]]

    def completed(self, rng: np.random.Generator, colours: Codes, block: Block) -> Array:
        lower, upper = block.values[0], block.values[-1]
        found, blank = lower.copy(), np.isnan(lower)
        found[blank] = self.sample(rng, colours[blank], None)[0]
        rows = np.flatnonzero(lower < upper)
        found[rows] = self._drawn(rng, colours[rows], lower[rows], upper[rows])
        return found[None]

    def sample(self, rng: np.random.Generator, colours: Codes, given: Array | None) -> Array:
        """Exact values, in the range."""
        found = self.inner.sample(rng, colours, given)
        out = np.flatnonzero((found[0] < self.low) | (found[0] > self.high))
        for _ in range(AGAIN):
            found[:, out] = self.inner.sample(rng, colours[out], given)
            out = out[(found[0, out] < self.low) | (found[0, out] > self.high)]
        ends = np.repeat([[self.low], [self.high]], len(out), axis=1)
        found[0, out] = self._drawn(rng, colours[out], ends[0], ends[1])
        return np.repeat(found, len(self.inputs), axis=0)

    def _drawn(
        self, rng: np.random.Generator, colours: Codes, lower: Array, upper: Array
    ) -> Array:
        """(n,) one draw for each row between its two sides."""
        found = np.empty(len(colours))
        for k in range(self.k):
            rows = np.flatnonzero(colours == k)
            share = 1 - rng.random(len(rows))  # above 0
            with np.errstate(all="ignore"):
                found[rows] = quantiles(self.inner.select([k]), lower[rows], upper[rows], share)
        return found

    # The parameters file

    def to_dict(self, component: int) -> dict[str, Any]:
        found = self.inner.to_dict(component)
        ends = {BELOW: self.low, ABOVE: self.high}
        return found | {name: [end] for name, end in ends.items() if np.isfinite(end)}

    @classmethod
    def from_dict(cls, part: Part, found: Sequence[Mapping[str, Any]]) -> Self:
        """part: that of the inner family, or its own."""
        inner: Part = part.options.get("inner", part)
        ends = {}
        for name, open_end in ((BELOW, -np.inf), (ABOVE, np.inf)):
            held = [entry.get(name, [open_end]) for entry in found]
            if any(one != held[0] for one in held) or np.shape(held[0]) != (1,):
                raise ValueError(f"'{name}' must be one number, the same for all components")
            ends[name] = float(held[0][0])
        if not ends[BELOW] < ends[ABOVE]:
            raise ValueError(f"'{BELOW}' must be less than '{ABOVE}'")
        own = cls.part(inner, part.options.get("upper", ""), ends[BELOW], ends[ABOVE])
        return cls.around(inner.family.from_dict(inner, found), own.options)


def _of_start(start: tuple[int, ...], a: Array) -> Array:
    """The parameters of one start of a stack."""
    found: Array = a[start]
    return found


def _spread(inner: Part, block: Block) -> Array:
    """(2, n) two values in each interval, as far apart as values spread evenly over it are: both
    the finite side where there is but one, or the value itself."""
    lower, upper = block.values[0], block.values[-1]
    if not inner.family.inside(np.array([-1.0]))[0]:
        lower = np.maximum(lower, 0.0)
    low, high = (np.where(np.isinf(a), b, a) for a, b in ((lower, upper), (upper, lower)))
    middle, away = low / 2 + high / 2, (high - low) / np.sqrt(12)
    return np.stack([middle - away, middle + away])
