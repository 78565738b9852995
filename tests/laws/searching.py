"""The search on a row of the table, as `emcli fit` does it, for one k."""

from __future__ import annotations

import numpy as np

from emcli.cell import Cell
from emcli.events import ignore
from emcli.families.block import Block
from emcli.search import Search
from emcli.settings import FitSettings, build
from emcli.sources.memory import MemorySource

from .table import Row, prepared


def search(row: Row, source: MemorySource, k: int = 3, **options) -> Cell:
    """The best fit of the row's model with k components; the default starts unless told."""
    settings = build(FitSettings, options)
    (cell,) = Search(source, settings, ignore).cells([prepared(row, source)], [k])
    assert cell.mixture is not None, cell.trouble
    return cell


def colours(cell: Cell, values: np.ndarray, names) -> np.ndarray:
    """(n,) the most probable component of each row."""
    return cell.mixture.at(names).posterior(Block(values))[0].argmax(axis=0)


def differing(one: Cell, values: np.ndarray, other: Cell, changed: np.ndarray, names) -> int:
    """How many rows have another colour, those undecided between two left out."""
    r = one.mixture.at(names).posterior(Block(values))[0]
    decided = np.sort(r, axis=0)[-1] > 0.5 + 1e-4
    return int((r.argmax(axis=0) != colours(other, changed, names))[decided].sum())
