"""What the kinds of multivariate normal share (see `gaussian`).

log p_k(x) = -1/2 [ (x - mu_k)' Sigma_k^-1 (x - mu_k) + log|Sigma_k| + d log 2 pi ]: means,
structures, starts and charts. How the covariances are held and evaluated is the kind's own.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import field
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np

from emcli.errors import DegenerateError
from emcli.families import charts, conditional, quadratic, structures
from emcli.families.base import Family, Part
from emcli.families.block import Block
from emcli.families.helpers import refuse_unseen
from emcli.frozen import immutable
from emcli.numerics import Array, Codes, flat, triangle, whitened

# About a held mean, starts look at pairs of columns, unless there are more columns than this.
_MOST_TURNED = 10


@immutable
class Normal(Family):
    """What `full.Full` and `diagonal.Diagonal` share, and what the catalogue says of both."""

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

    @classmethod
    def invariance(cls, variant: str | None) -> str:
        return structures.INVARIANCE[cls.variant(variant or "VVV")]

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

    @property
    @abstractmethod
    def precision(self) -> Array:
        """(..., K, d, d) Sigma_k^-1."""

    @property
    def means(self) -> Array:
        return self.mean

    def expectation(self, block: Block, r: Array) -> list[Array]:
        return conditional.expected(block.values, self.mean, self.precision, r)

    def completed(self, rng: np.random.Generator, colours: Codes, block: Block) -> Array:
        return conditional.drawn(rng, block.values, colours, self.mean, self.precision)

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
    def estimate(cls, part: Part, block: Block, r: Array) -> Normal:
        return cls.blank(part, block, r).coloured(part, block, r)

    def coloured(self, part: Part, block: Block, r: Array) -> Normal:
        """The fit to rows whose colours are r, of the means that their sums are taken about."""
        return self.maximise(r.sum(axis=-1), self.statistics(block, r))

    @classmethod
    def blank(cls, part: Part, block: Block, r: Array) -> Normal:
        """The means of rows whose colours are r, to take sums about; no spread is known yet."""
        seen = ~np.isnan(block.values)
        values = np.where(seen, block.values, 0.0)
        masses = np.ones(block.n) if block.weights is None else block.weights
        overall = _means(part, values, seen, masses[None])[0]
        mean = _means(part, values - np.where(seen, overall[:, None], 0.0), seen, r) + overall
        return cls.unknown(part, mean, overall)

    @classmethod
    @abstractmethod
    def from_dict(cls, part: Part, found: Sequence[Mapping[str, Any]]) -> Normal: ...

    @classmethod
    @abstractmethod
    def unknown(cls, part: Part, mean: Array, origin: Array) -> Normal:
        """These means (..., K, d), and a spread of which nothing is known."""

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
        rest = base._chart.to_vector(self.spread)
        return np.concatenate([flat(mean), rest], axis=-1)

    def from_vector(self, vector: Array) -> Self:
        size = self.k * len(self.columns)
        mean = self.mean + vector[..., :size].reshape(self.mean.shape) * self._scale
        spread = self._chart.from_vector(vector[..., size:])
        return self._with(self.keep("mean", mean), spread)

    def information(self, weights: Array, vector: Array) -> Array:
        size = self.k * len(self.columns)
        away = vector[..., :size].reshape(*vector.shape[:-1], *self.mean.shape[-2:])
        means = self._pull(away * self._scale) * self._scale * weights[..., None]
        rest = self._chart.information(weights, vector[..., size:])
        return np.concatenate([flat(means), rest], axis=-1)

    @abstractmethod
    def _pull(self, away: Array) -> Array:
        """Each component's precision times its row of `away` (..., K, d)."""

    @cached_property
    def _chart(self) -> charts.Chart:
        return charts.around(self.structure, self.spread)

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


def structure_of(variant: str | None, d: int) -> str:
    """The structure a variant means for d columns; with one, only the volume's letter is left."""
    structure = structures.canonical(variant or "VVV", d)
    return structure if d > 1 else f"{structure[0]}II"


def _means(part: Part, values: Array, seen: Array, r: Array) -> Array:
    """(..., K, d) weighted means of what was observed; values are zero where nothing was."""
    n = r @ seen.T
    refuse_unseen(n, part.columns)
    return (r @ values.T) / n


def _unsigned(z: Array) -> Array:
    """z z' / |z| (d(d+1)/2, n), packed so that distances are the matrices' own."""
    i, j = triangle(len(z))
    size = np.sqrt((z * z).sum(axis=0))
    entries = z[i] * z[j] / np.where(size > 0, size, 1.0)
    entries[i != j] *= np.sqrt(2)
    return entries


def means_of(found: Sequence[Mapping[str, Any]], d: int) -> Array:
    """(K, d) means of the entries of a parameters file."""
    return np.array([entry["mean"] for entry in found], float).reshape(len(found), d)
