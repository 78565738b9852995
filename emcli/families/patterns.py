"""Gaussians of rows with missing cells, by pattern of what is there (Little & Rubin 2019, ch. 11).

With the precision P = Sigma^-1 and z = x - mu, the missing part of a row has, given the rest, the
mean C (-P_mo z_o) and the covariance C = P_mm^-1. Completed by that mean, a row has the quadratic
form of what was observed, and log|Sigma_oo| = log|Sigma| + log|P_mm|: so a block is completed once
a component, and all the rest is as it would be without missing cells, plus the sum of r C
(Ghahramani & Jordan 1994). Rows are taken together by the number of their missing cells, matrices
made once a pattern; there is no loop over either.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, NamedTuple, Self

import numpy as np

from emcli.families.base import Part
from emcli.families.block import Block
from emcli.families.exponential import refuse_unseen
from emcli.families.gaussian import Full
from emcli.families.quadratic import LOG_2PI
from emcli.numerics import Array, Codes, Mask, triangle

_BITS = 62  # of a pattern's code


class Alike(NamedTuple):
    """Rows with equally many missing cells.

    rows: (n,) their numbers; missing: (n, m) positions of their missing cells; patterns: (P, m)
    those that occur; of: (n,) each row's among them.
    """

    rows: Codes
    missing: Codes
    patterns: Codes
    of: Codes


def alike(values: Array) -> list[Alike]:
    """The rows of a block (d, n) that have missing cells."""
    holes: Mask = np.isnan(values)
    counts = holes.sum(axis=0)
    found = []
    for m in range(1, len(values) + 1):
        rows = np.flatnonzero(counts == m)
        if len(rows):
            missing = np.nonzero(holes[:, rows].T)[1].reshape(-1, m)
            patterns, of = _distinct(missing, len(values))
            found.append(Alike(rows, missing, patterns, of))
    return found


def _distinct(missing: Codes, d: int) -> tuple[Codes, Codes]:
    """The patterns that occur (P, m), and each row's among them (n,)."""
    if d > _BITS:
        patterns, of = np.unique(missing, axis=0, return_inverse=True)
        return patterns, of.ravel()
    codes = (1 << missing.astype(np.int64)).sum(axis=1)
    _, first, of = np.unique(codes, return_index=True, return_inverse=True)
    return missing[first], of


class Completed(NamedTuple):
    """A block as one component completes it.

    z: (d, n) deviations from the mean, the missing ones expected; spare: for each group of rows
    C (P, m, m), and how much the log determinant of the observed part lacks: log|P_mm| (P,).
    """

    z: Array
    spare: list[tuple[Array, Array]]


def completed(values: Array, groups: list[Alike], mean: Array, precision: Array) -> Completed:
    """The block seen by a component with this mean (d,) and precision (d, d)."""
    z = values - mean[:, None]
    z[np.isnan(z)] = 0.0
    pull = precision @ z
    spare: list[tuple[Array, Array]] = []
    for group in groups:
        own = precision[group.patterns[:, :, None], group.patterns[:, None, :]]
        inverse = np.asarray(np.linalg.inv(own), dtype=np.float64)
        wanted = -pull[group.missing, group.rows[:, None]]
        expected = np.einsum("nij,nj->ni", inverse[group.of], wanted)
        z[group.missing, group.rows[:, None]] = expected
        lacking: Array = np.linalg.slogdet(own)[1]
        spare.append((inverse, lacking))
    return Completed(z, spare)


def spread_over(groups: list[Alike], matrices: list[Array], masses: Array, d: int) -> Array:
    """(d, d) sum over the rows of masses (n,) times the matrix (P, m, m) of their missing cells."""
    found = np.zeros((d, d))
    for group, own in zip(groups, matrices, strict=True):
        mass = np.bincount(group.of, masses[group.rows], len(group.patterns))
        cells = group.patterns[:, :, None] * d + group.patterns[:, None, :]
        more = (mass[:, None, None] * own).ravel()
        found += np.bincount(cells.ravel(), more, d * d).reshape(d, d)
    return found


class Seen(NamedTuple):
    """A block as a family's components complete it."""

    by: Incomplete
    block: Block
    groups: list[Alike]
    each: list[Completed]


