"""Counts of categories: the columns of a block count the outcomes of one row's trials.

log p_k(x) = sum_j x_j log p_kj + log(m! / prod_j x_j!), x_j whole numbers from 0, the trials
m = sum_j x_j given. Parameter: probabilities (K, d), one a column, adding to one. M step: the
weighted shares. A row without a trial says nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Self

import numpy as np

from emcli.errors import UsageError
from emcli.families.base import Part
from emcli.families.block import Block
from emcli.families.exponential import ExponentialFamily
from emcli.families.helpers import array_from, limits, whole_numbers
from emcli.families.undivided import Undivided
from emcli.frozen import frozen, immutable
from emcli.numerics import Array, Codes, flat, log_factorial, safe_log


@frozen
class LogMultinomial:
    """h(x) of a multinomial block: log(m! / prod_j x_j!)."""

    inputs: tuple[str, ...]

    def __call__(self, values: Array) -> Array:
        found: Array = log_factorial(values.sum(axis=0)) - log_factorial(values).sum(axis=0)
        return found


@immutable
class Multinomial(Undivided, ExponentialFamily):
    probabilities: Array
    trials: Array  # (..., K) mean trials of the rows last summed: for `information` alone

    name: ClassVar = "multinomial"
    summary: ClassVar = "counts of the categories of a row's trials"
    density: ClassVar = "m! ∏ pⱼ^xⱼ / xⱼ!, m = Σ xⱼ given"
    parameters: ClassVar = "probabilities p, one a column, adding to one"
    support: ClassVar = "whole numbers from 0"
    m_step: ClassVar = "analytic: the weighted shares"
    source: ClassVar = "Johnson, Kotz & Balakrishnan (1997)"
    example: ClassVar = "emcli fit sample_data/hair_eye.csv -m 'multinomial(brown..green)' -k 1-3"
    kind: ClassVar = "count"
    continuous: ClassVar = False
    measure: ClassVar = "given totals"
    arrays: ClassVar = ("probabilities", "trials")

    inside = staticmethod(whole_numbers)

    @property
    def free(self) -> int:
        return self.k * (len(self.columns) - 1)

    @classmethod
    def refuse(cls, part: Part) -> None:
        if len(part.columns) < 2:
            raise UsageError(
                "multinomial needs two columns at least: their counts add up to a row's trials",
                "for successes in a column of trials type binomial(heads, trials=COLUMN)",
            )

    @property
    def given(self) -> tuple[str, ...]:
        return self.columns

    @property
    def width(self) -> int:  # type: ignore[override]
        return len(self.columns)

    @classmethod
    def estimate(cls, part: Part, block: Block, r: Array) -> Self:
        d = len(part.columns)
        blank = cls(part.columns, np.full((*r.shape[:-1], d), 1 / d), np.ones(r.shape[:-1]))
        return blank.maximise(r.sum(axis=-1), blank.statistics(block, r))

    @classmethod
    def coordinates(cls, part: Part, block: Block) -> Array:
        """2 sqrt(x/m), whose distances hardly depend on p; those of all rows where m is zero."""
        m = block.values.sum(axis=0)
        weights = 1.0 if block.weights is None else block.weights
        overall = (block.values * weights).sum(axis=1, keepdims=True)
        some = np.where(m > 0, block.values, overall)
        return 2 * np.sqrt(some / np.maximum(some.sum(axis=0), 1e-300))

    def base(self) -> LogMultinomial:
        return LogMultinomial(self.inputs)

    def features(self, block: Block, out: Array) -> None:
        out[:] = block.values

    def natural(self) -> Array:
        logs = safe_log(self.probabilities)
        return np.concatenate([np.zeros_like(logs[..., :1]), logs], axis=-1)

    def maximise(self, n: Array, t: Array) -> Self:
        total = t.sum(axis=-1)
        # A component whose rows had no trial says nothing of p; it keeps the one it has.
        tried = total[..., None] > 0
        share = t / np.where(tried, total[..., None], 1.0)
        return replace(
            self, probabilities=np.where(tried, share, self.probabilities), trials=total / n
        )

    def to_vector(self, base: Self | None = None) -> Array:
        return flat(safe_log(self.probabilities))

    def from_vector(self, vector: Array) -> Self:
        logs = vector.reshape(self.probabilities.shape)
        raw = np.exp(logs - logs.max(axis=-1, keepdims=True))
        return replace(self, probabilities=raw / raw.sum(axis=-1, keepdims=True))

    @property
    def chart_size(self) -> int:
        return self.k * len(self.columns)

    def information(self, weights: Array, vector: Array) -> Array:
        return flat((weights * self.trials)[..., None] * self.probabilities) * vector

    def completed(self, rng: np.random.Generator, colours: Codes, block: Block) -> Array:
        """As they are: of a row without counts the trials are not known."""
        return block.values

    def sample(self, rng: np.random.Generator, colours: Codes, given: Array | None) -> Array:
        if given is None:
            raise UsageError(
                f"the totals of {', '.join(self.columns)} are not part of a multinomial model",
                "name a table whose rows have them by --given",
            )
        p = self.probabilities / self.probabilities.sum(axis=-1, keepdims=True)
        return rng.multinomial(given.sum(axis=0).astype(np.int64), p[colours]).T.astype(float)

    def boundary(self, component: int) -> list[str]:
        return limits(self.probabilities[component], self.columns, "probability")

    def to_dict(self, component: int) -> dict[str, Any]:
        return {"probabilities": self.probabilities[component].tolist()}

    @classmethod
    def from_dict(cls, part: Part, found: Sequence[Mapping[str, Any]]) -> Self:
        p = array_from(found, "probabilities", len(part.columns), low=0.0, high=1.0)
        if not np.allclose(p.sum(axis=1), 1, rtol=0, atol=1e-6):
            raise ValueError("'probabilities' do not add to one")
        return cls(part.columns, p, np.ones(len(p)))
