"""Small things that several families do alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from emcli.errors import DegenerateError
from emcli.families.block import Block
from emcli.numerics import Array, Mask

# Less than this share of a component's weight is none: sums in another order differ by more.
UNSEEN = 1e-12


def imputed(block: Block) -> Array:
    """Values (d, n) with each column's mean in place of NaN: for starts only."""
    missing = np.isnan(block.values)
    if not missing.any():
        return block.values
    w = ~missing * (1.0 if block.weights is None else block.weights)
    total = (w * np.where(missing, 0.0, block.values)).sum(axis=1, keepdims=True)
    return np.where(missing, total / np.maximum(w.sum(axis=1, keepdims=True), 1e-300), block.values)


def limits(p: Array, columns: Sequence[str], what: str) -> list[str]:
    """Those of one component's probabilities (d,) that ran to 0 or 1, in words."""
    ends = [(name, round(float(value))) for name, value in zip(columns, p, strict=True)
            if min(value, 1 - value) < 1e-9]
    return [f"{what} of '{name}' is {end}" for name, end in ends]


def refuse_unseen(counts: Array, columns: Sequence[str], n: Array | None = None) -> None:
    """Raise `DegenerateError` where a component has no observed cell of a column.

    counts: (..., K, d) their weight; n: (..., K) that of all its rows, if it may be lost in theirs.
    """
    unseen = ~(counts > (0.0 if n is None else UNSEEN * n[..., None]))
    if unseen.any():
        *_, k, j = np.argwhere(unseen)[0]
        raise DegenerateError(
            f"component {k + 1} holds no row where '{columns[j]}' was observed", int(k)
        )


def whole_numbers(values: Array) -> Mask:
    """Which values are whole numbers from 0."""
    return (values >= 0) & (values == np.floor(values))


def array_from(
    found: Sequence[Mapping[str, Any]],
    key: str,
    d: int,
    low: float = -np.inf,
    high: float = np.inf,
) -> Array:
    """(K, d) numbers from K entries of a parameters file; ValueError where they do not fit."""
    values = [entry[key] for entry in found]
    array = np.array([v if isinstance(v, list) else [v] for v in values], float)
    if array.shape != (len(found), d) or not ((array >= low) & (array <= high)).all():
        limits = f" of {low:g} to {high:g}" if high < np.inf else f" of {low:g} or more"
        raise ValueError(f"'{key}' must be {d} numbers{limits if low > -np.inf else ''}")
    return array
