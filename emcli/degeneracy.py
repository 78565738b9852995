"""Spurious components: where the likelihood is climbed by sitting on a few rows.

The likelihood of a mixture of densities with free scales has no maximum: a component shrinking
onto one row sends it to infinity. A component is spurious if it owns fewer than d + 2 distinct
rows, and lives on them, or if its least variance in any direction is below the data's rounding,
h^2/12 with h the smallest gap between distinct values of a column. Families with bounded
likelihood, and structures that share volume and shape, are exempt, unless all components together
shrink onto ties.

A component of any family is spurious, too, if none of its rows has a column's value: what it says
of that column comes from rows that are hardly its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property

import numpy as np

from emcli.evaluation import places
from emcli.families.base import Family
from emcli.families.block import Block
from emcli.frozen import frozen, mutable
from emcli.mixture import Mixture
from emcli.numerics import Array, Mask, distinct
from emcli.sources.memory import MemorySource

# A gap is at most so many times what the values are rounded to.
PARTS = 100
# Rows of a component looked at before its distinct ones are said to be too few.
_LOOK = 65_536
# A component lives on the rows it owns if they are this share of its expected number of rows.
LIVING = 0.1
# An exempt structure is singular where its common variance is this share of the rounding.
SINGULAR = 1e-6


@frozen
class Spurious:
    """One component that is not a finding but an artefact, and why."""

    component: int
    columns: tuple[str, ...]
    why: str


@mutable
class Resolution:
    """h: the smallest gap between distinct values of each column of a source.

    The gap within a sample can only be wider, so the sample settles nearly every question.
    """

    source: MemorySource
    sample: MemorySource

    def __post_init__(self) -> None:
        self._found: dict[tuple[bool, str], float] = {}
        self._grids: dict[tuple[bool, str], float] = {}

    def gaps(self, columns: Sequence[str], exact: bool) -> Array:
        """(d,) smallest gaps, of all rows or of the sample's."""
        return np.array([self._gap(name, exact) for name in columns])

    def _gap(self, name: str, exact: bool) -> float:
        if (exact, name) not in self._found:
            source = self.source if exact else self.sample
            values = distinct(source.values[source.names.index(name)])
            gaps = np.diff(values[~np.isnan(values)])
            self._found[exact, name] = float(gaps.min()) if len(gaps) else 0.0
        return self._found[exact, name]

    @cached_property
    def incomplete(self) -> frozenset[str]:
        """The columns with missing cells."""
        found = np.zeros(len(self.source.names), dtype=bool)
        for block in self.source.pieces(8192):
            found |= np.isnan(block.values).any(axis=1)
        return frozenset(np.array(self.source.names)[found].tolist())

    def grids(self, columns: Sequence[str], exact: bool) -> Array:
        """(d,) what the values are rounded to: the gap, or a part of it, if all are multiples.

        Where they are not, what doubles of their size are rounded to.
        """
        return np.array([self._grid(name, exact) for name in columns])

    def _grid(self, name: str, exact: bool) -> float:
        if (exact, name) not in self._grids:
            source = self.source if exact else self.sample
            values = source.values[source.names.index(name)]
            values = values[~np.isnan(values)]
            gap, away = self._gap(name, exact), values - values[:1]
            least = 8 * np.finfo(float).eps * float(np.abs(values).max(initial=0.0))
            parts = range(1, PARTS + 1) if gap > 0 else ()
            fits = (gap / m for m in parts if _multiples(away[:1000], gap / m)
                    and _multiples(away, gap / m))
            self._grids[exact, name] = next(fits, least)
        return self._grids[exact, name]


def _multiples(values: Array, step: float) -> bool:
    steps = values / step
    return bool((np.abs(steps - steps.round()) < 0.01).all())


def spurious(mixture: Mixture, source: MemorySource, resolution: Resolution) -> list[Spurious]:
    """The spurious components of a fit, none for a regular one."""
    found = _unseen(mixture, source, resolution)
    for family in mixture.families:
        if family.bounded:
            continue
        found += _thin(mixture, family, source, resolution)
        if not family.exempt:
            found += _small(mixture, family, source)
    return found


