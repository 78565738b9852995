"""Quantiles of log densities: what sorting them tells, held or not."""

import numpy as np
import pytest

from emcli import densities
from emcli.sources.memory import MemorySource

SHARES = (0.0, 0.001, 0.05, 0.5, 0.99, 1.0)
ROWS = 150_000


def told(values, weights):
    """Sizes and quantiles of rows whose first column is their log density, the second the colour"""
    source = MemorySource(values, ("a", "b"), weights)

    def look(block):
        return np.stack([block.values[1], 1 - block.values[1]]), block.values[0].copy()

    seen = densities.spread(look, source, 4)
    return seen, densities.quantiles(look, source, 4, seen, SHARES)


@pytest.mark.parametrize("held", [True, False])
@pytest.mark.parametrize("weighted", [True, False])
def test_quantiles_are_those_of_all_rows_in_order(held, weighted, monkeypatch):
    rng = np.random.default_rng(5)
    values = np.array([rng.standard_normal(ROWS).round(3), rng.integers(0, 2, ROWS)])
    values[0, :3] = -1e200, -1e9, 1e30  # outliers make bins no coarser
    weights = rng.integers(0, 3, ROWS).astype(float) if weighted else None
    if weights is not None:
        values[0, weights == 0] = -np.inf  # rows of no weight are as if absent
    monkeypatch.setattr(densities, "HELD", ROWS if held else ROWS - 1)
    seen, marks = told(values, weights)
    assert (seen.held is not None) == held
    counted = np.ones(ROWS) if weights is None else weights
    every = np.sort(np.repeat(values[0], counted.astype(int)))
    upto = np.arange(1, len(every) + 1) / len(every)
    wanted = [every[np.searchsorted(upto, share)] for share in SHARES]
    assert marks == wanted
    assert (seen.least, seen.most) == (every[0], every[-1])
    assert seen.sizes.tolist() == [counted @ values[1], counted @ (1 - values[1])]
