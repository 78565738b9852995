"""Regressions of counts and of two levels: generalised linear models with their canonical links.

log p(y | x) = y eta - A(eta) + h(y), of mean A'(eta) and variance A''(eta), is concave in the
coefficients. The M step is one Newton step (iteratively reweighted least squares: Nelder &
Wedderburn 1972) on sums at the current coefficients; `em` halves it where it overshoots. Where the
data are separated coefficients run to infinity and the likelihood to a limit: that is reported.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from emcli.families.base import Part
from emcli.families.block import Block
from emcli.families.numerical import REACH, STEPS
from emcli.families.regression import Frame, Regression, products
from emcli.numerics import Array, unpack

# How a step that fell is shortened, by halves; in the end it is not taken.
HALVES = (*[0.5] * 30, 0.0, 0.0)
# The complete-data fit ends where a step gains so little per row: the error is about its square.
ENOUGH = 1e-11
# The information of a row in a direction of unit size, under which a coefficient has run away.
GONE = 1e-6


@dataclass(frozen=True, eq=False)
class Canonical(Regression):
    exact: ClassVar = False
    arrays: ClassVar = ("coefficients", "curvature")

    @staticmethod
    @abstractmethod
    def moments(eta: Array) -> tuple[Array, Array, Array]:
        """A(eta), A'(eta) and A''(eta)."""

    @staticmethod
    @abstractmethod
    def guess(y: Array) -> Array:
        """eta (n,) where the response is all that is known."""

    @classmethod
    def estimate(cls, part: Part, block: Block, r: Array) -> Self:
        design, x, frame = cls.begun(part, block)
        eta = cls.guess(block.values[0])
        _, _, weight = cls.moments(eta)
        offset = part.options.get("offset")
        if offset:
            eta = eta - block.values[part.inputs.index(offset)]
        z = frame.turn @ x
        bend = unpack(products(z, r * weight), design.size)
        gamma = uphill(bend, (r * weight * eta) @ z.T)
        one = np.broadcast_to(np.eye(design.size), bend.shape)
        found = cls(part.columns, gamma @ frame.turn, one, design, frame, options=part.options)
        return found._climbed(block, r)

    def _climbed(self, block: Block, r: Array) -> Self:
        """The maximum of Q with these responsibilities: Newton steps, halved where they fall."""
        here, n = self, r.sum(axis=-1)
        sums = here.statistics(block, r)
        for _ in range(STEPS):
            there = here.maximise(n, sums)
            for share in HALVES:
                ahead = there.statistics(block, r)
                slack = ENOUGH * (n + np.abs(sums[..., 0]))
                fell = ~(ahead[..., 0] >= sums[..., 0] - slack)[..., None]
                if not fell.any():
                    break
                back = here.coefficients + share * (there.coefficients - here.coefficients)
                coefficients = np.where(fell, back, there.coefficients)
                there = there._with(coefficients, there.curvature)
            gain = ahead[..., 0] - sums[..., 0]
            here, sums = there, ahead
            if (gain <= ENOUGH * n).all():
                break
        return here

    def log_density(self, block: Block) -> Array:
        _, eta = self._predictors(block)
        return block.values[0] * eta - self.moments(eta)[0]

    def derivatives(self, y: Array, eta: Array) -> tuple[Array, Array, Array]:
        """Of the log density."""
        total, mean, variance = self.moments(eta)
        return y * eta - total, y - mean, variance

    def maximise(self, n: Array, t: Array) -> Self:
        q = self.local(n, t)
        curvature = q.bend / n[..., None, None]
        step = uphill(curvature, q.slope / n[..., None])
        # It may go far, by doubling what there is: where levels are nearly separated it must.
        reach = REACH + np.abs(q.gamma).max(axis=-1, keepdims=True)
        step /= np.maximum(np.abs(step).max(axis=-1, keepdims=True) / reach, 1.0)
        return self._with((q.gamma + step) @ self.frame.turn, curvature)

    def q(self, n: Array, t: Array) -> float:
        q = self.local(n, t)
        away = self.gamma - q.gamma
        bent = (q.bend @ away[..., None])[..., 0]
        return float((q.value + ((q.slope - bent / 2) * away).sum(axis=-1)).sum())

    def boundary(self, component: int) -> list[str]:
        values, axes = np.linalg.eigh(self.curvature[component])
        raw = np.abs(axes[:, values < GONE].T @ self.frame.turn)
        raw *= np.abs(self.frame.root).max(axis=0)
        far = (raw > 0.1 * raw.max(axis=1, keepdims=True)).any(axis=0)
        labels = ("the intercept", *(f"'{one}'" for one in self.design.labels))
        labels = labels[1 - self.design.intercept :]
        gone = [label for label, is_far in zip(labels, far, strict=True) if is_far]
        return [f"in {self.formula}, {' and '.join(gone)} run to infinity"] if gone else []

    @classmethod
    def from_dict(cls, part: Part, found: Sequence[Mapping[str, Any]]) -> Self:
        design = cls.designed(part)
        coefficients = cls.coefficients_from(part, found)
        one = np.broadcast_to(np.eye(design.size), (*coefficients.shape, design.size))
        frame = Frame.plain(design.size)
        return cls(part.columns, coefficients, one, design, frame, options=part.options)


def uphill(curvature: Array, slope: Array) -> Array:
    """Newton's step (..., p); where there is no curvature to speak of, along the slope."""
    values, axes = np.linalg.eigh(curvature)
    least = 1e-10 + 1e-10 * np.abs(values).max(axis=-1, keepdims=True)
    along = (axes.swapaxes(-2, -1) @ slope[..., None])[..., 0] / np.maximum(values, least)
    found: Array = (axes @ along[..., None])[..., 0]
    return found
