"""Normals of any orientation, with and without missing cells (see `gaussian`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from functools import cached_property
from math import prod
from typing import Any, ClassVar, Self

import numpy as np

from emcli.errors import DegenerateError
from emcli.families import charts, quadratic
from emcli.families.base import Part
from emcli.families.block import Block
from emcli.families.exponential import ExponentialFamily
from emcli.families.helpers import refuse_unseen
from emcli.families.marginals import Marginals, Seen, common
from emcli.families.normal import Normal, means_of, structure_of
from emcli.families.patterns import Completions, Components, View
from emcli.frozen import immutable, replace
from emcli.numerics import Array, Codes, Mask, outer, triangle, unpack

# EM steps of a start on its missing cells, its colours held.
_STEPS = 5


@immutable
class Full(Normal, ExponentialFamily):
    """Any orientation: EEE VEE EVE VVE EEV VEV EVV VVV."""

    covariance: Array
    arrays: ClassVar = ("mean", "covariance")

    @property
    def spread(self) -> Array:
        return self.covariance

    @property
    def variances(self) -> Array:
        return np.einsum("...ii->...i", self.covariance)

    def seeing(self, incomplete: tuple[int, ...]) -> Full:
        if not incomplete:
            return self
        return Incomplete.of(self, incomplete)

    @property
    def width(self) -> int:  # type: ignore[override]
        d = len(self.columns)
        return d + d * (d + 1) // 2

    @cached_property
    def factors(self) -> tuple[Array, Array]:
        """Inverse Cholesky factors (..., K, d, d) and log determinants (..., K)."""
        try:
            root = np.linalg.cholesky(self.covariance)
        except np.linalg.LinAlgError:
            raise DegenerateError("a covariance matrix is singular") from None
        return np.linalg.inv(root), 2 * np.log(np.einsum("...ii->...i", root)).sum(axis=-1)

    @cached_property
    def precision(self) -> Array:
        root, _ = self.factors
        found: Array = root.swapaxes(-2, -1) @ root
        return found

    @cached_property
    def forms(self) -> Mask:
        if not self.known:
            return np.zeros(self.mean.shape[:-2], dtype=bool)
        offset = self.mean - self.origin
        return quadratic.from_origin(offset, np.sqrt(self.variances), self.precision)

    @cached_property
    def linear(self) -> bool:
        return bool(self.forms.all())

    def narrowest(self, unit: Array) -> Array:
        # The largest singular value of the scaled root: units of nothing at all do no harm.
        root, _ = self.factors
        largest = np.linalg.norm(root * unit, ord=2, axis=(1, 2))
        return 1 / np.maximum(largest * largest, np.finfo(float).tiny)

    def features(self, block: Block, out: Array) -> None:
        quadratic.full_features(block, self.origin, out)

    def natural(self) -> Array:
        return quadratic.full_natural(self.mean - self.origin, self.precision, self.factors[1])

    def quicker_alone(self, components: int) -> bool:
        return quadratic.by_bands(len(self.columns), components)

    @cached_property
    def _many(self) -> int:
        """Components of all starts together."""
        return prod(self.mean.shape[:-1])

    @cached_property
    def _banded(self) -> bool:
        return self.linear and self.quicker_alone(self._many)

    @property
    def working(self) -> int:
        d = len(self.columns)
        return quadratic.full_working(d, self._many) if self._banded else super().working

    @cached_property
    def _bands(self) -> list[Array]:
        return quadratic.full_bands(self.mean - self.origin, self.factors[0])

    def log_density(self, block: Block) -> Array:
        if self.linear and not self._banded:
            return super().log_density(block)
        root, log_determinant = self.factors
        if self._banded:
            distance = quadratic.full_whitened(block, self.origin, self._bands, self._many)
            distance = distance.reshape(*self.mean.shape[:-1], block.n)
        else:
            distance = quadratic.full_centred(block, self.mean, root)
        constant = log_determinant + len(self.columns) * quadratic.LOG_2PI
        return -0.5 * (distance + constant[..., None])

    def statistics(self, block: Block, r: Array) -> Array:
        if self._banded:
            return quadratic.full_products(block, self.origin, r)
        if self.linear:
            return super().statistics(block, r)
        return quadratic.full_sums(block, self.mean, r)

    @property
    def chart_size(self) -> int:
        k, d = self.mean.shape[-2:]
        return k * d + charts.chart_size(self.structure, k, d)

    def _pull(self, away: Array) -> Array:
        found: Array = (self.precision @ away[..., None])[..., 0]
        return found

    @property
    def log_variances(self) -> Array:
        return -2 * np.log(np.einsum("...ii->...i", self.factors[0]))

    def moments(self, n: Array, t: Array) -> tuple[Array, Array]:
        d = len(self.columns)
        about = self.about(n, t)
        shift = t[..., :d] / n[..., None]
        scatter = unpack(t[..., d : self.width], d) - n[..., None, None] * outer(shift)
        mean = self.keep("mean", about + shift)
        if "mean" in self.options:
            scatter = scatter + n[..., None, None] * outer(about + shift - mean)
        return mean, scatter

    def about(self, n: Array, t: Array) -> Array:
        """(..., K, d) or (d,) what the sums were taken about."""
        return self.origin if self.linear else self.mean

    def maximise(self, n: Array, t: Array) -> Self:
        return self.fitted(n, *self.moments(n, t))

    def q(self, n: Array, t: Array) -> float:
        if self.linear:
            return super().q(n, t)
        mean, scatter = self.moments(n, t)
        away = mean - self.mean
        scatter = scatter + n[..., None, None] * outer(away)
        constant = self.factors[1] + len(self.columns) * quadratic.LOG_2PI
        return float(-0.5 * (n @ constant + (self.precision * scatter).sum()))

    def _with(self, mean: Array, spread: Array) -> Self:
        return replace(self, mean=mean, covariance=spread, known=True)

    def sample(self, rng: np.random.Generator, colours: Codes, given: Array | None) -> Array:
        root = np.linalg.cholesky(self.covariance)[colours]
        z = rng.standard_normal((len(colours), len(self.columns)))
        return (self.mean[colours] + np.einsum("nij,nj->ni", root, z)).T

    def to_dict(self, component: int) -> dict[str, Any]:
        return {
            "mean": self.mean[component].tolist(),
            "covariance": self.covariance[component].tolist(),
        }

    @classmethod
    def unknown(cls, part: Part, mean: Array, origin: Array) -> Full:
        structure = structure_of(part.variant, len(part.columns))
        unit = np.broadcast_to(np.eye(len(origin)), (*mean.shape, len(origin)))
        return Full(
            part.columns, structure, mean, origin, unit, known=False, options=part.options
        )

    def coloured(self, part: Part, block: Block, r: Array) -> Normal:
        if part.incomplete:
            return Incomplete.begun(self, part, block, r)
        return super().coloured(part, block, r)

    @classmethod
    def from_dict(cls, part: Part, found: Sequence[Mapping[str, Any]]) -> Full:
        d = len(part.columns)
        mean = means_of(found, d)
        covariance = np.array([entry["covariance"] for entry in found], float)
        if covariance.shape != (len(found), d, d):
            raise ValueError(f"'covariance' must be a {d} x {d} matrix")
        structure = structure_of(part.variant, d)
        family = Full(
            part.columns, structure, mean, mean.mean(axis=0), covariance, options=part.options
        )
        try:
            family.factors  # noqa: B018
        except DegenerateError as error:
            raise ValueError("'covariance' is not positive definite") from error
        return family


@immutable
class Incomplete(Full):
    """`Full` for a table with missing cells: the same parameters, by the path of its patterns."""

    incomplete: tuple[int, ...] = field(default=(), kw_only=True)
    hidden: ClassVar = True

    @classmethod
    def of(cls, full: Full, incomplete: tuple[int, ...]) -> Self:
        """The same parameters, for missing cells in the columns at these positions."""
        return cls(
            full.columns, full.structure, full.mean, full.origin, full.covariance,
            known=full.known, options=full.options, incomplete=incomplete,
        )  # fmt: skip

    @classmethod
    def begun(cls, blank: Full, part: Part, block: Block, r: Array) -> Self:
        """A fit to rows whose colours are r: a few EM steps on their missing cells.

        They begin with the variances of what was observed.
        """
        seen = ~np.isnan(block.values)
        n = r.sum(axis=-1)
        spread = np.empty_like(blank.mean)
        for j, (x, there) in enumerate(zip(block.values, seen, strict=True)):
            away = np.where(there, x, 0.0) - blank.mean[..., j, None] * there
            spread[..., j] = (r * away * away).sum(axis=-1) / (r @ there)
        found = cls.of(blank, part.incomplete)._with(
            blank.mean, spread[..., None] * np.eye(spread.shape[-1])
        )
        for _ in range(_STEPS):
            found = found.maximise(n, found.statistics(block, r))
        return found

    def seeing(self, incomplete: tuple[int, ...]) -> Self:
        return self.of(self, incomplete)

    @property
    def linear(self) -> bool:
        return False

    @cached_property
    def _components(self) -> Components:
        """Those of all starts in a row."""
        d = len(self.columns)
        roots, log_determinants = self.factors
        return Components(
            self.mean.reshape(-1, d), self.precision.reshape(-1, d, d), roots.reshape(-1, d, d),
            log_determinants.ravel(),
        )  # fmt: skip

    def completions(self, block: Block) -> Completions:
        """The block as each component of the stack completes it; the sums ask for it again."""
        return block.kept(
            ("completed", self.columns), self,
            lambda: Completions.of(self._components, block.values),
        )  # fmt: skip

    def _parts(self, block: Block) -> list[tuple[Codes, View]]:
        """The block in parts, the numbers of their rows and how they are seen.

        By pattern, if many rows have it and features are exact enough and few; else one by one.
        """
        if len(self.columns) > quadratic.MOST_COLUMNS or not self.forms.all():
            return [(np.arange(block.n), self.completions(block))]
        return block.kept(("parts", self.columns), self, lambda: self._sorted(block))

    def _sorted(self, block: Block) -> list[tuple[Codes, View]]:
        found = common(block, self.origin, f"rows of {self.columns} by pattern")
        # The block before has the same patterns, where there are few of them.
        last, seen = block.scratch.get(("patterns", self.columns), (None, None))
        if last is not self or not np.array_equal(seen.holes, found.holes):
            seen = Seen.by(found.holes, self._components, self.origin)
            block.scratch["patterns", self.columns] = self, seen
        parts: list[tuple[Codes, View]] = []
        if len(found.rows):
            parts.append((found.rows, Marginals(found, seen, self.origin, block)))
        if len(found.rest):
            rest = Completions.of(self._components, block.values[:, found.rest])
            parts.append((found.rest, rest))
        return parts

    def _each(self, block: Block, tell: Callable[[View], Array]) -> Array:
        """(..., K, n) what is told of all rows."""
        found = np.empty((*self.mean.shape[:-1], block.n))
        for rows, view in self._parts(block):
            for row, told in zip(found.reshape(-1, block.n), tell(view), strict=True):
                row[rows] = told  # one at a time: all at once takes twice as long
        return found

    def log_density(self, block: Block) -> Array:
        return self._each(block, lambda view: view.log_density())

    def log_volume(self, block: Block) -> Array:
        return self._each(block, lambda view: view.log_volume())

    def statistics(self, block: Block, r: Array) -> Array:
        """Sums of r times [E z, upper triangle of E z z', mean, which cells are there].

        So they say what they are taken about, and of how much of each column.
        """
        return self.sums(block, r, r)

    def sums(self, block: Block, r: Array, spare: Array) -> Array:
        d, whole = len(self.columns), self.width
        sums = np.zeros((*self.mean.shape[:-1], whole + 2 * d))
        sums[..., whole : whole + d] = r.sum(axis=-1)[..., None] * self.mean
        flat = sums.reshape(-1, whole + 2 * d)
        for rows, view in self._parts(block):
            shares = np.take(r.reshape(-1, block.n), rows, axis=1)
            masses = shares if spare is r else np.take(spare.reshape(-1, block.n), rows, axis=1)
            first, second, seen = view.sums(shares, masses)
            flat[:, :d] += first
            flat[:, d:whole] += second[:, *triangle(d)]
            flat[:, whole + d :] += seen
        return sums

    def about(self, n: Array, t: Array) -> Array:
        found: Array = t[..., self.width : -len(self.columns)] / n[..., None]
        return found

    def moments(self, n: Array, t: Array) -> tuple[Array, Array]:
        refuse_unseen(t[..., -len(self.columns) :], self.columns, n)
        return super().moments(n, t)

