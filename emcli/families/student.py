"""Heavy tails: the multivariate Student t with the Gaussian's fourteen structures.

log p_k(x) = log Gamma((nu + d)/2) - log Gamma(nu/2) - 1/2 [ d log(nu pi) + log|Sigma_k|
+ (nu + d) log(1 + delta/nu) ], delta = (x - mu_k)' Sigma_k^-1 (x - mu_k): normal given a scale
weight u ~ Gamma(nu/2, nu/2), with covariance Sigma/u. Parameters: mean mu (K, d); scale Sigma as
the Gaussian's covariance; degrees of freedom nu (K,), free, the same for all (`df=tied`) or given
(`df=4`). Infinite ones are the normal distribution.

M step: location and scale are the Gaussian's, each row counting E[u|x] = (nu + d)/(nu + delta)
times (Liu & Rubin 1995; Peel & McLachlan 2000). The degrees of freedom, left to EM on u, would
grow like the number of steps towards infinity, where fits of real data often end, and never leave
it. So theirs is a step of Fisher's scoring in s = log(1 + c/nu): with c^2 = d(d + 6)/2 a row's
information on s is between 0.5 and 1.06, whatever nu, and is taken to be one; and s = 0, infinitely
many, is a place like any other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field, replace
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np

from emcli.errors import UsageError
from emcli.families import conditional
from emcli.families.base import Family, Part
from emcli.families.block import Block
from emcli.families.gaussian import Diagonal, Gaussian, Normal, structure_of
from emcli.families.quadratic import LOG_2PI
from emcli.families.structures import AXIS_ALIGNED, STRUCTURES
from emcli.families.words import numbers
from emcli.frozen import immutable
from emcli.numerics import Array, Codes, Mask, log_gamma_rise, stirling

# What is fitted to colours begins with these degrees of freedom and takes a few M steps.
FIRST, STEPS = 10.0, 5
# More degrees of freedom than this are infinitely many.
MOST = 1e8
# No M step moves s by more.
REACH = 1.0


@immutable
class Student(Family):
    """gaussian: the normal distributions of the same location and scale; df: (..., K)."""

    gaussian: Normal
    df: Array
    incomplete: tuple[int, ...] = field(default=(), kw_only=True)

    name: ClassVar = "student"
    summary: ClassVar = "heavy tails: Student t, the same fourteen structures"
    density: ClassVar = "Γ((ν+d)/2) / (Γ(ν/2) |νπΣ|^½) (1 + (x-μ)'Σ⁻¹(x-μ)/ν)^(-(ν+d)/2)"
    parameters: ClassVar = (
        "mean μ; scale Σ (axis-aligned structures: its diagonal); df ν: one for each component, "
        "for all together (df=tied) or given (df=4); null is infinite: the normal distribution"
    )
    support: ClassVar = "finite numbers"
    m_step: ClassVar = "analytic given the scale weights; ν by a step of Fisher's scoring"
    source: ClassVar = "Liu & Rubin (1995); Peel & McLachlan (2000)"
    example: ClassVar = "emcli fit sample_data/newcomb.csv -m student -k 1-2"
    kind: ClassVar = "real"
    continuous: ClassVar = True
    bounded: ClassVar = False
    hidden: ClassVar = True
    variants: ClassVar = STRUCTURES
    takes: ClassVar = ("df",)
    holds: ClassVar = ("mean",)
    arrays: ClassVar = ("df",)

    variant = Gaussian.variant
    invariance = Gaussian.invariance
    coordinates = Gaussian.coordinates

    @classmethod
    def arguments(
        cls, values: Mapping[str, str], names: Sequence[str], find: Callable[[str], str]
    ) -> dict[str, Any]:
        return {
            name: _degrees(text) if name == "df" else numbers(name, text)
            for name, text in values.items()
        }

    @classmethod
    def title(cls, part: Part) -> str:
        return Gaussian.title(part).replace(Gaussian.name, cls.name)

    @property
    def label(self) -> str:
        return self.gaussian.label.replace(Gaussian.name, self.name)

    def seeing(self, incomplete: tuple[int, ...]) -> Self:
        return replace(self, gaussian=self.gaussian.seeing(incomplete), incomplete=incomplete)

    @property
    def k(self) -> int:
        return self.df.shape[-1]

    @property
    def tied(self) -> bool:
        """Have all components the same degrees of freedom, to be found?"""
        return self.options.get("df") == "tied"

    @property
    def held(self) -> bool:
        """Are they given?"""
        return "df" in self.options and not self.tied

    @property
    def exact(self) -> bool:  # type: ignore[override]
        return self.held

    @property
    def free(self) -> int:
        return self.gaussian.free + (0 if self.held else 1 if self.tied else self.k)

    @property
    def exempt(self) -> bool:
        return self.gaussian.exempt

    def narrowest(self, unit: Array) -> Array:
        return self.gaussian.narrowest(unit)

    @property
    def forms(self) -> Mask:
        return self.gaussian.forms

    def mapped(self, f: Callable[..., Array], *others: Self) -> Self:
        gaussian = self.gaussian.mapped(f, *(other.gaussian for other in others))
        return replace(self, gaussian=gaussian, df=f(self.df, *(other.df for other in others)))

    @classmethod
    def estimate(cls, part: Part, block: Block, r: Array) -> Self:
        n, df = r.sum(axis=-1), part.options.get("df", "tied")
        found = cls(
            part.columns, Gaussian.estimate(part, block, r),
            np.full(n.shape, FIRST if df == "tied" else df),
            options=part.options, incomplete=part.incomplete,
        )  # fmt: skip
        for _ in range(STEPS):
            found = found.maximise(n, found.statistics(block, r))
        return found

    # The degrees of freedom as s = log(1 + c/nu), which is zero where they are infinite.

    @property
    def _c(self) -> float:
        d = len(self.columns)
        return float(np.sqrt(d * (d + 6) / 2))

    @cached_property
    def _s(self) -> Array:
        return np.log1p(self._c / self.df)

    def _df(self, s: Array) -> Array:
        """The degrees of freedom of these s, or those given."""
        if self.held:
            return np.full_like(s, self.options["df"])
        df = self._c / np.maximum(np.expm1(s), 0.1 * self._c / MOST)
        return np.where(df > MOST, np.inf, df)

    # Evaluation: the Gaussian's log density tells the squared distances.

    def _distances(self, block: Block) -> tuple[Array, Array, Codes]:
        """Normal log densities and delta (..., K, n), and how many columns were observed, (n,) or
        (1,); the sums ask for them again."""
        return block.kept(("distances", self.columns), self, lambda: self._measured(block))

    def _measured(self, block: Block) -> tuple[Array, Array, Codes]:
        normal = self.gaussian.log_density(block)
        distance = np.maximum(-2 * normal - self.gaussian.log_volume(block), 0.0)
        if self.incomplete:
            return normal, distance, (~np.isnan(block.values)).sum(axis=0)
        return normal, distance, np.array([len(self.columns)])

    def _finite(self) -> tuple[Mask, Array]:
        """(..., K, 1) which degrees of freedom are finite, and they, with 1 for the others."""
        finite = np.isfinite(self.df)[..., None]
        return finite, np.where(finite, self.df[..., None], 1.0)

    def _by_count(self, f: Callable[[Array], Array], d: Codes) -> Array:
        """f of how many columns were observed (..., K, n): it takes few values, and may be dear."""
        return np.take(f(np.arange(len(self.columns) + 1.0)), d, axis=-1)

    def log_density(self, block: Block) -> Array:
        normal, distance, d = self._distances(block)
        finite, df = self._finite()
        tail = self._by_count(lambda d: log_gamma_rise(df / 2, d / 2), d)
        tail = tail - (df + d) / 2 * np.log1p(distance / df) + distance / 2
        found: Array = normal + np.where(finite, tail, 0.0)
        return found

    # The sums, of r: the Gaussian's times u = E[u|x]; u; the slope in s; s; one; and, by column,
    # what u lacks of one. Rows without any value are left out.

    @property
    def _by_cell(self) -> bool:
        """Are missing cells left out of the Gaussian's sums, too?"""
        return bool(self.incomplete) and isinstance(self.gaussian, Diagonal)

    def statistics(self, block: Block, r: Array) -> Array:
        _, distance, d = self._distances(block)
        finite, df = self._finite()
        r = r * (d > 0)
        lack = (distance - d) / (df + distance)  # 1 - u
        _, half, _ = stirling(df / 2)
        slope = self._by_count(lambda d: stirling((df + d) / 2)[1] - half + np.log1p(d / df), d)
        slope = -df * (df + self._c) / (2 * self._c) * (slope - np.log1p(distance / df) + lack)
        # And its limit.
        slope = np.where(finite, slope, ((distance - d) ** 2 - 2 * d) / (4 * self._c))
        lack = r * np.where(finite, lack, 0.0)
        count, scaled = r.sum(axis=-1), r - lack
        each = [scaled.sum(axis=-1), (r * slope).sum(axis=-1), count * self._s, count]
        if self._by_cell:
            by_column = lack @ (~np.isnan(block.values)).T
        else:
            by_column = np.repeat(lack.sum(axis=-1)[..., None], len(self.columns), axis=-1)
        sums = self.gaussian.sums(block, scaled, r)
        return np.concatenate([sums, np.stack(each, axis=-1), by_column], axis=-1)

    def _sums(self, t: Array) -> tuple[Array, Array, Array, Array, Array, Array]:
        """The Gaussian's sums (..., K, *); u, slope, s and one (..., K); lacks (..., K, d)."""
        d = len(self.columns)
        scaled, slope, s, count = np.moveaxis(t[..., -4 - d : -d], -1, 0)
        return t[..., : -4 - d], scaled, slope, s, count, t[..., -d:]

    def maximise(self, n: Array, t: Array) -> Self:
        sums, scaled, slope, s, count, lack = self._sums(t)
        mean, scatter = self.gaussian.moments(scaled, sums)
        if isinstance(self.gaussian, Diagonal) and self.incomplete:
            # E[u (x - mu)^2] of an unobserved cell is the current scale, whatever u.
            seen = self.gaussian.observed(scaled, sums) + lack
            scatter += (count[..., None] - seen) * self.gaussian.variance
        gaussian = self.gaussian.fitted(count, mean, scatter)
        if self.tied:
            slope, s, count = (np.repeat(x.sum(axis=-1, keepdims=True), self.k, axis=-1)
                               for x in (slope, s, count))
        step = np.clip(slope / count, -REACH, REACH)
        df = self._df(np.maximum(s / count + step, 0.0))
        return replace(self, gaussian=gaussian, df=df)

    def q(self, n: Array, t: Array) -> float:
        """Of location and scale, over u too; of s, to second order."""
        sums, scaled, slope, s, count, lack = self._sums(t)
        away = self._s - s / count
        constant = (lack * (self.gaussian.log_variances + LOG_2PI)).sum()
        of_s = ((slope - count * away / 2) * away).sum()
        return self.gaussian.q(scaled, sums) - 0.5 * float(constant) + float(of_s)

    # The chart: the Gaussian's, then s.

    def to_vector(self, base: Self | None = None) -> Array:
        normal = self.gaussian.to_vector(None if base is None else base.gaussian)
        return normal if self.held else np.concatenate([normal, self._s], axis=-1)

    def from_vector(self, vector: Array) -> Self:
        normal = self.gaussian.from_vector(vector[..., : self.gaussian.chart_size])
        s = vector[..., self.gaussian.chart_size :]
        if not (s < 100).all():
            raise ValueError("degrees of freedom out of range")
        return replace(self, gaussian=normal, df=self.df if self.held else self._df(s))

    @property
    def chart_size(self) -> int:
        return self.gaussian.chart_size + (0 if self.held else self.k)

    def information(self, weights: Array, vector: Array) -> Array:
        size = self.gaussian.chart_size
        normal = self.gaussian.information(weights, vector[..., :size])
        of_s = np.repeat(weights, 0 if self.held else 1, axis=-1) * vector[..., size:]
        return np.concatenate([normal, of_s], axis=-1)

    def expectation(self, block: Block, r: Array) -> list[Array]:
        """About the location, where there is no expectation (df of one and less)."""
        return self.gaussian.expectation(block, r)

    def completed(self, rng: np.random.Generator, colours: Codes, block: Block) -> Array:
        normal = self.gaussian
        return conditional.drawn(
            rng, block.values, colours, normal.mean, normal.precision, self.df
        )

    def sample(self, rng: np.random.Generator, colours: Codes, given: Array | None) -> Array:
        centre = self.gaussian.mean[colours].T
        df = np.minimum(self.df[colours], 2 * MOST)
        u = np.where(df > MOST, 1.0, rng.gamma(df / 2) / (df / 2))
        return centre + (self.gaussian.sample(rng, colours, given) - centre) / np.sqrt(u)

    def boundary(self, component: int) -> list[str]:
        return ["df is infinite"] if np.isinf(self.df[component]) else []

    def to_dict(self, component: int) -> dict[str, Any]:
        df = float(self.df[component])
        return {
            "mean": self.gaussian.mean[component].tolist(),
            "scale": self.gaussian.spread[component].tolist(),
            "df": None if np.isinf(df) else df,
        }

    @classmethod
    def from_dict(cls, part: Part, found: Sequence[Mapping[str, Any]]) -> Self:
        df = np.array([np.inf if entry["df"] is None else entry["df"] for entry in found], float)
        asked = part.options.get("df")
        if df.shape != (len(found),) or not (df > 0).all():
            raise ValueError("'df' must be a number above 0, or null")
        if asked and (df != (df[0] if asked == "tied" else asked)).any():
            raise ValueError("'df' is not what the model says")
        key = "variance" if structure_of(part.variant, len(part.columns)) in AXIS_ALIGNED \
            else "covariance"
        entries = [{"mean": entry["mean"], key: entry["scale"]} for entry in found]
        try:
            gaussian = Gaussian.from_dict(part, entries)
        except ValueError as error:
            raise ValueError(str(error).replace(key, "scale")) from None
        return cls(part.columns, gaussian, df, options=part.options, incomplete=part.incomplete)


def _degrees(text: str) -> str | float:
    """`tied`, or a number of degrees of freedom."""
    if text == "tied":
        return text
    try:
        df = float(text)
    except ValueError:
        df = np.nan
    if not 0 < df < np.inf:
        raise UsageError(f"df={text} is no number above 0", "type df=4, say, or df=tied")
    return df
