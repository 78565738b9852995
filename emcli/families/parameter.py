"""A parameter of a family, and coordinates of it without bounds: logarithms and logits."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from emcli.numerics import Array, Mask, expit


class Parameter(NamedTuple):
    """A parameter's name and the open interval it lies in."""

    name: str
    low: float = -np.inf
    high: float = np.inf

    @property
    def range(self) -> str:
        """`above 0`, `between 0 and 1`, or nothing."""
        low, high = self.low, self.high
        if np.isfinite(low) and np.isfinite(high):
            return f"between {low:g} and {high:g}"
        if np.isfinite(low):
            return f"above {low:g}"
        return f"below {high:g}" if np.isfinite(high) else ""

    @property
    def boundless(self) -> bool:
        """Is its coordinate itself, so that it has a unit?"""
        return not (np.isfinite(self.low) or np.isfinite(self.high))

    def inside(self, value: Array) -> Mask:
        """Which values are numbers within the bounds."""
        return np.isfinite(value) & (value > self.low) & (value < self.high)

    def speed(self, value: Array) -> Array:
        """How fast the value changes with its coordinate."""
        below, above = value - self.low, self.high - value
        if np.isfinite(self.low) and np.isfinite(self.high):
            return below * above / (self.high - self.low)
        return np.where(np.isinf(below), np.where(np.isinf(above), 1.0, above), below)

    def bounded(self, theta: Array) -> Array:
        """Its values, of coordinates without bounds."""
        if np.isfinite(self.low) and np.isfinite(self.high):
            found: Array = self.low + (self.high - self.low) * expit(theta)
            return found
        if np.isfinite(self.low):
            return self.low + np.exp(theta)
        return self.high - np.exp(-theta) if np.isfinite(self.high) else theta

    def unbounded(self, value: Array) -> Array:
        """Coordinates without bounds, of its values."""
        if np.isfinite(self.low) and np.isfinite(self.high):
            return np.log(value - self.low) - np.log(self.high - value)
        if np.isfinite(self.low):
            return np.log(value - self.low)
        return -np.log(self.high - value) if np.isfinite(self.high) else np.asarray(value)
