"""Numbers as people read them: few digits, as many as mean something, the same down a row."""

from __future__ import annotations

import math
from collections.abc import Sequence

Number = float | None


def count(value: float) -> str:
    """272, 1,096 or, of expected rows, 174.9."""
    if float(value).is_integer():
        return f"{int(value):,}"
    return f"{value:,.1f}" if abs(value) < 1000 else f"{value:,.0f}"


def counts(values: Sequence[float]) -> list[str]:
    """Counts side by side, with decimals for all or for none."""
    whole = all(float(value).is_integer() for value in values) or max(values) >= 1000
    return [f"{value:,.{0 if whole else 1}f}" for value in values]


def fixed(value: Number, decimals: int) -> str:
    """A number with so many decimals; nothing where there is none, an exponent beyond 10^9."""
    if value is None:
        return ""
    if abs(value) >= 1e9:
        return f"{value:.4g}"
    return f"{value:.{decimals}f}"


def alike(values: Sequence[Number], digits: int = 4, tiny: bool = False) -> list[str]:
    """Numbers of one kind side by side, to `digits` significant digits of the largest.

    None is a limit: infinitely many degrees of freedom, say. tiny: a number that would look like
    nought is shown for what it is, and so are those beside it.
    """
    sizes = [abs(v) for v in values if v]
    if sizes and not 1e-4 <= max(sizes) < 1e7:
        return ["∞" if v is None else f"{v:.{digits}g}" for v in values]
    decimals = min(_decimals(max(sizes, default=0.0), digits), digits - 1)
    if sizes and max(sizes) < 0.1:
        decimals = _decimals(max(sizes), digits - 1)
    if tiny and sizes and min(sizes) < 0.5 * 10.0**-decimals:
        return ["∞" if v is None else f"{v:.{digits - 1}g}" for v in values]
    return ["∞" if v is None else f"{v:.{decimals}f}" for v in values]


def spreads(means: Sequence[float], deviations: Sequence[float]) -> list[str]:
    """Means ± standard deviations side by side, to three digits of the smallest deviation."""
    smallest = min((s for s in deviations if s > 0), default=1.0)
    largest = max(abs(v) for v in (*means, *deviations))
    if smallest < 1e-6 or largest >= 1e9:
        return [f"{m:.6g} ± {s:.3g}" for m, s in zip(means, deviations, strict=True)]
    decimals = _decimals(smallest, 3)
    return [f"{m:.{decimals}f} ± {s:.{decimals}f}" for m, s in zip(means, deviations, strict=True)]


def _decimals(value: float, digits: int) -> int:
    """Decimals that show `digits` significant digits of `value`."""
    return max(0, digits - 1 - math.floor(math.log10(value))) if value > 0 else 0
