"""The multivariate normal with the fourteen covariance structures.

log p_k(x) = -1/2 [ (x - mu_k)' Sigma_k^-1 (x - mu_k) + log|Sigma_k| + d log 2 pi ],
Sigma_k = lambda_k D_k A_k D_k', real x. Parameters: mean mu (K, d); covariance Sigma (K, d, d), or
for the six axis-aligned structures the variances (K, d). M step: means analytic, covariances by
`structures` (Celeux & Govaert 1995; Browne & McNicholas 2014). How the quadratic form is
evaluated is `quadratic`'s business; its sums are taken about the origin or about the means.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np

from emcli.errors import DegenerateError
from emcli.families import charts, quadratic, structures
from emcli.families.base import Family, Part
from emcli.families.block import Block
from emcli.families.exponential import ExponentialFamily, Separable, fill_missing
from emcli.numerics import Array, Codes, Mask, flat, triangle, unpack, whitened

# About a held mean, starts look at pairs of columns, unless there are more columns than this.
_MOST_TURNED = 10


@dataclass(frozen=True, eq=False)
class Gaussian(Family):
    """What both kinds share; `Full` and `Diagonal` below hold the mathematics."""

    structure: str
    mean: Array
    origin: Array  # near the data's centre: what the sums are taken about
    known: bool = field(default=True, kw_only=True)  # False: only the means are, sums are centred

    name: ClassVar = "gaussian"
    summary: ClassVar = "normal, fourteen covariance structures from EII to VVV"
    density: ClassVar = "|2πΣ|^(-1/2) exp(-(x-μ)'Σ⁻¹(x-μ)/2), Σ = λ D A D'"
    parameters: ClassVar = "mean μ; covariance Σ (axis-aligned structures: variance)"
    support: ClassVar = "finite numbers"
    m_step: ClassVar = "analytic; VEI VEE VEV EVE VVE by an inner iteration"
    source: ClassVar = "Celeux & Govaert (1995); Browne & McNicholas (2014)"
    example: ClassVar = "emcli fit sample_data/iris.csv -m gaussian:VEV -k 1-4 -x species"
    kind: ClassVar = "real"
    continuous: ClassVar = True
    bounded: ClassVar = False
    variants: ClassVar = structures.STRUCTURES
    holds: ClassVar = ("mean",)

    @classmethod
    def variant(cls, name: str) -> str:
        return structures.canonical(name, 1 if name in structures.ONE_COLUMN else 2)

    @staticmethod
    def inside(values: Array) -> Mask:
        return np.isfinite(values)

    @classmethod
    def invariance(cls, variant: str | None) -> str:
        return structures.INVARIANCE[cls.variant(variant or "VVV")]

    @property
    def k(self) -> int:
        return self.mean.shape[-2]

    @classmethod
    def apart(cls, variant: str | None) -> bool:
        return cls.variant(variant or "VVV") in ("EEI", "VVI")

    @classmethod
    def title(cls, part: Part) -> str:
        structure = structure_of(part.variant, len(part.columns))
        return f"gaussian:{structure if len(part.columns) > 1 else structure[0]}"

    @property
    def label(self) -> str:
        return f"gaussian:{self.structure if len(self.columns) > 1 else self.structure[0]}"

    @property
    def exempt(self) -> bool:
        return self.structure in structures.SHARES_VOLUME_AND_SHAPE or self.k == 1

    def _fit_spread(self, n: Array, scatter: Array, current: Array | None) -> Array:
        """The covariances' M step; what fails is told with the columns."""
        try:
            return structures.covariances(self.structure, n, scatter, current)
        except DegenerateError as error:
            columns = ", ".join(self.columns)
            raise DegenerateError(f"{error.sentence} in {columns}", error.component) from None

    @abstractmethod
    def moments(self, n: Array, t: Array) -> tuple[Array, Array]:
        """Means (..., K, d) and, of what was observed, the scatter about them: shaped as `spread`.

        They are those of n and t, whatever weights these sums were taken with.
        """

    def fitted(self, n: Array, mean: Array, scatter: Array) -> Self:
        """The family with these means, and the spread that suits scatter matrices about them."""
        current = self.spread if self.known else None
        return self._with(mean, self._fit_spread(n, scatter, current))

    @property
    @abstractmethod
    def log_variances(self) -> Array:
        """(..., K, d) logarithms that add up to log|Sigma|, a column's own where axis-aligned."""

    def log_volume(self, block: Block) -> Array:
        """(..., K, n), or (..., K, 1): log|2 pi Sigma| of what was observed of each row."""
        found: Array = (self.log_variances + quadratic.LOG_2PI).sum(axis=-1)[..., None]
        return found

    def sums(self, block: Block, r: Array, spare: Array) -> Array:
        """`statistics` of r, but what is expected of missing cells beside their means counts spare.

        For rows whose covariance is Sigma/u: r u, and r.
        """
        return self.statistics(block, r)

    @property
    @abstractmethod
    def spread(self) -> Array:
        """Sigma_k, or its diagonal where the structure is axis-aligned."""

    @property
    def free(self) -> int:
        k, d = self.mean.shape[-2:]
        means = 0 if "mean" in self.options else k * d
        return means + structures.free_parameters(self.structure, k, d)

    @classmethod
    def estimate(cls, part: Part, block: Block, r: Array) -> Gaussian:
        blank = cls.blank(part, block, r)
        if part.incomplete and isinstance(blank, Full):
            from emcli.families.patterns import Incomplete

            return Incomplete.begun(blank, part, block, r)
        return blank.maximise(r.sum(axis=-1), blank.statistics(block, r))

    @staticmethod
    def blank(part: Part, block: Block, r: Array) -> Gaussian:
        """The means of rows whose colours are r, to take sums about; no spread is known yet."""
        structure = structure_of(part.variant, len(part.columns))
        seen = ~np.isnan(block.values)
        values = np.where(seen, block.values, 0.0)
        masses = np.ones(block.n) if block.weights is None else block.weights
        overall = _means(part, values, seen, masses[None])[0]
        mean = _means(part, values - np.where(seen, overall[:, None], 0.0), seen, r) + overall
        if structure in structures.AXIS_ALIGNED:
            return Diagonal(
                part.columns, structure, mean, overall, np.ones_like(mean),
                incomplete=part.incomplete, known=False, options=part.options,
            )
        unit = np.broadcast_to(np.eye(len(overall)), (*mean.shape, len(overall)))
        return Full(
            part.columns, structure, mean, overall, unit, known=False, options=part.options
        )

    @classmethod
    def coordinates(cls, part: Part, block: Block) -> Array:
        """Whitened, scaled by column or as they are: what the structure is invariant to.

        About a held mean, where components differ in their spread alone, without the sign.
        """
        seen = ~np.isnan(block.values)
        w = seen * (1.0 if block.weights is None else block.weights)
        total = np.maximum(w.sum(axis=1, keepdims=True), np.finfo(float).tiny)
        values = np.where(seen, block.values, 0.0)
        held = part.options.get("mean")
        centre = (w * values).sum(axis=1) / total[:, 0] if held is None else np.array(held)
        z = np.where(seen, values - centre.reshape(-1, 1), 0.0)
        scale = np.sqrt((w * z * z).sum(axis=1, keepdims=True) / total)
        scale[scale == 0] = 1.0
        structure = structure_of(part.variant, len(z))
        kind = structures.INVARIANCE[structure]
        z = z / (np.sqrt((scale * scale).mean()) if kind == "similarity" else scale)
        masses = np.ones(block.n) if block.weights is None else block.weights
        if held is None:
            return whitened(z, masses) if kind == "affine" else z
        if structure in structures.AXIS_ALIGNED or len(z) > _MOST_TURNED:
            return np.where(seen, np.abs(z), 1.0)
        if kind == "affine":  # with the opposite of every row, so that the mean is the held one
            z = whitened(np.hstack([z, -z]), np.tile(masses, 2))[:, : block.n]
        return _unsigned(z)

    def to_vector(self, base: Self | None = None) -> Array:
        base = base or self
        mean = (self.mean - base.mean) / base._scale
        rest = charts.to_vector(self.structure, self.spread, base.spread)
        return np.concatenate([flat(mean), rest], axis=-1)

    def from_vector(self, vector: Array) -> Self:
        size = self.k * len(self.columns)
        mean = self.mean + vector[..., :size].reshape(self.mean.shape) * self._scale
        spread = charts.from_vector(self.structure, vector[..., size:], self.spread)
        return self._with(self.keep("mean", mean), spread)

    def information(self, weights: Array, vector: Array) -> Array:
        size = self.k * len(self.columns)
        away = vector[..., :size].reshape(*vector.shape[:-1], *self.mean.shape[-2:])
        means = self._pull(away * self._scale) * self._scale * weights[..., None]
        rest = charts.information(self.structure, self.spread, weights, vector[..., size:])
        return np.concatenate([flat(means), rest], axis=-1)

    @abstractmethod
    def _pull(self, away: Array) -> Array:
        """Each component's precision times its row of `away` (..., K, d)."""

    @cached_property
    def _scale(self) -> Array:
        """(..., 1, d) units of the chart: an average sd, common where columns stay comparable."""
        common = structures.INVARIANCE[self.structure] == "similarity"
        return np.sqrt(self.variances.mean(axis=(-2, -1) if common else -2, keepdims=True))

    @property
    @abstractmethod
    def variances(self) -> Array:
        """(..., K, d) variances of the columns."""

    @abstractmethod
    def _with(self, mean: Array, spread: Array) -> Self:
        """The same family with other parameters."""

    @classmethod
    def from_dict(cls, part: Part, found: Sequence[Mapping[str, Any]]) -> Gaussian:
        d = len(part.columns)
        structure = structure_of(part.variant, d)
        mean = np.array([entry["mean"] for entry in found], float).reshape(len(found), d)
        origin = mean.mean(axis=0)
        if structure in structures.AXIS_ALIGNED:
            variance = np.array([entry["variance"] for entry in found], float)
            if variance.shape != mean.shape or not (variance > 0).all():
                raise ValueError("'variance' must hold one positive number for each column")
            return Diagonal(
                part.columns, structure, mean, origin, variance, incomplete=part.incomplete,
                options=part.options,
            )
        covariance = np.array([entry["covariance"] for entry in found], float)
        if covariance.shape != (len(found), d, d):
            raise ValueError(f"'covariance' must be a {d} x {d} matrix")
        family = Full(part.columns, structure, mean, origin, covariance, options=part.options)
        try:
            family.factors  # noqa: B018
        except DegenerateError as error:
            raise ValueError("'covariance' is not positive definite") from error
        return family


