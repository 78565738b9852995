"""Failures before the first success: independent geometric columns.

log p_k(x) = sum_j [ log p_kj + x_j log(1 - p_kj) ], x whole numbers from 0. Parameter: probability
p (K, d) of a success, above 0. M step: one over one more than the weighted mean.
"""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar, Self

import numpy as np

from emcli.families.base import Part
from emcli.families.block import Block
from emcli.families.exponential import Separable, fill_missing
from emcli.families.helpers import imputed, whole_numbers
from emcli.families.independent import OneProbability
from emcli.frozen import immutable
from emcli.numerics import LOG_ZERO, Array, Codes, flat


@immutable
class Geometric(OneProbability, Separable):
    name: ClassVar = "geometric"
    summary: ClassVar = "failures before the first success"
    density: ClassVar = "p (1-p)ˣ"
    parameters: ClassVar = "probability p of a success, one a column"
    support: ClassVar = "whole numbers from 0"
    m_step: ClassVar = "analytic: 1 / (1 + the weighted mean)"
    source: ClassVar = "Johnson, Kemp & Kotz (2005)"
    example: ClassVar = (
        "emcli fit sample_data/death_notices.csv -m geometric -k 1-2 --weight frequency"
    )
    kind: ClassVar = "count"
    continuous: ClassVar = False
    closed: ClassVar = False

    inside = staticmethod(whole_numbers)

    @classmethod
    def coordinates(cls, part: Part, block: Block) -> Array:
        """2 arsinh sqrt(x), whose variance within a component is about one."""
        return 2 * np.arcsinh(np.sqrt(imputed(block)))

    def column_features(self, values: Array, out: Array) -> None:
        fill_missing(values, out)

    def column_natural(self) -> tuple[Array, Array]:
        return self._log_failure, np.log(self.probability)

    @property
    def _log_failure(self) -> Array:
        with np.errstate(divide="ignore"):
            return np.maximum(np.log1p(-self.probability), LOG_ZERO)

    def maximise(self, n: Array, t: Array) -> Self:
        observed = self.observed(n, t)
        found = observed / (observed + t[..., : len(self.columns)])
        return replace(self, probability=self.keep("probability", found))

    def to_vector(self, base: Self | None = None) -> Array:
        return flat(np.log(self.probability) - self._log_failure)

    def information(self, weights: Array, vector: Array) -> Array:
        return flat(weights[..., None] * (1 - self.probability)) * vector

    @property
    def means(self) -> Array:
        return (1 - self.probability) / self.probability

    def sample(self, rng: np.random.Generator, colours: Codes, given: Array | None) -> Array:
        return (rng.geometric(self.probability[colours]) - 1).T.astype(float)
