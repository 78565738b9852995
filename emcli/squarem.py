"""SQUAREM: squared extrapolation of EM steps (Varadhan & Roland 2008, scheme S3).

From three consecutive points theta_0 -> theta_1 -> theta_2 of plain EM, with r = theta_1 - theta_0
and v = theta_2 - 2 theta_1 + theta_0, it jumps to theta_0 - 2 a r + a^2 v, a = -|r|/|v|, in
unconstrained coordinates.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from emcli.frozen import frozen
from emcli.jump import Jump, Metric, Way
from emcli.mixture import Mixture
from emcli.numerics import Array, Mask


@frozen
class Squarem:
    """length, longest: (S,) of the last jump, zero where there was none, and what it may be."""

    length: Array
    longest: Array

    @classmethod
    def empty(cls, here: Mixture) -> Squarem:
        s = len(here.weights)
        return cls(np.zeros(s), np.full(s, 4.0))

    def select(self, starts: Sequence[int] | Mask) -> Squarem:
        return Squarem(self.length[starts], self.longest[starts])

    @classmethod
    def join(cls, parts: Sequence[Squarem]) -> Squarem:
        return cls(
            np.concatenate([part.length for part in parts]),
            np.concatenate([part.longest for part in parts]),
        )

    def sharpened(self, here: Mixture, there: Mixture, metric: Metric) -> Squarem:
        """Itself: it knows no metric."""
        return self

    def see(self, way: Way, rows: float) -> Jump:
        grown = np.where((self.length > 0) & (self.length >= self.longest), 4.0, 1.0)
        shrunk = np.maximum(self.longest / 2, 2.0)
        longest = np.where(way.lost, shrunk, grown * self.longest)
        length, goal, free = np.zeros(len(longest)), way.there, way.free & way.stepped
        if free.any():
            first, second, third = (m.select(free) for m in (way.before, way.here, way.there))
            jump, length[free] = extrapolate(first, second, third, longest[free])
            goal = way.there.put(free, jump)
            longest = np.where(free & (length == 0), shrunk, longest)
        return Jump(Squarem(length, longest), goal, length > 0, np.full(len(longest), np.nan))


def extrapolate(
    first: Mixture, second: Mixture, third: Mixture, longest: Array
) -> tuple[Mixture, Array]:
    """The stack SQUAREM jumps to and the lengths (S,); where there is no jump, third and zero."""
    try:
        zero, one = Mixture.stack([first, second]).to_vector(third)
        two = third.to_vector()
        r, v = one - zero, two - 2 * one + zero
        bend = np.linalg.norm(v, axis=-1)
        if not (np.isfinite(bend) & (bend > 0)).all():
            raise ValueError("no curvature to go by")
        length = np.clip(np.linalg.norm(r, axis=-1) / bend, 1.0, longest)
        a = length[:, None]
        return third.from_vector(zero + 2 * a * r + a * a * v), length
    except (ValueError, np.linalg.LinAlgError):
        if len(longest) == 1:
            return third, np.zeros(1)
    alone = [
        extrapolate(first.select([i]), second.select([i]), third.select([i]), longest[[i]])
        for i in range(len(longest))
    ]
    return Mixture.join([jump for jump, _ in alone]), np.concatenate([a for _, a in alone])
