"""Mixtures of linear regressions.

log p_k(y | x) = -1/2 [ (y - x' beta_k)^2 / sigma_k^2 + log sigma_k^2 + log 2 pi ], y real, x the
columns of a formula. Parameters: coefficients beta (K, p); sigma (K, 1), the maximum-likelihood
one, or `sigma=common` to all components. M step: weighted least squares (Quandt & Ramsey 1978;
DeSarbo & Cron 1988), solved for the step from the current coefficients, so that it refines them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field, replace
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np

from emcli.errors import DegenerateError
from emcli.families.base import Part
from emcli.families.block import Block
from emcli.families.exponential import ExponentialFamily
from emcli.families.formula import Design
from emcli.families.helpers import array_from
from emcli.families.quadratic import LOG_2PI, MOST_COLUMNS, MOST_KAPPA
from emcli.families.regression import Frame, Regression
from emcli.families.words import numbers
from emcli.frozen import immutable
from emcli.numerics import Array, Codes, Mask, triangle

# A direction in which a component's design varies less than this, in units of itself, is none.
FLAT = 1e-13


@immutable
class Linear(Regression, ExponentialFamily):
    """anchor: (p,) the coefficients, in the frame, of one line through all rows, where it is known:
    sums are taken about it while they lose nothing by that."""

    sigma: Array
    anchor: Array
    known: bool = field(default=True, kw_only=True)

    name: ClassVar = "linear"
    summary: ClassVar = "linear regression: a column that depends on others"
    density: ClassVar = "exp(-(y-x'β)²/2σ²) / √(2πσ²)"
    parameters: ClassVar = "intercept and coefficients β; sigma σ (sigma=common: one for all)"
    support: ClassVar = "finite numbers"
    m_step: ClassVar = "analytic: weighted least squares"
    source: ClassVar = "Quandt & Ramsey (1978); DeSarbo & Cron (1988)"
    example: ClassVar = "emcli fit sample_data/tonedata.csv -m 'linear(tuned ~ stretchratio)' -k 2"
    kind: ClassVar = "real"
    continuous: ClassVar = True
    bounded: ClassVar = False
    takes: ClassVar = ("formula",)
    holds: ClassVar = ("sigma",)
    arrays: ClassVar = ("coefficients", "curvature", "sigma")

    @classmethod
    def invariance(cls, variant: str | None) -> str:
        return "affine"

    @classmethod
    def arguments(
        cls, values: Mapping[str, str], names: Sequence[str], find: Callable[[str], str]
    ) -> dict[str, Any]:
        """The formula, and `sigma=common` or `sigma=1.5`."""
        found = super().arguments(values, names, find)
        if "sigma" in values:
            common = values["sigma"] == "common"
            found |= {"common": True} if common else {"sigma": numbers("sigma", values["sigma"])}
        return found

    @classmethod
    def range_of(cls, name: str) -> tuple[float, float]:
        return 0.0, np.inf

    @classmethod
    def spelt(
        cls, columns: Sequence[str], options: Mapping[str, Any], alone: bool
    ) -> tuple[str, ...]:
        words = super().spelt(columns, options, alone)
        return (*words, "sigma=common") if "common" in options else words

    @property
    def free(self) -> int:
        sigmas = 1 if "common" in self.options else self.k
        return super().free + (0 if "sigma" in self.options else sigmas)

    @property
    def exempt(self) -> bool:
        return "sigma" in self.options or "common" in self.options or self.k == 1

    def narrowest(self, unit: Array) -> Array:
        if "sigma" in self.options:
            return super().narrowest(unit)
        return (self.sigma[:, 0] / unit[0]) ** 2

    @classmethod
    def estimate(cls, part: Part, block: Block, r: Array) -> Self:
        design, x, frame = cls.begun(part, block)
        masses = np.ones(block.n) if block.weights is None else block.weights
        anchor = frame.turn @ (x @ (masses * block.values[0])) / masses.sum()
        begun = np.broadcast_to(anchor @ frame.turn, (*r.shape[:-1], design.size))
        found, n = cls._made(part, design, frame, begun), r.sum(axis=-1)
        # From afar the residuals' sums cancel: the second step takes them about the first.
        first, _ = found._stepped(n, found.statistics(block, r))
        best = first.maximise(n, first.statistics(block, r))
        return replace(best, anchor=anchor, known=True)

    @classmethod
    def _made(
        cls, part: Part, design: Design, frame: Frame, coefficients: Array,
        sigma: Array | None = None,
    ) -> Self:
        one = np.ones((*coefficients.shape[:-1], 1))
        even = one[..., None] * np.eye(design.size)
        return cls(
            part.columns, coefficients, even, design, frame, one if sigma is None else sigma,
            np.zeros(design.size), known=False, options=part.options,
        )

    @cached_property
    def forms(self) -> Mask:
        if not self.known:
            return np.zeros(self.sigma.shape[:-2], dtype=bool)
        # Of what cancels in the square of a residual, as `quadratic.kappa` has it.
        reach = np.abs(self.gamma - self.anchor).sum(axis=-1, keepdims=True) / self.sigma
        narrow = self.design.size <= MOST_COLUMNS
        return narrow & np.asarray(((1 + 2 * reach) ** 2 <= MOST_KAPPA).all(axis=(-2, -1)))

    @cached_property
    def linear(self) -> bool:
        return bool(self.forms.all())

    @property
    def width(self) -> int:  # type: ignore[override]
        p = self.design.size
        return 1 + p + p * (p + 1) // 2 + p

    def features(self, block: Block, out: Array) -> None:
        """With v the residual of the anchor: [v^2, v z, upper triangle of z z', the anchor]."""
        p = self.design.size
        x = self.rows(block)
        v = block.values[0] - (self.anchor @ self.frame.turn) @ x
        z = out[1 : 1 + p]
        np.matmul(self.frame.turn, x, out=z)
        at = 1 + p
        for i in range(p):
            np.multiply(z[i:], z[i], out=out[at : at + p - i])
            at += p - i
        out[at:] = self.anchor[:, None]
        np.multiply(v, v, out=out[0])
        z *= v

    def natural(self) -> Array:
        p = self.design.size
        i, j = triangle(p)
        away, precision = self.gamma - self.anchor, self.sigma**-2
        found = np.zeros((*self.coefficients.shape[:-1], 1 + self.width))
        found[..., :1] = -np.log(self.sigma) - LOG_2PI / 2
        found[..., 1:2] = -precision / 2
        found[..., 2 : 2 + p] = precision * away
        halves = np.where(i == j, -0.5, -1.0)
        found[..., 2 + p : -p] = precision * halves * away[..., i] * away[..., j]
        return found

    def log_density(self, block: Block) -> Array:
        if self.linear:
            return ExponentialFamily.log_density(self, block)
        _, eta = self._predictors(block)
        np.subtract(block.values[0], eta, out=eta)
        eta /= self.sigma
        eta *= eta
        eta += 2 * np.log(self.sigma) + LOG_2PI
        eta *= -0.5
        return eta

    def statistics(self, block: Block, r: Array) -> Array:
        if self.linear:
            return ExponentialFamily.statistics(self, block, r)
        return super().statistics(block, r)

    def derivatives(self, y: Array, eta: Array) -> tuple[Array, Array, Array | float]:
        """Of the squared residuals, halved and with their sign changed; sigma is left out."""
        away = y - eta
        return away * away, away, 1.0

    def _stepped(self, n: Array, t: Array) -> tuple[Self, Array]:
        """With the coefficients of least squares; (..., K) sums of squares that are left."""
        q = self.local(n, t)
        size = np.einsum("...ii->...i", q.curvature)
        scale = 1 / np.sqrt(np.where(size > 0, size, 1.0))
        values, axes = np.linalg.eigh(q.curvature * scale[..., None] * scale[..., None, :])
        bad = ~(values > FLAT).all(axis=-1)
        if bad.any():
            k = int(np.argwhere(bad)[0][-1])
            raise DegenerateError(
                f"the rows of component {k + 1} do not tell the coefficients of {self.formula}", k
            )
        along = (axes.swapaxes(-2, -1) @ (scale * q.slope)[..., None])[..., 0] / values
        step = scale * (axes @ along[..., None])[..., 0]
        left = q.value - (step * q.slope).sum(axis=-1)
        coefficients = (q.at + step) @ self.frame.turn
        return self._with(coefficients, q.curvature / n[..., None, None]), left

    def maximise(self, n: Array, t: Array) -> Self:
        found, left = self._stepped(n, t)
        if "common" in self.options:
            left, n = (x.sum(axis=-1, keepdims=True) + np.zeros_like(x) for x in (left, n))
        sigma = self.keep("sigma", np.sqrt(np.maximum(left, 0.0) / n)[..., None])
        if not (sigma > 0).all():
            k = int(np.argwhere(~(sigma > 0))[0][-2])
            raise DegenerateError(f"the rows of component {k + 1} lie on {self.formula}", k)
        return replace(found, sigma=sigma, curvature=found.curvature / sigma[..., None] ** 2)

    def q(self, n: Array, t: Array) -> float:
        q = self.local(n, t)
        away = self.gamma - q.at
        squares = q.value - 2 * (away * q.slope).sum(axis=-1)
        squares += np.einsum("...i,...ij,...j->...", away, q.curvature, away)
        sigma = self.sigma[..., 0]
        return float(-0.5 * (squares / sigma**2 + n * (2 * np.log(sigma) + LOG_2PI)).sum())

    def to_vector(self, base: Self | None = None) -> Array:
        return np.concatenate([super().to_vector(base), np.log(self.sigma[..., 0])], axis=-1)

    def from_vector(self, vector: Array) -> Self:
        found = super().from_vector(vector[..., : -self.k])
        if "sigma" in self.options:
            return found
        return replace(found, sigma=np.exp(vector[..., -self.k :])[..., None])

    @property
    def chart_size(self) -> int:
        return super().chart_size + self.k

    def information(self, weights: Array, vector: Array) -> Array:
        slopes = super().information(weights, vector[..., : -self.k])
        return np.concatenate([slopes, 2 * weights * vector[..., -self.k :]], axis=-1)

    def drawn(self, rng: np.random.Generator, colours: Codes, eta: Array) -> Array:
        found: Array = eta + self.sigma[colours, 0] * rng.standard_normal(len(colours))
        return found

    def to_dict(self, component: int) -> dict[str, Any]:
        return super().to_dict(component) | {"sigma": float(self.sigma[component, 0])}

    @classmethod
    def from_dict(cls, part: Part, found: Sequence[Mapping[str, Any]]) -> Self:
        sigma = array_from(found, "sigma", 1)
        if not (sigma > 0).all():
            raise ValueError("'sigma' must be a positive number")
        design = cls.designed(part)
        coefficients = cls.coefficients_from(part, found)
        return cls._made(part, design, Frame.plain(design.size), coefficients, sigma)
