"""A distribution on the line of which only the log density is known, integrated numerically.

The mode is found by looking ever closer, the width from how fast the density falls there; then the
line is cut finely near the mode and ever more coarsely away from it, so that tails of any kind fit.
Masses on whole numbers are simply added up.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Self

import numpy as np

from emcli.numerics import Array, distinct

LogDensity = Callable[[Array], Array]  # of values (n,), -inf or NaN where there is no density

# Whatever lies so many nats under the peak is left out.
DEPTH = 45.0
# Cells of the line; and the most whole numbers whose masses are added up.
CELLS, WHOLE = 2**14, 2**22
NOTHING = np.empty(0)
# How many points look for the mode at a time, and how often at most.
LOOKS, ROUNDS = 129, 200


class Table(NamedTuple):
    """Places x (m,), in order, and the mass below each, (m,), its total told beside.

    steady: do half as many places give the same total? If not, it is not to be trusted.
    """

    x: Array
    share: Array
    total: float
    steady: bool
    whole: bool

    @classmethod
    def of(
        cls, f: LogDensity, low: float, high: float, whole: bool, hints: Array = NOTHING
    ) -> Self | None:
        """The table of a log density on an interval, None where no mass is found there.

        hints: values near which there may be some.
        """
        with np.errstate(all="ignore"):
            return cls._whole(f, low, high) if whole else cls._line(f, low, high, hints)

    @classmethod
    def _line(cls, f: LogDensity, low: float, high: float, hints: Array) -> Self | None:
        def g(y: Array) -> Array:
            x, stretch = _on_line(y, low, high)
            within = (x > low) & (x < high) & np.isfinite(stretch)
            found = np.full(len(y), -np.inf)
            found[within] = f(x[within]) + stretch[within]
            return np.where(np.isnan(found), -np.inf, found)

        far = np.exp(np.linspace(-740, 709, 5800))
        mode = _mode(g, distinct(np.concatenate([-far, [0.0], far, hints])))
        if mode is None:
            return None
        centre, width, peak = mode

        def h(z: Array) -> Array:
            return g(centre + width * np.sinh(z)) + np.log(width * np.cosh(z))

        coarse = np.linspace(-700, 700, 28_001)
        there = coarse[h(coarse) > peak + np.log(width) - DEPTH]
        if not len(there):
            return None
        z = np.linspace(there[0] - 0.05, there[-1] + 0.05, CELLS + 1)
        density = np.exp(h(z))
        step = z[1] - z[0]
        share = np.concatenate([[0.0], np.cumsum((density[1:] + density[:-1]) / 2 * step)])
        half = 2 * step * (density[::2].sum() - (density[0] + density[-1]) / 2)
        x, _ = _on_line(centre + width * np.sinh(z), low, high)
        steady = bool(abs(half - share[-1]) < 1e-3 * share[-1])
        return cls(np.clip(x, low, high), share / share[-1], float(share[-1]), steady, False)

    @classmethod
    def _whole(cls, f: LogDensity, low: float, high: float) -> Self | None:
        def g(x: Array) -> Array:
            found = np.full(len(x), -np.inf)
            within = (x >= low) & (x <= high)
            found[within] = f(x[within])
            return np.where(np.isnan(found), -np.inf, found)

        far = np.round(np.exp(np.linspace(0, 36, 1000)))
        least = low if np.isfinite(low) else high if np.isfinite(high) else 0.0
        places = distinct(np.concatenate([least - far, least + np.arange(-64, 65), least + far]))
        mode = _mode(g, places, whole=True)
        if mode is None:
            return None
        centre, _, peak = mode
        reach = 64.0
        while g(centre + np.array([-reach, reach])).max() > peak - DEPTH and reach < WHOLE:
            reach *= 2
        x = np.arange(max(centre - reach, low), min(centre + reach, high) + 1)
        share = np.cumsum(np.exp(g(x)))
        total = float(share[-1])
        return cls(x, share / total, total, reach < WHOLE, True)

    def quantile(self, u: Array) -> Array:
        """The values below which shares u (n,) of the mass lie."""
        if self.whole:
            return self.x[np.searchsorted(self.share, u, side="left").clip(max=len(self.x) - 1)]
        return np.interp(u, self.share, self.x)

    @property
    def mean(self) -> float:
        """The expectation."""
        mass = np.diff(self.share, prepend=0.0)
        middle = self.x if self.whole else (self.x + np.append(self.x[:1], self.x[:-1])) / 2
        return float(middle @ mass)

    @property
    def spread(self) -> float:
        """The standard deviation of the normal distribution with these quartiles."""
        quartiles = self.quantile(np.array([0.25, 0.75]))
        return float(quartiles[1] - quartiles[0]) / 1.349


def _on_line(y: Array, low: float, high: float) -> tuple[Array, Array]:
    """Values in an interval of places on the whole line, and the log of how they stretch."""
    if np.isfinite(low) and np.isfinite(high):
        e = np.exp(-np.abs(y))
        share = np.where(y >= 0, 1.0, e) / (1 + e)
        stretch = -np.abs(y) - 2 * np.log1p(e) + np.log(high - low)
        return low + (high - low) * share, stretch
    if np.isfinite(low):
        return low + np.exp(y), y
    return (high - np.exp(-y), -y) if np.isfinite(high) else (y, np.zeros(len(y)))


def _mode(
    g: LogDensity, places: Array, whole: bool = False
) -> tuple[float, float, float] | None:
    """Where g is highest, how far from there it has fallen by half a nat, and its height."""
    for _ in range(ROUNDS):
        values = g(places)
        best = int(values.argmax())
        if not np.isfinite(values[best]):
            return None
        around = places[[max(best - 1, 0), min(best + 1, len(places) - 1)]]
        beside = values[[max(best - 1, 0), min(best + 1, len(places) - 1)]]
        if (beside > values[best] - 0.1).all() or around[1] - around[0] <= 2 * whole:
            break
        if around[0] + np.spacing(around[0]) * LOOKS >= around[1]:
            break
        places = np.linspace(around[0], around[1], LOOKS)
        places = distinct(np.round(places)) if whole else places
    centre, peak = float(places[best]), float(values[best])
    width = float(max(np.abs(around - centre).max(), np.spacing(np.abs(centre))))
    while width < 1e300 and g(centre + np.array([-width, width])).max() > peak - 0.5:
        width *= 2
    return centre, width, peak
