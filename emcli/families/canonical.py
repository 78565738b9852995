"""Regressions of counts and of two levels: generalised linear models with their canonical links.

log p(y | x) = y eta - A(eta) + h(y), of mean A'(eta) and variance A''(eta), is concave in the
coefficients. The M step is one Newton step (iteratively reweighted least squares: Nelder &
Wedderburn 1972; `newton`). Where the data are separated coefficients run to infinity and the
likelihood to a limit: that is reported.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np

from emcli.families.base import Part
from emcli.families.block import Block
from emcli.families.newton import Newtonian, uphill
from emcli.families.regression import Frame, Regression, products
from emcli.frozen import immutable
from emcli.numerics import Array, Mask, unpack

# No coefficient moves by more than this and its own size, in the frame.
REACH = 1.0
# The complete-data fit ends where a step gains so little per row: the error is about its square.
STEPS, ENOUGH = 100, 1e-11
# The information of a row in a direction of unit size, under which a coefficient has run away.
GONE = 1e-6


@immutable
class Canonical(Regression, Newtonian):
    m_step: ClassVar = "Newton: iteratively reweighted least squares"
    continuous: ClassVar = False
    arrays: ClassVar = ("coefficients", "curvature")

    @staticmethod
    @abstractmethod
    def moments(eta: Array) -> tuple[Array, Array, Array]:
        """A(eta), A'(eta) and A''(eta)."""

    @classmethod
    def response(cls, eta: Array) -> Array:
        return cls.moments(eta)[1]

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
        gamma, _ = uphill(bend, (r * weight * eta) @ z.T, np.inf)
        one = np.broadcast_to(np.eye(design.size), bend.shape)
        found = cls(part.columns, gamma @ frame.turn, one, design, frame, options=part.options)
        return found.climbed(block, r, STEPS, ENOUGH)

    def toward(self, there: Self, share: float, where: Mask) -> Self:
        part_way = self.coefficients + share * (there.coefficients - self.coefficients)
        coefficients = np.where(where[..., None], part_way, there.coefficients)
        return there._with(coefficients, there.curvature)

    def log_density(self, block: Block) -> Array:
        _, eta = self._predictors(block)
        return block.values[0] * eta - self.moments(eta)[0]

    def derivatives(self, y: Array, eta: Array) -> tuple[Array, Array, Array]:
        """Of the log density."""
        total, mean, variance = self.moments(eta)
        return y * eta - total, y - mean, variance

    def maximise(self, n: Array, t: Array) -> Self:
        q = self.local(n, t)
        curvature = q.curvature / n[..., None, None]
        # It may go far, by doubling what there is: where levels are nearly separated it must.
        reach = REACH + np.abs(q.at).max(axis=-1, keepdims=True)
        step, _ = uphill(curvature, q.slope / n[..., None], reach)
        return self._with((q.at + step) @ self.frame.turn, curvature)

    def q(self, n: Array, t: Array) -> float:
        return float(self.local(n, t).told(self.gamma).sum())

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
