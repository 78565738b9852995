"""Any number of levels a column: independent categorical columns (latent class analysis).

log p_k(x) = sum_j log p_kj[x_j], x_j the code of a level of column j. Parameter: probabilities,
one array (K, levels of j) a column. M step: the weighted shares (Goodman 1974).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Self

import numpy as np

from emcli.families.base import Part
from emcli.families.block import Block
from emcli.families.completing import most_probable
from emcli.families.exponential import ExponentialFamily
from emcli.families.helpers import limits, refuse_unseen
from emcli.frozen import immutable
from emcli.numerics import Array, Codes, Mask, flat, safe_log


@immutable
class Categorical(ExponentialFamily):
    probabilities: tuple[Array, ...]
    levels: tuple[tuple[Any, ...], ...]

    name: ClassVar = "categorical"
    summary: ClassVar = "columns of several levels (latent classes)"
    density: ClassVar = "p[x], the probabilities of a column's levels summing to one"
    parameters: ClassVar = "levels; probabilities, one for each level of each column"
    support: ClassVar = "levels: text or whole numbers"
    m_step: ClassVar = "analytic: the weighted shares"
    source: ClassVar = "Goodman (1974)"
    example: ClassVar = "emcli fit sample_data/penguins.csv -m 'categorical(island, sex)' -k 1-4"
    kind: ClassVar = "category"
    continuous: ClassVar = False
    arrays: ClassVar = ("probabilities",)

    @staticmethod
    def inside(values: Array) -> Mask:
        return values >= 0

    @property
    def k(self) -> int:
        return self.probabilities[0].shape[-2]

    @property
    def free(self) -> int:
        return self.k * (self.width - len(self.columns))

    @property
    def width(self) -> int:  # type: ignore[override]
        return sum(len(levels) for levels in self.levels)

    @classmethod
    def estimate(cls, part: Part, block: Block, r: Array) -> Self:
        levels = tuple(found or () for found in part.levels)
        lead = r.shape[:-1]
        even = tuple(np.full((*lead, len(found)), 1 / len(found)) for found in levels)
        blank = cls(part.columns, even, levels)
        return blank.maximise(r.sum(axis=-1), blank.statistics(block, r))

    @classmethod
    def coordinates(cls, part: Part, block: Block) -> Array:
        """Indicators of the levels, scaled so that each column's variances add to one."""
        rows = []
        for values, levels in zip(block.values, part.levels, strict=True):
            on = (values == np.arange(len(levels or ()))[:, None]).astype(float)
            share = on.mean(axis=1, keepdims=True)
            total = float((share * (1 - share)).sum())
            rows.append(np.where(np.isnan(values), share, on) / np.sqrt(total or 1.0))
        return np.vstack(rows)

    def features(self, block: Block, out: Array) -> None:
        at = 0
        for values, levels in zip(block.values, self.levels, strict=True):
            for code in range(len(levels)):
                np.equal(values, code, out=out[at])
                at += 1

    def natural(self) -> Array:
        logs = [safe_log(p) for p in self.probabilities]
        return np.concatenate([np.zeros_like(logs[0][..., :1]), *logs], axis=-1)

    def maximise(self, n: Array, t: Array) -> Self:
        found = []
        for column, counts in zip(self.columns, self._split(t), strict=True):
            total = counts.sum(axis=-1, keepdims=True)
            refuse_unseen(total, (column,), n)
            found.append(counts / total)
        return replace(self, probabilities=tuple(found))

    def _split(self, t: Array) -> list[Array]:
        """(..., K, width) columns, a piece for each column of the table."""
        return np.split(t, np.cumsum([len(levels) for levels in self.levels])[:-1], axis=-1)

    def to_vector(self, base: Self | None = None) -> Array:
        return flat(np.concatenate([safe_log(p) for p in self.probabilities], axis=-1))

    def from_vector(self, vector: Array) -> Self:
        pieces = self._split(vector.reshape(*vector.shape[:-1], self.k, self.width))
        raw = [np.exp(piece - piece.max(axis=-1, keepdims=True)) for piece in pieces]
        return replace(self, probabilities=tuple(p / p.sum(axis=-1, keepdims=True) for p in raw))

    def information(self, weights: Array, vector: Array) -> Array:
        return flat(weights[..., None] * np.concatenate(self.probabilities, axis=-1)) * vector

    def expectation(self, block: Block, r: Array) -> list[Array]:
        return [p.T @ r for p in self.probabilities]

    settled = staticmethod(most_probable)

    def sample(self, rng: np.random.Generator, colours: Codes, given: Array | None) -> Array:
        rows = []
        for p in self.probabilities:
            edges = np.cumsum(p, axis=1)[:, :-1][colours]
            rows.append((rng.random((len(colours), 1)) > edges).sum(axis=1).astype(float))
        return np.vstack(rows)

    def boundary(self, component: int) -> list[str]:
        found: list[str] = []
        for column, levels, p in zip(self.columns, self.levels, self.probabilities, strict=True):
            names = [f"{column}={level}" for level in levels]
            found += limits(p[component], names, "probability")
        return found

    def to_dict(self, component: int) -> dict[str, Any]:
        return {
            "levels": [list(levels) for levels in self.levels],
            "probabilities": [p[component].tolist() for p in self.probabilities],
        }

    @classmethod
    def from_dict(cls, part: Part, found: Sequence[Mapping[str, Any]]) -> Self:
        levels = tuple(tuple(some or ()) for some in part.levels)
        tables = []
        for j, some in enumerate(levels):
            p = np.array([entry["probabilities"][j] for entry in found], float)
            if p.shape != (len(found), len(some)) or not ((p >= 0) & (p <= 1)).all():
                raise ValueError(
                    f"'probabilities' of '{part.columns[j]}' must be {len(some)} numbers of 0 to 1"
                )
            if not np.allclose(p.sum(axis=1), 1, rtol=0, atol=1e-6):
                raise ValueError(f"'probabilities' of '{part.columns[j]}' do not add to one")
            tables.append(p)
        return cls(part.columns, tuple(tables), levels)
