"""Two levels a column: independent Bernoulli columns (latent class analysis).

log p_k(x) = sum_j [ x_j log p_kj + (1 - x_j) log(1 - p_kj) ], x_j 0 for the first level of its
column and 1 for the second. Parameter: probability p (K, d) of the second level. M step: the
weighted share (Lazarsfeld & Henry 1968; Goodman 1974).
"""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar, Self

import numpy as np

from emcli.families.base import Part
from emcli.families.block import Block
from emcli.families.completing import most_probable
from emcli.families.exponential import Separable, fill_missing
from emcli.families.helpers import imputed
from emcli.families.independent import OneProbability
from emcli.frozen import immutable
from emcli.numerics import Array, Codes, Mask, flat, safe_log


@immutable
class Bernoulli(OneProbability, Separable):
    name: ClassVar = "bernoulli"
    summary: ClassVar = "columns of two levels (latent classes)"
    density: ClassVar = "pˣ (1-p)¹⁻ˣ"
    parameters: ClassVar = "probability p of the second level, one a column"
    support: ClassVar = "two levels: 0/1, 1/2, no/yes, ..."
    m_step: ClassVar = "analytic: the weighted share"
    source: ClassVar = "Lazarsfeld & Henry (1968); Goodman (1974)"
    example: ClassVar = "emcli fit sample_data/carcinoma.csv -m bernoulli -k 1-4"
    kind: ClassVar = "binary"
    continuous: ClassVar = False

    @staticmethod
    def inside(values: Array) -> Mask:
        return (values == 0) | (values == 1)

    @classmethod
    def coordinates(cls, part: Part, block: Block) -> Array:
        """The codes in units of their standard deviation."""
        x = imputed(block)
        scale = x.std(axis=1, keepdims=True)
        return x / np.where(scale > 0, scale, 1.0)

    def column_features(self, values: Array, out: Array) -> None:
        fill_missing(values, out)

    def column_natural(self) -> tuple[Array, Array]:
        no = safe_log(1 - self.probability)
        return safe_log(self.probability) - no, no

    def maximise(self, n: Array, t: Array) -> Self:
        share = t[..., : len(self.columns)] / self.observed(n, t)
        # Summed in another order than n, a share of one can come out an ulp above it.
        return replace(self, probability=self.keep("probability", np.minimum(share, 1.0)))

    def to_vector(self, base: Self | None = None) -> Array:
        return flat(self.column_natural()[0])

    def information(self, weights: Array, vector: Array) -> Array:
        p = self.probability
        return flat(weights[..., None] * p * (1 - p)) * vector

    def expectation(self, block: Block, r: Array) -> list[Array]:
        p = self.probability
        return [np.vstack(shares) for shares in zip((1 - p).T @ r, p.T @ r, strict=True)]

    settled = staticmethod(most_probable)

    def sample(self, rng: np.random.Generator, colours: Codes, given: Array | None) -> Array:
        p = self.probability[colours]
        return (rng.random(p.shape) < p).T.astype(float)
