"""Missing cells of rows, by a mixture: what is expected there, or drawn.

A row's colour is not known: expectations are weighted by its responsibilities, and of each drawing
the colour is drawn first. Parameters are held at the estimate.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from emcli.evaluation import places
from emcli.families.base import Family
from emcli.families.block import Block
from emcli.families.product import drawable
from emcli.mixture import Mixture
from emcli.numerics import Array, Mask

# Rows that are completed at a time.
ROWS = 4096


def lacking(mixture: Mixture, names: Sequence[str], values: Array) -> Mask:
    """(n,) which rows have cells that the mixture describes and that are not known."""
    rows, found = Block(values), np.zeros(values.shape[1], dtype=bool)
    for family in _written(mixture):
        found |= ~family.told(rows.take(places(family.inputs, names))).all(axis=0)
    return found


def responsibilities(mixture: Mixture, names: Sequence[str], values: Array) -> Array:
    """(K, n) of the rows, NaN for one without a computable density."""
    evaluation = mixture.seeing(values, names).at(names)
    found, scratch = np.empty((mixture.k, values.shape[1])), dict[Any, Any]()
    for start in range(0, values.shape[1], ROWS):
        span = np.s_[:, start : start + ROWS]
        r, log_density = evaluation.posterior(Block(values[span], scratch=scratch))
        found[span] = np.where(np.isfinite(log_density), r, np.nan)
        scratch.clear()  # what is kept there holds its block, and that this
    return found


def expected(mixture: Mixture, names: Sequence[str], values: Array, r: Array) -> Array:
    """The values (d, n) with what is expected in the cells that are NaN or known in part.

    names: of the columns; r: (K, n). A cell of which nothing can be said is NaN.
    """
    found = values.copy()
    for start in range(0, values.shape[1], ROWS):
        span = np.s_[:, start : start + ROWS]
        rows = Block(values[span])
        for family in _written(mixture):
            sums = family.expectation(rows.take(places(family.inputs, names)), r[span])
            _put(found[span], names, family, family.settled(sums))
    return found


def drawn(
    mixture: Mixture, names: Sequence[str], values: Array, r: Array, rng: np.random.Generator
) -> Array:
    """The values (d, n) with the cells that are NaN, or known in part, drawn given the others."""
    found = values.copy()
    edges = np.cumsum(r, axis=0)[:-1]
    colours = (rng.random(values.shape[1]) > edges).sum(axis=0)
    for start in range(0, values.shape[1], ROWS):
        rows = Block(found[:, start : start + ROWS])
        for family in drawable(_written(mixture)):
            own = rows.take(places(family.inputs, names))
            cells = family.completed(rng, colours[start : start + ROWS], own)
            _put(rows.values, names, family, cells)
    return found


def _written(mixture: Mixture) -> list[Family]:
    """The families that describe cells: known colours do not."""
    return [family for family in mixture.families if family.written]


def _put(found: Array, names: Sequence[str], family: Family, cells: Array) -> None:
    """Write a block's cells where they are not told."""
    own = places(family.columns, names)
    told = family.told(Block(found[places(family.inputs, names)]))
    found[own] = np.where(told, found[own], np.where(np.isfinite(cells), cells, np.nan))
