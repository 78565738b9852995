"""Many columns with few causes: mixtures of factor analysers.

log p_k(x) is the normal's with Sigma_k = Lambda_k Lambda_k' + Psi_k: rows of a component share q
hidden factors, x = mu + Lambda f + e with f ~ N(0, I), e ~ N(0, Psi), Psi diagonal; real x.
Parameters: mean mu (K, d), loadings Lambda (K, d, q), uniquenesses Psi (K, d), from nought.
Loadings are turned so that Lambda' Psi^-1 Lambda is diagonal, decreasing, and the first entry of
each factor above nought. M step: the mean is the weighted one, the rest is in `factoring`; the
factors are integrated out, which takes fewer steps than EM over them too (Zhao & Yu 2008). The
density and the sums are those of `gaussian.Full`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field, replace
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np

from emcli.errors import DegenerateError, UsageError
from emcli.families import factoring
from emcli.families.base import Part
from emcli.families.block import Block
from emcli.families.exponential import ExponentialFamily
from emcli.families.gaussian import Full, Gaussian
from emcli.families.helpers import array_from
from emcli.frozen import immutable
from emcli.numerics import Array, Codes, Mask, flat

# Factors that can be asked for.
_MOST = 1000
# EM steps of a start on its missing cells, its colours held.
STEPS = 5


@immutable
class Factor(ExponentialFamily):
    mean: Array
    loadings: Array
    uniquenesses: Array
    origin: Array  # as in `gaussian`
    incomplete: tuple[int, ...] = field(default=(), kw_only=True)

    name: ClassVar = "factor"
    summary: ClassVar = "many columns with few hidden causes (factor analysers)"
    density: ClassVar = "|2πΣ|^(-1/2) exp(-(x-μ)'Σ⁻¹(x-μ)/2), Σ = ΛΛ' + Ψ, Λ of q columns"
    parameters: ClassVar = "mean μ; loadings Λ, q for each column; uniquenesses Ψ, one a column"
    support: ClassVar = "finite numbers"
    m_step: ClassVar = "loadings analytic; uniquenesses by an inner iteration"
    source: ClassVar = "Ghahramani & Hinton (1996); McLachlan & Peel (2000)"
    example: ClassVar = "emcli fit sample_data/iris.csv -m 'factor(q=1)' -k 1-4 -x species"
    kind: ClassVar = "real"
    continuous: ClassVar = True
    bounded: ClassVar = False
    takes: ClassVar = ("q",)
    holds: ClassVar = ("mean",)
    arrays: ClassVar = ("mean", "loadings", "uniquenesses")

    @classmethod
    def arguments(
        cls, values: Mapping[str, str], names: Sequence[str], find: Callable[[str], str]
    ) -> dict[str, Any]:
        """q, one factor where nothing is said of it, and what is held."""
        rest = {name: text for name, text in values.items() if name != "q"}
        return {"q": _factors(values.get("q", "1")), **super().arguments(rest, names, find)}

    @classmethod
    def expanded(cls, values: Mapping[str, str]) -> list[dict[str, str]]:
        """A model for each number of factors: q=1-4."""
        first, dash, last = values.get("q", "1").partition("-")
        if not dash:
            return [dict(values)]
        numbers = range(_factors(first), _factors(last) + 1)
        if not numbers:
            raise UsageError(f"q={first}-{last} runs backwards", f"type q={last}-{first}")
        return [{**values, "q": str(q)} for q in numbers]

    @classmethod
    def refuse(cls, part: Part) -> None:
        super().refuse(part)
        d, q = len(part.columns), part.options["q"]
        # As many covariances as there are parameters, or more (Ledermann 1937).
        most = max((q for q in range(1, d) if (d - q) ** 2 >= d + q), default=0)
        if not most:
            raise UsageError(
                f"factor takes 3 columns or more, not {d}", "take gaussian:VVV for few columns"
            )
        if q > most:
            raise UsageError(
                f"{d} columns cannot tell {q} factors apart", f"type factor(q={most}), or fewer"
            )

    @classmethod
    def invariance(cls, variant: str | None) -> str:
        return "columns"

    @classmethod
    def apart(cls, variant: str | None) -> bool:
        return False

    def seeing(self, incomplete: tuple[int, ...]) -> Self:
        return self if incomplete == self.incomplete else replace(self, incomplete=incomplete)

    @property
    def free(self) -> int:
        d, q = self.loadings.shape[-2:]
        means = 0 if "mean" in self.options else d
        return self.k * (means + d * q + d - q * (q - 1) // 2)

    @classmethod
    def estimate(cls, part: Part, block: Block, r: Array) -> Self:
        n, blank = r.sum(axis=-1), Gaussian.blank(part, block, r)
        none = np.zeros((*blank.mean.shape, part.options["q"]))
        new = cls(
            part.columns, blank.mean, none, none[..., 0], blank.origin, options=part.options,
            incomplete=part.incomplete,
        )  # fmt: skip
        if not part.incomplete:
            return new._fitted(n, *blank.moments(n, blank.statistics(block, r)))
        apart = Gaussian.estimate(replace(part, variant="VVI"), block, r)
        found = replace(new, mean=apart.mean, uniquenesses=apart.variances)
        for _ in range(STEPS):
            found = new._fitted(n, *found.normal.moments(n, found.statistics(block, r)))
        return found

    @classmethod
    def coordinates(cls, part: Part, block: Block) -> Array:
        """In units of the columns' standard deviations."""
        return Gaussian.coordinates(replace(part, variant="VVI"), block)

    # Evaluation and sums: the normal's

    @cached_property
    def covariance(self) -> Array:
        """(..., K, d, d)."""
        found: Array = self.loadings @ self.loadings.swapaxes(-2, -1)
        found += self.uniquenesses[..., None] * np.eye(len(self.columns))
        return found

    @cached_property
    def normal(self) -> Full:
        """The same distributions as normals of any covariance."""
        full = Full(
            self.columns, "VVV", self.mean, self.origin, self.covariance, options=self.options
        )
        return full.seeing(self.incomplete)

    @property
    def width(self) -> int:  # type: ignore[override]
        return self.normal.width

    @property
    def forms(self) -> Mask:
        return self.normal.forms

    @property
    def linear(self) -> bool:
        return self.normal.linear

    def quicker_alone(self, components: int) -> bool:
        return self.normal.quicker_alone(components)

    @property
    def working(self) -> int:
        return self.normal.working

    def narrowest(self, unit: Array) -> Array:
        return self.normal.narrowest(unit)

    def features(self, block: Block, out: Array) -> None:
        self.normal.features(block, out)

    def natural(self) -> Array:
        return self.normal.natural()

    def log_density(self, block: Block) -> Array:
        return self.normal.log_density(block)

    def statistics(self, block: Block, r: Array) -> Array:
        return self.normal.statistics(block, r)

    def q(self, n: Array, t: Array) -> float:
        return self.normal.q(n, t)

    def surplus(self, here: Self, block: Block, r: Array) -> float:
        return self.normal.surplus(here.normal, block, r)

    def expectation(self, block: Block, r: Array) -> list[Array]:
        return self.normal.expectation(block, r)

    def completed(self, rng: np.random.Generator, colours: Codes, block: Block) -> Array:
        return self.normal.completed(rng, colours, block)

    def maximise(self, n: Array, t: Array) -> Self:
        return self._fitted(n, *self.normal.moments(n, t))

    def _fitted(self, n: Array, mean: Array, scatter: Array) -> Self:
        """The family with these means that suits scatter matrices about them best."""
        *lead, k, d, q = self.loadings.shape
        sd = np.sqrt(np.einsum("...ii->...i", scatter) / n[..., None])
        self._refuse(~((sd > 0) & (sd < np.inf)), "has no variance")
        s = (scatter / n[..., None, None] / sd[..., None] / sd[..., None, :]).reshape(-1, d, d)
        now = (self.uniquenesses / (sd * sd)).reshape(-1, d)
        turned, psi = factoring.loadings(s, now if now.all() else None, q)
        self._refuse(
            factoring.bare(turned, psi).reshape(*lead, k, d), "is singular: it follows from others"
        )
        return replace(
            self, mean=mean, loadings=turned.reshape(*lead, k, d, q) * sd[..., None],
            uniquenesses=psi.reshape(*lead, k, d) * sd * sd,
        )

    def _refuse(self, bad: Mask, why: str) -> None:
        """Raise `DegenerateError` about the first column (..., K, d) of which this is true."""
        if bad.any():
            *_, k, j = np.argwhere(bad)[0]
            raise DegenerateError(f"'{self.columns[j]}' {why} in component {k + 1}", int(k))

    # The chart: means and loadings in standard deviations, logarithms of the uniquenesses

    @cached_property
    def _sd(self) -> Array:
        return np.sqrt(np.einsum("...ii->...i", self.covariance))

    @property
    def chart_size(self) -> int:
        k, d, q = self.loadings.shape[-3:]
        return k * d * (q + 2)

    def to_vector(self, base: Self | None = None) -> Array:
        """The loadings are turned towards those of the base."""
        base = base or self
        turned = self.loadings / base._sd[..., None]
        if base is not self:
            like = turned.swapaxes(-2, -1) @ (base.loadings / base._sd[..., None])
            left, _, right = np.linalg.svd(like)
            turned = turned @ (left @ right)
        mean = (self.mean - base.mean) / base._sd
        with np.errstate(divide="ignore"):
            pieces = [flat(mean), flat(flat(turned)), flat(np.log(self.uniquenesses))]
        return np.concatenate(pieces, axis=-1)

    def from_vector(self, vector: Array) -> Self:
        if not np.isfinite(vector).all():
            raise ValueError("coordinates that are not finite")
        mean, turned, logs = self._split(vector)
        if not (np.abs(logs) < 700).all():
            raise ValueError("uniquenesses out of range")
        psi = np.exp(logs)
        return replace(
            self, mean=self.keep("mean", self.mean + mean * self._sd),
            loadings=factoring.canonical(turned * self._sd[..., None], psi), uniquenesses=psi,
        )

    def _split(self, vector: Array) -> tuple[Array, Array, Array]:
        """Vectors of the chart as (..., K, d), (..., K, d, q), (..., K, d)."""
        k, d, q = self.loadings.shape[-3:]
        mean, turned, logs = np.split(vector, [k * d, k * d * (q + 1)], axis=-1)
        lead = vector.shape[:-1]
        return (
            mean.reshape(*lead, k, d), turned.reshape(*lead, k, d, q), logs.reshape(*lead, k, d)
        )

    def information(self, weights: Array, vector: Array) -> Array:
        """Half of tr(P dSigma P dSigma), P the precision, as a function of the coordinates."""
        mean, turned, logs = self._split(vector)
        precision, sd = self.normal.precision, self._sd
        away = (sd[..., None] * turned) @ self.loadings.swapaxes(-2, -1)
        away = away + away.swapaxes(-2, -1)
        away += (self.uniquenesses * logs)[..., None] * np.eye(len(self.columns))
        pulled = precision @ away @ precision
        share = weights[..., None]
        means = share * sd * (precision @ (sd * mean)[..., None])[..., 0]
        factors = (share * sd)[..., None] * (pulled @ self.loadings)
        rest = share * self.uniquenesses * np.einsum("...ii->...i", pulled) / 2
        return np.concatenate([flat(means), flat(flat(factors)), flat(rest)], axis=-1)

    def sample(self, rng: np.random.Generator, colours: Codes, given: Array | None) -> Array:
        hidden = rng.standard_normal((len(colours), self.loadings.shape[-1]))
        own = rng.standard_normal((len(colours), len(self.columns)))
        common = np.einsum("ndq,nq->nd", self.loadings[colours], hidden)
        return (self.mean[colours] + common + np.sqrt(self.uniquenesses)[colours] * own).T

    # The parameters file

    def boundary(self, component: int) -> list[str]:
        """Heywood's cases, and factors that explain nothing."""
        share = self.uniquenesses[component] / self._sd[component] ** 2
        found = [
            f"uniqueness of '{name}' is 0"
            for name, value in zip(self.columns, share, strict=True) if value < 1e-9
        ]
        explained = (self.loadings[component] / self._sd[component, :, None]) ** 2
        return found + [
            f"loadings of factor {j + 1} are 0"
            for j, size in enumerate(explained.max(axis=0)) if size < 1e-9
        ]

    def to_dict(self, component: int) -> dict[str, Any]:
        return {name: getattr(self, name)[component].tolist() for name in self.arrays}

    @classmethod
    def from_dict(cls, part: Part, found: Sequence[Mapping[str, Any]]) -> Self:
        d, q = len(part.columns), part.options["q"]
        mean = array_from(found, "mean", d)
        psi = array_from(found, "uniquenesses", d, low=0.0)
        loadings = np.array([entry["loadings"] for entry in found], float)
        if loadings.shape != (len(found), d, q):
            raise ValueError(f"'loadings' must be {d} rows of {q} numbers")
        family = cls(part.columns, mean, loadings, psi, mean.mean(axis=0), options=part.options)
        try:
            family.normal.factors  # noqa: B018
        except DegenerateError as error:
            raise ValueError("'loadings' and 'uniquenesses' make no covariance matrix") from error
        return family


def _factors(text: str) -> int:
    """A number of factors, from 1."""
    if not (text.isascii() and text.isdigit() and 0 < int(text) <= _MOST):
        raise UsageError(
            f"'{text}' is not a number of factors", "type factor(q=2), or factor(q=1-4) to compare"
        )
    return int(text)
