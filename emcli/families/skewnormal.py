"""Lopsided clusters: the skew normal of one column, or the multivariate one of several.

log p_k(x) = log 2 + log N(x; xi_k, Omega_k) + log Phi(alpha_k' (x - xi_k)/omega_k), omega the
roots of Omega's diagonal (Azzalini 1985; Azzalini & Dalla Valle 1996): the normal where alpha = 0.
Parameters: location xi (K, d); scale, omega itself of one column, else the matrix Omega (K, d, d);
skewness alpha (K, d).

It is the distribution of xi + Delta |z| + e with z ~ N(0, 1), e ~ N(0, Psi), whose parameters, with
the slope eta = alpha/omega and s, are those of `skew_parameters`. Given x, |z| is a normal,
N(s w, s^2) with w = eta'(x - xi), cut off at zero. M step: the regression of x on |z|, given the
expected |z| and z^2 (Lin 2009).

Two places need care. alpha = 0 is a stationary point whatever the rows, for the likelihood goes
like alpha^3 there: EM begins with the skewness of the rows, and what leans a little is mirrored
where its rows like that better. And the best alpha is often infinite, half a normal whose edge is
at one row or the next, with a maximum at each: so the length of the lean, the root of Delta' Psi^-1
Delta, which for one column is |alpha|, is 100 at most.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np
from scipy.special import log_ndtr

from emcli.errors import DegenerateError
from emcli.families import skew_conditional
from emcli.families.base import Part
from emcli.families.block import Block
from emcli.families.gaussian import Full, Gaussian, Incomplete
from emcli.families.helpers import array_from
from emcli.families.quadratic import LOG_2PI
from emcli.families.skew_parameters import Leaning
from emcli.families.skew_patterns import leanings
from emcli.families.skew_patterns import sums as completed_sums
from emcli.families.skew_regression import HALF, MOST, Regression, above, length_of
from emcli.frozen import immutable
from emcli.numerics import Array, Codes, Mask, outer

# M steps of a fit to given colours.
STEPS = 5
# The lean up to which the mirror image is tried.
SMALL = 0.5


@immutable
class SkewNormal(Leaning):
    """Its parameters and their chart are those of what leans."""

    name: ClassVar = "skewnormal"
    summary: ClassVar = "lopsided clusters: the skew normal, of one column or multivariate"
    density: ClassVar = "2 N(x; ξ, Ω) Φ(α'(x-ξ)/ω), ω the roots of Ω's diagonal"
    parameters: ClassVar = (
        "location ξ; scale: ω of one column, the matrix Ω of several; skewness α, 0 is the normal"
    )
    support: ClassVar = "finite numbers"
    m_step: ClassVar = "analytic: regression on a latent half-normal"
    source: ClassVar = "Azzalini (1985); Azzalini & Dalla Valle (1996); Lin (2009)"
    example: ClassVar = "emcli fit sample_data/acidity.csv -m skewnormal -k 1-3"
    kind: ClassVar = "real"
    continuous: ClassVar = True
    bounded: ClassVar = False
    hidden: ClassVar = True
    coordinates = Gaussian.coordinates

    @classmethod
    def invariance(cls, variant: str | None) -> str:
        return "affine"

    @classmethod
    def apart(cls, variant: str | None) -> bool:
        return False

    def seeing(self, incomplete: tuple[int, ...]) -> Self:
        return replace(self, normal=self.normal.seeing(incomplete))

    @property
    def free(self) -> int:
        return self.normal.free + self.skewness.size

    @property
    def exempt(self) -> bool:
        return self.k == 1

    def narrowest(self, unit: Array) -> Array:
        # The inverse of the covariance, Omega - 2/pi Delta Delta': Omega^-1 Delta is s eta.
        share = HALF * HALF / (1 - HALF * HALF * (1 - self.s * self.s)) * self.s * self.s
        inverse = self.normal.precision + share[..., None, None] * outer(self.slope)
        largest = np.linalg.norm(inverse * (unit[:, None] * unit), ord=2, axis=(-2, -1))
        return 1 / np.maximum(largest, np.finfo(float).tiny)

    @property
    def forms(self) -> Mask:
        return self.normal.forms

    @classmethod
    def estimate(cls, part: Part, block: Block, r: Array) -> Self:
        """From mean, covariance and the vector E[|y|^2 y] of whitened y, which is the skewness in
        the direction of Delta; then a few M steps."""
        like = Gaussian.estimate(part, block, r)
        covariance = like.spread.reshape(*like.mean.shape, len(part.columns))
        normal = Full(part.columns, "VVV", like.mean, like.origin, covariance)
        normal = normal.seeing(part.incomplete)
        found = cls(part.columns, normal, np.zeros_like(like.mean), options=part.options)
        found = found._leaning(block, r)
        n = r.sum(axis=-1)
        for _ in range(STEPS):
            found = found.maximise(n, found.statistics(block, r))
        return found

    def _leaning(self, block: Block, r: Array) -> Self:
        """The same mean and covariance, with the skewness of the rows."""
        n = r.sum(axis=-1, keepdims=True)
        far = r * (-2 * self.normal.log_density(block) - self.normal.log_volume(block))
        weight = far.sum(axis=-1)
        centre, _ = self.normal.moments(weight, self.normal.statistics(block, far))
        third = weight[..., None] / n * (centre - self.normal.mean)
        root, _ = self.normal.factors
        size = np.linalg.norm((root @ third[..., None])[..., 0], axis=-1, keepdims=True)
        # Without any skewness, the direction of the first axis.
        known = size > 0
        third = np.where(known, third / np.where(known, size, 1.0), np.linalg.inv(root)[..., 0])
        delta = third * length_of(size)
        psi = self.normal.covariance - (1 - HALF * HALF) * outer(delta)
        return self._with(self.normal.mean - HALF * delta, delta, psi)

    # Evaluation

    def _leans(self, block: Block) -> Array:
        """w (..., K, n)."""
        origin = self.normal.origin
        centre = (self.slope * (self.normal.mean - origin)).sum(axis=-1)
        found: Array = self.slope @ (block.values - origin[:, None]) - centre[..., None]
        return found

    def log_density(self, block: Block) -> Array:
        if isinstance(self.normal, Incomplete):
            _, each = leanings(self.normal, self.slope, self.s, block)
            w = np.reshape([own.w for own in each], (*self.s.shape, block.n))
        else:
            w = self._leans(block)
        found: Array = np.log(2) + self.normal.log_density(block) + log_ndtr(w)
        return found

    expectation = skew_conditional.expectation
    completed = skew_conditional.completed

    # The sums, of r: the normal's; of r |z|, the normal's first; of r, r |z| and r z^2; and what
    # the mirror image has more of r's log-likelihood.

    def statistics(self, block: Block, r: Array) -> Array:
        d = len(self.columns)
        if isinstance(self.normal, Incomplete):
            groups, each = leanings(self.normal, self.slope, self.s, block)
            w = np.reshape([own.w for own in each], r.shape)
            s = np.reshape([own.sd for own in each], r.shape)
        else:
            w, s = self._leans(block), self.s[..., None]
        mean = above(w)
        half, square = s * mean, s * s * (1 + w * mean)
        sums = self.normal.statistics(block, r)
        if isinstance(self.normal, Incomplete):
            sums, across = completed_sums(self.normal, groups, each, r, half, square, sums)
        else:
            across = self.normal.statistics(block, r * half)[..., :d]
        more = np.zeros_like(w)
        if (self._lean < SMALL).any():
            more = self._mirrored.log_density(block) - self.log_density(block)
        last = [(r * x).sum(axis=-1) for x in (np.ones_like(w), half, square, more)]
        return np.concatenate([sums, across, np.stack(last, axis=-1)], axis=-1)

    def _regression(self, t: Array) -> Regression:
        """What the sums say of x, given |z|."""
        d = len(self.columns)
        weight, first, second = np.moveaxis(t[..., -4:-1], -1, 0)
        mean, scatter = self.normal.moments(weight, t[..., : -4 - d])
        about = self.normal.about(weight, t[..., : -4 - d])
        across = t[..., -4 - d : -4] - first[..., None] * (mean - about)
        spread = second - first * first / weight
        delta = across / spread[..., None]
        rest = scatter - across[..., :, None] * delta[..., None, :]
        return Regression(weight, mean, first / weight, spread, delta, rest)

    def maximise(self, n: Array, t: Array) -> Self:
        found = self._regression(t)
        psi = self.normal.fitted(found.weight, found.mean, found.scatter).covariance
        delta, psi = found.shortened(psi)
        location = found.mean - found.half[..., None] * delta
        other = self._mirrored
        astray = ((self._lean < SMALL) & (t[..., -1] > 1e-10 * found.weight))[..., None]
        return self._with(
            np.where(astray, other.normal.mean, location), np.where(astray, other.delta, delta),
            np.where(astray[..., None], self.psi, psi),
        )  # fmt: skip

    @property
    def _lean(self) -> Array:
        """(..., K) roots of Delta' Psi^-1 Delta."""
        return np.sqrt(np.maximum(1 / (self.s * self.s) - 1, 0.0))

    @cached_property
    def _mirrored(self) -> Self:
        """The same means and covariances, leaning the other way."""
        mean = self.normal.mean + 2 * HALF * self.delta
        return replace(self, normal=replace(self.normal, mean=mean), skewness=-self.skewness)

    def q(self, n: Array, t: Array) -> float:
        found = self._regression(t)
        scatter = found.about(self.normal.mean, self.delta)
        constant = (self.normal.log_variances + LOG_2PI).sum(axis=-1) + 2 * np.log(self.s)
        return float(-0.5 * (found.weight @ constant + (self.precision * scatter).sum()))

    def sample(self, rng: np.random.Generator, colours: Codes, given: Array | None) -> Array:
        z = np.abs(rng.standard_normal(len(colours)))
        e = rng.standard_normal((len(colours), len(self.columns)))
        e = np.einsum("nij,nj->ni", np.linalg.cholesky(self.psi)[colours], e)
        return (self.normal.mean[colours] + self.delta[colours] * z[:, None] + e).T

    def boundary(self, component: int) -> list[str]:
        longest = self._lean[component] > (1 - 1e-9) * MOST
        return [f"skewness is at its limit of {MOST:g}"] if longest else []

    def to_dict(self, component: int) -> dict[str, Any]:
        omega = self.normal.covariance[component]
        return {
            "location": self.normal.mean[component].tolist(),
            "scale": (np.sqrt(omega[0]) if len(omega) == 1 else omega).tolist(),
            "skewness": self.skewness[component].tolist(),
        }

    @classmethod
    def from_dict(cls, part: Part, found: Sequence[Mapping[str, Any]]) -> Self:
        d = len(part.columns)
        location, skewness = (array_from(found, key, d) for key in ("location", "skewness"))
        if d == 1:
            omega = array_from(found, "scale", 1, low=0.0)[..., None] ** 2
        else:
            omega = np.array([entry["scale"] for entry in found], float)
        if omega.shape != (len(found), d, d):
            raise ValueError(f"'scale' must be a {d} x {d} matrix")
        normal = Full(part.columns, "VVV", location, location.mean(axis=0), omega)
        try:
            normal.factors  # noqa: B018
        except DegenerateError as error:
            raise ValueError("'scale' is not positive definite") from error
        return cls(part.columns, normal.seeing(part.incomplete), skewness, options=part.options)
