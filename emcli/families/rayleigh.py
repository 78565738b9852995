"""Lengths of two-dimensional errors: independent Rayleigh columns.

log p_k(x) = sum_j [ log x_j - 2 log sigma_kj - x_j^2 / (2 sigma_kj^2) ], x above 0.
Parameter: scale sigma (K, d), above 0. M step: the root of half the weighted mean square.
"""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar, Self

import numpy as np

from emcli.families.exponential import Separable, fill_missing
from emcli.families.positive import LEAST, LogPower, Positive
from emcli.frozen import immutable
from emcli.numerics import Array, Codes, flat


@immutable
class Rayleigh(Positive, Separable):
    scale: Array

    name: ClassVar = "rayleigh"
    summary: ClassVar = "lengths of two-dimensional errors"
    density: ClassVar = "x/σ² exp(-x²/(2σ²))"
    parameters: ClassVar = "scale σ, one a column"
    m_step: ClassVar = "analytic: the root of half the weighted mean square"
    source: ClassVar = "Rayleigh (1880)"
    example: ClassVar = "emcli fit sample_data/faithful.csv -m 'rayleigh(eruptions)' -k 1-3"
    bounded: ClassVar = True  # at any x above 0 the density has a largest value over σ
    holds: ClassVar = ("scale",)
    arrays: ClassVar = ("scale",)

    @property
    def sd(self) -> Array:
        return self.scale * np.sqrt(2 - np.pi / 2)

    def base(self) -> LogPower:
        return LogPower(self.inputs, 1.0)

    def column_features(self, values: Array, out: Array) -> None:
        fill_missing(values, out)
        np.square(out, out=out)

    def column_natural(self) -> tuple[Array, Array]:
        return -0.5 / np.square(self.scale), -2 * np.log(self.scale)

    def maximise(self, n: Array, t: Array) -> Self:
        square = t[..., : len(self.columns)] / self.observed(n, t)
        return replace(self, scale=self.keep("scale", np.sqrt(square / 2)))

    def to_vector(self, base: Self | None = None) -> Array:
        return flat(np.log(self.scale))

    def from_vector(self, vector: Array) -> Self:
        return replace(self, scale=self.keep("scale", np.exp(vector).reshape(self.scale.shape)))

    def information(self, weights: Array, vector: Array) -> Array:
        return 4 * super().information(weights, vector)

    @property
    def means(self) -> Array:
        return self.scale * np.sqrt(np.pi / 2)

    def sample(self, rng: np.random.Generator, colours: Codes, given: Array | None) -> Array:
        return np.maximum(rng.rayleigh(self.scale[colours]), LEAST).T
