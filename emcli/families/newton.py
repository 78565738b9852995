"""Newton's method on sums that tell of Q near the parameters they were taken at.

The sums hold Q's value, slope and curvature there, and those parameters, so that they say where. A
step goes uphill whatever the curvature, and not too far. It raises what the sums tell of Q; where Q
itself is not so, half the step is taken (generalised EM: Dempster, Laird & Rubin 1977, section 3).
"""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar, NamedTuple, Self

import numpy as np

from emcli.families.base import Family
from emcli.families.block import Block
from emcli.numerics import Array, Mask, unpack

# How a step that fell is shortened, by halves; in the end it is not taken.
HALVES = (*[0.5] * 30, 0.0, 0.0)
# Of Q, what rounding may take away.
SLACK = 1e-11


class Local(NamedTuple):
    """Q near a point: n (...) the rows' weight, value (...), slope (..., p), curvature (..., p, p),
    which is the bend with its sign changed, and at (..., p), the point."""

    n: Array
    value: Array
    slope: Array
    curvature: Array
    at: Array

    @classmethod
    def read(cls, n: Array, sums: Array, p: int) -> Local:
        """From sums (..., *): value, slope, upper triangle of the curvature, n times the point."""
        curvature = unpack(sums[..., 1 + p : -p], p)
        at = sums[..., -p:] / n[..., None]
        return cls(n, sums[..., 0], sums[..., 1 : 1 + p], curvature, at)

    def told(self, point: Array) -> Array:
        """(...) what it says of Q at another point."""
        away = point - self.at
        bent = (self.curvature @ away[..., None])[..., 0]
        found: Array = self.value + ((self.slope - bent / 2) * away).sum(axis=-1)
        return found


class Newtonian(Family):
    """A family whose M step is a Newton step."""

    exact: ClassVar = False

    @abstractmethod
    def local(self, n: Array, t: Array) -> Local:
        """What the sums tell of Q."""

    @abstractmethod
    def toward(self, there: Self, share: float, where: Mask) -> Self:
        """`there`, but by this share of the way where it is said."""

    def climbed(self, block: Block, r: Array, steps: int, enough: float) -> Self:
        """Nearly the maximum of Q with these responsibilities: steps, halved where they fall.

        They end where one gains less than `enough` a row.
        """
        here, n = self, r.sum(axis=-1)
        sums = here.statistics(block, r)
        for _ in range(steps):
            near, there = here.local(n, sums), here.maximise(n, sums)
            for share in HALVES:
                ahead = there.statistics(block, r)
                gain = there.local(n, ahead).value - near.value
                fell = ~(gain >= -SLACK * (near.n + np.abs(near.value)))
                if not fell.any():
                    break
                there = here.toward(there, share, fell)
            here, sums = there, ahead
            if (fell | (gain <= enough * near.n)).all():
                break
        return here


def uphill(curvature: Array, slope: Array, reach: Array | float) -> tuple[Array, Array]:
    """Newton's step (..., p), none of it beyond reach, and the curvature it goes by.

    That is made positive definite; where there is none to speak of, the step is along the slope.
    """
    values, axes = np.linalg.eigh(curvature)
    steep = np.maximum(np.abs(values), 1e-10 + 1e-10 * np.abs(values).max(axis=-1, keepdims=True))
    along = (axes.swapaxes(-2, -1) @ slope[..., None])[..., 0] / steep
    step = (axes @ along[..., None])[..., 0]
    step /= np.maximum(1.0, np.abs(step).max(axis=-1, keepdims=True) / reach)
    return step, (axes * steep[..., None, :]) @ axes.swapaxes(-2, -1)