@dataclass(frozen=True, eq=False)
class Incomplete(Full):
    """`Full` for a table with missing cells: the same parameters, by the path of its patterns."""

    incomplete: tuple[int, ...] = field(default=(), kw_only=True)
    hidden: ClassVar = True

    @classmethod
    def of(cls, full: Full, incomplete: tuple[int, ...]) -> Self:
        """The same parameters, for missing cells in the columns at these positions."""
        return cls(
            full.columns, full.structure, full.mean, full.origin, full.covariance,
            known=full.known, options=full.options, incomplete=incomplete,
        )  # fmt: skip

    @classmethod
    def begun(cls, blank: Full, part: Part, block: Block, r: Array) -> Self:
        """A fit to rows whose colours are r: a few EM steps on their missing cells.

        They begin with the variances of what was observed.
        """
        seen = ~np.isnan(block.values)
        n = r.sum(axis=-1)
        spread = np.empty_like(blank.mean)
        for j, (x, there) in enumerate(zip(block.values, seen, strict=True)):
            away = np.where(there, x, 0.0) - blank.mean[..., j, None] * there
            spread[..., j] = (r * away * away).sum(axis=-1) / (r @ there)
        found = cls.of(blank, part.incomplete)._with(
            blank.mean, spread[..., None] * np.eye(spread.shape[-1])
        )
        for _ in range(STEPS):
            found = found.maximise(n, found.statistics(block, r))
        return found

    def seeing(self, incomplete: tuple[int, ...]) -> Self:
        return self.of(self, incomplete)

    @property
    def forms(self) -> Mask:
        return np.zeros(self.mean.shape[:-2], dtype=bool)

    @property
    def linear(self) -> bool:
        return False

    def completions(self, block: Block) -> Seen:
        """The block as each component of the stack completes it; the sums ask for it again."""
        last = block.scratch.get(("completed", self.columns))
        if isinstance(last, Seen) and last.by is self and last.block.same(block):
            return last
        d = len(self.columns)
        groups = alike(block.values)
        parameters = zip(self.mean.reshape(-1, d), self.precision.reshape(-1, d, d), strict=True)
        each = [completed(block.values, groups, *own) for own in parameters]
        found = Seen(self, block, groups, each)
        block.scratch["completed", self.columns] = found
        return found

    def log_density(self, block: Block) -> Array:
        d = len(self.columns)
        roots, _ = self.factors
        found = np.empty((*self.mean.shape[:-1], block.n))
        flat = found.reshape(-1, block.n)
        for k, (z, _) in enumerate(self.completions(block).each):
            y = roots.reshape(-1, d, d)[k] @ z
            flat[k] = np.einsum("ij,ij->j", y, y)
        found += self.log_volume(block)
        found *= -0.5
        return found

    def log_volume(self, block: Block) -> Array:
        observed = len(self.columns) - np.isnan(block.values).sum(axis=0)
        found: Array = observed * LOG_2PI + self.factors[1][..., None]
        flat, seen = found.reshape(-1, block.n), self.completions(block)
        for k, (_, spare) in enumerate(seen.each):
            for group, (_, lacking) in zip(seen.groups, spare, strict=True):
                flat[k, group.rows] += lacking[group.of]
        return found

    def statistics(self, block: Block, r: Array) -> Array:
        """Sums of r times [E z, upper triangle of E z z', mean, which cells are there].

        So they say what they are taken about, and of how much of each column.
        """
        return self.sums(block, r, r)

    def sums(self, block: Block, r: Array, spare: Array) -> Array:
        d, whole = len(self.columns), self.width
        i, j = triangle(d)
        sums = np.empty((*self.mean.shape[:-1], whole + 2 * d))
        sums[..., whole : whole + d] = r.sum(axis=-1)[..., None] * self.mean
        sums[..., whole + d :] = r @ ~np.isnan(block.values).T
        flat, shares = sums.reshape(-1, whole + 2 * d), r.reshape(-1, block.n)
        masses, seen = spare.reshape(-1, block.n), self.completions(block)
        for k, (z, left) in enumerate(seen.each):
            flat[k, :d] = z @ shares[k]
            square = (z * shares[k]) @ z.T
            square += spread_over(seen.groups, [inverse for inverse, _ in left], masses[k], d)
            flat[k, d : self.width] = square[i, j]
        return sums

    def about(self, n: Array, t: Array) -> Array:
        found: Array = t[..., self.width : -len(self.columns)] / n[..., None]
        return found

    def moments(self, n: Array, t: Array) -> tuple[Array, Array]:
        refuse_unseen(t[..., -len(self.columns) :], n, self.columns)
        return super().moments(n, t)


# EM steps of a start on its missing cells, its colours held.
STEPS = 5