def _thin(
    mixture: Mixture, family: Family, source: MemorySource, resolution: Resolution
) -> list[Spurious]:
    """Components narrower than the data's rounding.

    Rows can lie closer to a line than their values to each other: a component about one must be
    narrower than what the values are rounded to, or lie on ties.
    """
    share = SINGULAR if family.exempt else 1.0
    for exact in (False, True):
        gaps = resolution.gaps(family.columns, exact)
        gaps = np.where(gaps > 0, gaps, np.finfo(float).tiny)
        narrow = np.flatnonzero(family.narrowest(gaps) < share / 12)
        if not len(narrow):
            return []
    if family.conditional:
        tiny = family.narrowest(resolution.grids(family.columns, exact)) < share / 12
        tied = _few(mixture, family, source, family.columns)
        narrow = np.array([k for k in narrow if tiny[k] or k in tied], dtype=np.intp)
    why = "is narrower than the rounding of the data"
    return [Spurious(int(k), family.columns, why) for k in narrow]


def _small(
    mixture: Mixture, family: Family, source: MemorySource
) -> list[Spurious]:
    """Components that own fewer distinct rows than the family wants, d + 2 mostly.

    A component owns the rows whose probability of it is at least half the highest that any row
    has: one that lies under others owns rows, though it is nowhere the most probable. A wide one
    may be most probable far out, and yet live on rows that it shares with others.
    """
    return [
        Spurious(k, family.columns, f"owns {count} distinct row{'s' * (count != 1)}")
        for k, count in sorted(_few(mixture, family, source, family.inputs).items())
    ]


def _few(
    mixture: Mixture, family: Family, source: MemorySource, columns: Sequence[str]
) -> dict[int, int]:
    """How many rows, distinct in these columns, own those who own too few and live on them."""
    few, highest, _ = _owning_few(mixture, family, source, columns, np.ones(mixture.k))
    if not few:
        return few
    few, _, shares = _owning_few(mixture, family, source, columns, highest)
    return {k: count for k, count in few.items() if shares[k] >= LIVING}


def _owning_few(
    mixture: Mixture, family: Family, source: MemorySource, columns: Sequence[str], highest: Array
) -> tuple[dict[int, int], Array, Array]:
    """How many distinct rows own those who own too few; (K,) the highest probabilities; and (K,)
    which share of its expected rows a component owns.

    Those are complete where a component does own too few.
    """
    at = places(columns, source.names)
    least = np.broadcast_to(family.least_rows, mixture.k)
    owned: dict[int, list[Array]] = {k: [] for k in range(mixture.k) if least[k]}
    seen, held, whole = np.zeros((3, mixture.k))
    for block, own, r in _owning(mixture, source, highest):
        seen = np.maximum(seen, r.max(axis=1, initial=0.0))
        counted = r if block.weights is None else r * block.weights
        held, whole = held + (counted * own).sum(axis=1), whole + counted.sum(axis=1)
        for k in list(owned):
            owned[k].append(block.values[at][:, own[k]])
            if _distinct(np.hstack(owned[k])[:, :_LOOK], int(least[k])):
                del owned[k]
        if not owned:
            break
    few = {k: distinct(np.hstack(rows)).shape[1] for k, rows in owned.items()}
    return few, seen, held / np.maximum(whole, np.finfo(float).tiny)


def _owning(
    mixture: Mixture, source: MemorySource, highest: Array
) -> Iterator[tuple[Block, Mask, Array]]:
    """Block by block which rows each component owns (K, n), and the probabilities (K, n)."""
    evaluation = mixture.at(source.names)
    for block in source.pieces(8192):
        r, _ = evaluation.posterior(block)
        if block.weights is not None:
            r *= block.weights > 0
        yield block, (r >= highest[:, None] / 2) & (r > 0), r


def _unseen(mixture: Mixture, source: MemorySource, resolution: Resolution) -> list[Spurious]:
    """Components of whose rows none has a column's value."""
    names = [
        name for family in mixture.families if family.written
        for name in family.columns if name in resolution.incomplete
    ]
    at, left = [source.names.index(name) for name in names], np.empty((0, 0), dtype=bool)
    highest = np.ones(mixture.k)
    for _ in range(2 if names else 0):
        left, seen = np.ones((mixture.k, len(names)), dtype=bool), np.zeros(mixture.k)
        left &= mixture.families[0].learnt[:, None]
        for block, own, r in _owning(mixture, source, highest):
            seen = np.maximum(seen, r.max(axis=1, initial=0.0))
            left &= ~(own @ ~np.isnan(block.values[at]).T)
            if not left.any():
                return []
        highest = seen
    return [
        Spurious(int(k), (names[j],), "holds no row with a value") for k, j in np.argwhere(left)
    ]


def _distinct(rows: Array, least: int) -> bool:
    """Are there so many distinct rows in (d, n)? One column alone mostly says so, and sooner."""
    return len(distinct(rows[0])) >= least or distinct(rows).shape[1] >= least