def structure_of(variant: str | None, d: int) -> str:
    """The structure a variant means for d columns; with one, only the volume's letter is left."""
    structure = structures.canonical(variant or "VVV", d)
    return structure if d > 1 else f"{structure[0]}II"


def _means(part: Part, values: Array, seen: Array, r: Array) -> Array:
    """(..., K, d) weighted means of what was observed; values are zero where nothing was."""
    n = r @ seen.T
    if not (n > 0).all():
        *_, k, j = np.argwhere(~(n > 0))[0]
        raise DegenerateError(
            f"component {k + 1} holds no row where '{part.columns[j]}' was observed", int(k)
        )
    return (r @ values.T) / n


def _outer(vectors: Array) -> Array:
    """(..., d, d) products of vectors (..., d) with themselves."""
    found: Array = vectors[..., :, None] * vectors[..., None, :]
    return found


def _unsigned(z: Array) -> Array:
    """z z' / |z| (d(d+1)/2, n), packed so that distances are the matrices' own."""
    i, j = triangle(len(z))
    size = np.sqrt((z * z).sum(axis=0))
    entries = z[i] * z[j] / np.where(size > 0, size, 1.0)
    entries[i != j] *= np.sqrt(2)
    return entries


@dataclass(frozen=True, eq=False)
class Full(Gaussian, ExponentialFamily):
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
        from emcli.families.patterns import Incomplete

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
        return quadratic.by_features(offset, np.sqrt(self.variances), self.precision)

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

    def log_density(self, block: Block) -> Array:
        if self.linear:
            return super().log_density(block)
        root, log_determinant = self.factors
        constant = log_determinant + len(self.columns) * quadratic.LOG_2PI
        return -0.5 * (quadratic.full_centred(block, self.mean, root) + constant[..., None])

    def statistics(self, block: Block, r: Array) -> Array:
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
        scatter = unpack(t[..., d : self.width], d) - n[..., None, None] * _outer(shift)
        mean = self.keep("mean", about + shift)
        if "mean" in self.options:
            scatter = scatter + n[..., None, None] * _outer(about + shift - mean)
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
        scatter = scatter + n[..., None, None] * _outer(away)
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


