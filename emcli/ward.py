"""Ward's hierarchical clustering (1963), for the hierarchical start."""

from __future__ import annotations

import numpy as np

from emcli.frozen import mutable
from emcli.numerics import Array, distinct

# Most rows that are merged, for the cost is quadratic.
TREE = 1_000
# So many of their distances are worked out at a time, which a core's cache holds.
_TOGETHER = 32


@mutable
class Tree:
    """The merges of a sample, found by chains of nearest neighbours (Murtagh 1983)."""

    points: Array
    masses: Array
    merges: list[tuple[float, int, int]]

    @classmethod
    def grow(cls, points: Array, masses: Array) -> Tree:
        """Merge until one cluster is left: O(n^2) time and memory, n at most TREE."""
        keep = np.flatnonzero(masses > 0)
        keep = keep[np.linspace(0, len(keep) - 1, min(len(keep), TREE)).round().astype(int)]
        points, masses = points[:, keep], masses[keep]
        mass = masses.astype(float)
        rise = _rises(points, mass)
        alive = np.ones(len(mass), dtype=bool)
        merges: list[tuple[float, int, int]] = []
        chain: list[int] = []
        while len(merges) < len(mass) - 1:
            if not chain:
                chain.append(int(alive.argmax()))
            tip = chain[-1]
            close = int(rise[tip].argmin())
            if len(chain) > 1 and rise[tip, chain[-2]] <= rise[tip, close]:
                close = chain[-2]
                del chain[-2:]
                merges.append((float(rise[tip, close]), close, tip))
                _merge(rise, mass, close, tip)
                alive[tip] = False
            else:
                chain.append(close)
        return cls(points, masses, sorted(merges, key=lambda merge: merge[0]))

    def centres(self, k: int) -> Array:
        """Means (p, k) of the k clusters the tree is cut into."""
        parent = np.arange(len(self.masses))

        def root(i: int) -> int:
            while parent[i] != i:
                i = parent[i]
            return i

        for _, a, b in self.merges[: max(len(self.masses) - k, 0)]:
            parent[root(b)] = root(a)
        roots = np.array([root(i) for i in range(len(parent))])
        member = (roots == distinct(roots)[:, None]) * self.masses
        found: Array = (self.points @ member.T) / member.sum(axis=1)
        return found


def _rises(points: Array, mass: Array) -> Array:
    """(n, n) what merging two clusters adds to the sum of squares about the means."""
    rise = np.zeros((len(mass), len(mass)))
    work = np.empty((_TOGETHER, len(mass)))
    for first in range(0, len(mass), _TOGETHER):
        some, own = rise[first : first + _TOGETHER], mass[first : first + _TOGETHER, None]
        apart = work[: len(some)]
        for x in points:
            np.subtract(x, x[first : first + _TOGETHER, None], out=apart)
            some += np.square(apart, out=apart)
        some *= mass
        some *= np.divide(own, np.add(mass, own, out=apart), out=apart)
    np.fill_diagonal(rise, np.inf)
    return rise


def _merge(rise: Array, mass: Array, into: int, other: int) -> None:
    """One cluster becomes part of another: the update of Lance & Williams (1967)."""
    found = (mass[into] + mass) * rise[into] + (mass[other] + mass) * rise[other]
    found -= mass * rise[into, other]
    mass[into] += mass[other]
    found /= mass[into] + mass
    found[into] = np.inf
    rise[into] = rise[:, into] = found
    rise[other] = rise[:, other] = np.inf