@dataclass(frozen=True, eq=False)
class Diagonal(Gaussian, Separable):
    """Axis-aligned: EII VII EEI VEI EVI VVI, and E and V on one column."""

    variance: Array
    arrays: ClassVar = ("mean", "variance")

    @property
    def spread(self) -> Array:
        return self.variance

    @property
    def variances(self) -> Array:
        return self.variance

    @property
    def log_variances(self) -> Array:
        return np.log(self.variance)

    def log_volume(self, block: Block) -> Array:
        if not self.incomplete:
            return super().log_volume(block)
        found: Array = (self.log_variances + quadratic.LOG_2PI) @ ~np.isnan(block.values)
        return found

    @property
    def column_width(self) -> int:
        return 2 * len(self.columns)

    @cached_property
    def forms(self) -> Mask:
        if not self.known:
            return np.zeros(self.mean.shape[:-2], dtype=bool)
        offset = self.mean - self.origin
        return quadratic.by_features(offset, np.sqrt(self.variance), 1 / self.variance)

    @cached_property
    def linear(self) -> bool:
        return bool(self.forms.all())

    def narrowest(self, unit: Array) -> Array:
        largest = (unit * unit / self.variance).max(axis=1)
        return 1 / np.maximum(largest, np.finfo(float).tiny)

    def _pull(self, away: Array) -> Array:
        return away / self.variance

    def column_features(self, values: Array, out: Array) -> None:
        d = len(self.columns)
        z = out[:d]
        np.subtract(values, self.origin[:, None], out=z)
        if self.incomplete:
            fill_missing(z.copy(), z)
        np.multiply(z, z, out=out[d:])

    def column_natural(self) -> tuple[Array, Array]:
        offset, precision = self.mean - self.origin, 1 / self.variance
        slope = offset * precision
        normaliser = -0.5 * (slope * offset + np.log(self.variance) + quadratic.LOG_2PI)
        return np.concatenate([slope, -0.5 * precision], axis=-1), normaliser

    def log_density(self, block: Block) -> Array:
        if self.linear:
            return super().log_density(block)
        return quadratic.diagonal_centred(block, self.mean, self.variance)

    def statistics(self, block: Block, r: Array) -> Array:
        if self.linear:
            return super().statistics(block, r)
        seen = ~np.isnan(block.values[list(self.incomplete)])
        sums = quadratic.diagonal_sums(block, self.mean, r)
        return np.concatenate([sums, r @ seen.T], axis=-1)

    def moments(self, n: Array, t: Array) -> tuple[Array, Array]:
        d = len(self.columns)
        observed = self.observed(n, t)
        shift = t[..., :d] / observed
        about = self.origin if self.linear else self.mean
        mean = self.keep("mean", about + shift)
        scatter = t[..., d : 2 * d] - observed * shift * shift
        if "mean" in self.options:
            scatter += observed * (about + shift - mean) ** 2
        return mean, scatter

    def maximise(self, n: Array, t: Array) -> Self:
        mean, scatter = self.moments(n, t)
        if self.incomplete:
            observed = self.observed(n, t)
            # An unobserved cell's squared deviation is expected to be the current variance.
            scatter += (n[..., None] - observed) * (
                self.variance if self.known else scatter / observed
            )
        return self.fitted(n, mean, scatter)

    def q(self, n: Array, t: Array) -> float:
        d = len(self.columns)
        observed = self.observed(n, t)
        about = (self.origin if self.linear else self.mean) - self.mean
        square = t[..., d : 2 * d] + 2 * about * t[..., :d] + observed * about * about
        constant = np.log(self.variance) + quadratic.LOG_2PI
        return float(-0.5 * (observed * constant + square / self.variance).sum())

    def _with(self, mean: Array, spread: Array) -> Self:
        return replace(self, mean=mean, variance=spread, known=True)

    def sample(self, rng: np.random.Generator, colours: Codes, given: Array | None) -> Array:
        z = rng.standard_normal((len(colours), len(self.columns)))
        return (self.mean[colours] + np.sqrt(self.variance)[colours] * z).T

    def to_dict(self, component: int) -> dict[str, Any]:
        return {
            "mean": self.mean[component].tolist(),
            "variance": self.variance[component].tolist(),
        }
