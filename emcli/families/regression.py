"""Mixtures of regressions: what is common to all of them.

A response y depends on other columns of its row through eta_k = x' beta_k + offset, x the design of
a formula. The sums hold Q's value, slope and bend in beta at the beta they were taken at, and that
beta: about current residuals nothing cancels, however close to a line the rows lie. They are taken
in a frame in which the design's columns are uncorrelated and of unit size, so that powers of a
column far from zero do no harm.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np

from emcli.errors import DegenerateError, UsageError
from emcli.families.base import Part
from emcli.families.block import Block
from emcli.families.formula import Design, Formula, parse
from emcli.families.helpers import array_from, imputed
from emcli.families.newton import Local
from emcli.families.undivided import Undivided
from emcli.families.words import quoted
from emcli.frozen import immutable
from emcli.numerics import Array, Codes, flat, whitened

# A column of the design this close to a combination of the others, in units of itself, is one.
DEPENDENT = 1e-11


@immutable
class Frame:
    """Coordinates z = turn x of a design's rows; of coefficients, gamma = root beta."""

    root: Array  # (p, p), upper triangular: x = root' z
    turn: Array  # (p, p), the inverse of root'

    @classmethod
    def plain(cls, size: int) -> Frame:
        """The design's own columns: where no row has been seen."""
        return cls(np.eye(size), np.eye(size))

    @classmethod
    def of(cls, x: Array, masses: Array, formula: Formula, design: Design) -> Frame:
        """The frame in which these rows x (p, n) have unit covariance.

        Raises `DegenerateError` where a column of the design follows from the others.
        """
        heavy = x * np.sqrt(masses / masses.sum())
        size = np.sqrt(np.einsum("ij,ij->i", heavy, heavy))
        root = np.linalg.qr((heavy / np.where(size > 0, size, 1.0)[:, None]).T, mode="r")
        own = np.zeros(len(x))
        own[: len(root)] = np.abs(np.diagonal(root))
        if not (own > DEPENDENT).all():
            labels = ["the intercept"] * design.intercept + [f"'{one}'" for one in design.labels]
            which = labels[int(np.argmax(own <= DEPENDENT))]
            raise DegenerateError(f"in {formula}, {which} follows from the other terms")
        root = root * np.sign(np.diagonal(root))[:, None] * size
        return cls(root, np.linalg.inv(root).T)


@immutable
class Regression(Undivided):
    """coefficients: (..., K, p), the intercept first; curvature: (..., K, p, p), the information
    of one row in the frame."""

    coefficients: Array
    curvature: Array
    design: Design
    frame: Frame

    takes: ClassVar[tuple[str, ...]] = ("formula", "offset")
    labels: ClassVar = ("formula", "offset", "terms")
    beside: ClassVar = "any"
    conditional: ClassVar = True

    # What it reads

    @classmethod
    def arguments(
        cls, values: Mapping[str, str], names: Sequence[str], find: Callable[[str], str]
    ) -> dict[str, Any]:
        """The formula, and `offset=COLUMN`."""
        if "formula" not in values:
            raise UsageError(
                f"{cls.name} needs to know what depends on what", f"type {cls.name}(y ~ x1 + x2)"
            )
        found: dict[str, Any] = {"formula": parse(values["formula"], find)}
        if "offset" in values:
            offset = found["offset"] = find(values["offset"].strip('"'))
            if offset == found["formula"].response:
                raise UsageError(f"'{offset}' cannot be its own offset", "type offset=COLUMN")
        return found

    @classmethod
    def described(cls, options: Mapping[str, Any]) -> tuple[str, ...]:
        return (options["formula"].response,)

    @classmethod
    def reads(cls, columns: tuple[str, ...], options: Mapping[str, Any]) -> tuple[str, ...]:
        beside = [*options["formula"].regressors, options.get("offset")]
        return (*columns, *dict.fromkeys(name for name in beside if name))

    @property
    def inputs(self) -> tuple[str, ...]:
        return self.reads(self.columns, self.options)

    @classmethod
    def refuse(cls, part: Part) -> None:
        super().refuse(part)
        levels = dict(zip(part.inputs, part.levels, strict=False))
        offset = part.options.get("offset")
        if offset and levels.get(offset) is not None:
            raise UsageError(
                f"'{offset}' holds categories, not numbers", "offset= takes a column of numbers"
            )
        for column, power in (one for term in part.options["formula"].terms for one in term):
            if power > 1 and levels.get(column) is not None:
                raise UsageError(
                    f"'{column}' holds categories, which have no powers", f"type {quoted(column)}"
                )

    @classmethod
    def spelt(
        cls, columns: Sequence[str], options: Mapping[str, Any], alone: bool
    ) -> tuple[str, ...]:
        offset = [f"offset={quoted(options['offset'])}"] if "offset" in options else []
        held = {name: options[name] for name in cls.holds if name in options}
        return (str(options["formula"]), *offset, *super().spelt((), held, alone))

    @property
    def formula(self) -> Formula:
        """What depends on what."""
        found: Formula = self.options["formula"]
        return found

    @classmethod
    def designed(cls, part: Part) -> Design:
        """The design of the formula, the columns' levels known."""
        return Design.of(part.options["formula"], part.inputs, part.levels)

    @property
    def free(self) -> int:
        return self.coefficients.size

    @classmethod
    def rows_wanted(cls, part: Part) -> int:
        return cls.designed(part).size + (0 if cls.bounded else 2)

    @property
    def least_rows(self) -> int:
        return self.design.size + 2

    @classmethod
    def coordinates(cls, part: Part, block: Block) -> Array:
        """Response and design, whitened."""
        values = imputed(block)
        design = cls.designed(part)
        x = design.fill(values, np.empty((design.size, block.n)))[design.intercept :]
        points = np.vstack([x, cls.levelled(values[0])])
        masses = np.ones(block.n) if block.weights is None else block.weights
        z = points - (points @ masses / masses.sum())[:, None]
        scale = np.sqrt((z * z) @ masses / masses.sum())
        return whitened(z / np.where(scale > 0, scale, 1.0)[:, None], masses)

    @staticmethod
    def levelled(y: Array) -> Array:
        """The response, changed so that its spread is about the same everywhere."""
        return y

    # Evaluation

    @property
    def working(self) -> int:
        return 3 * (self.design.size + self.k)

    @abstractmethod
    def derivatives(self, y: Array, eta: Array) -> tuple[Array, Array, Array | float]:
        """Of one row's share of Q: value, slope and minus the bend in eta (..., K, n)."""

    def rows(self, block: Block) -> Array:
        """The design's columns (p, n)."""
        out = block.array(f"design of {self.columns}", self.design.size, block.n)
        return self.design.fill(block.values, out)

    def _predictors(self, block: Block) -> tuple[Array, Array]:
        """The design (p, n), and eta (..., K, n)."""
        x = self.rows(block)
        eta = self.coefficients @ x
        offset = self.options.get("offset")
        if offset:
            eta += block.values[self.inputs.index(offset)]
        return x, eta

    def expected(self, values: Array) -> Array:
        """(..., K, n) the responses expected of rows (inputs, n); their own are not looked at."""
        return self.response(self._predictors(Block(values))[1])

    @classmethod
    def response(cls, eta: Array) -> Array:
        """The expected response where the predictor is eta."""
        return eta

    @property
    def gamma(self) -> Array:
        """The coefficients in the frame."""
        return self.coefficients @ self.frame.root.T

    def statistics(self, block: Block, r: Array) -> Array:
        x, eta = self._predictors(block)
        value, slope, bend = self.derivatives(block.values[0], eta)
        z = self.frame.turn @ x
        return np.concatenate([
            np.einsum("...n,...n->...", r, value)[..., None], (r * slope) @ z.T,
            products(z, r * bend), r.sum(axis=-1)[..., None] * self.gamma,
        ], axis=-1)  # fmt: skip

    def local(self, n: Array, t: Array) -> Local:
        """What the sums tell of Q."""
        return Local.read(n, t, self.design.size)

    def _with(self, coefficients: Array, curvature: Array) -> Self:
        return replace(self, coefficients=coefficients, curvature=curvature)

    @classmethod
    def begun(cls, part: Part, block: Block) -> tuple[Design, Array, Frame]:
        """The design, its rows (p, n), and the frame of a complete-data fit."""
        design = cls.designed(part)
        x = design.fill(block.values, np.empty((design.size, block.n)))
        masses = np.ones(block.n) if block.weights is None else block.weights
        return design, x, Frame.of(x, masses, part.options["formula"], design)

    # The chart

    @cached_property
    def _unit(self) -> Array:
        """(..., 1, p) units of the chart: those in which a row's information is about one."""
        known = np.einsum("...ii->...i", self.curvature).mean(axis=-2, keepdims=True)
        return 1 / np.sqrt(np.where(known > 1e-12, known, 1.0))

    def to_vector(self, base: Self | None = None) -> Array:
        base = base or self
        away = (self.coefficients - base.coefficients) @ base.frame.root.T
        return flat(away / base._unit)

    def from_vector(self, vector: Array) -> Self:
        away = vector.reshape(self.coefficients.shape) * self._unit
        return replace(self, coefficients=self.coefficients + away @ self.frame.turn)

    @property
    def chart_size(self) -> int:
        return int(np.prod(self.coefficients.shape[-2:]))

    def information(self, weights: Array, vector: Array) -> Array:
        away = vector.reshape(*vector.shape[:-1], *self.coefficients.shape[-2:]) * self._unit
        turned = (self.curvature @ away[..., None])[..., 0]
        return flat(weights[..., None] * turned * self._unit)

    # Drawing and writing

    @abstractmethod
    def drawn(self, rng: np.random.Generator, colours: Codes, eta: Array) -> Array:
        """(n,) responses, one a colour."""

    def expectation(self, block: Block, r: Array) -> list[Array]:
        """Where the regressors are there."""
        found = (r * self.expected(block.values)).sum(axis=0)
        beside = np.isnan(block.values[1:]).any(axis=0)
        return [np.where(beside, np.nan, found)[None]]

    def sample(self, rng: np.random.Generator, colours: Codes, given: Array | None) -> Array:
        beside = self.inputs[1:]
        if beside and given is None:
            raise UsageError(
                f"{self.formula} has '{beside[0]}' from the table, and the model does not draw it",
                "name a table that has it by --given",
            )
        rows = np.zeros((0, len(colours))) if given is None else given
        values = np.vstack([np.zeros(len(colours)), rows])
        x = self.design.fill(values, np.empty((self.design.size, len(colours))))
        eta = np.einsum("np,pn->n", self.coefficients[colours], x)
        offset = self.options.get("offset")
        if offset:
            eta += values[self.inputs.index(offset)]
        return np.vstack([self.drawn(rng, colours, eta), rows])

    def to_dict(self, component: int) -> dict[str, Any]:
        found: dict[str, Any] = {"formula": str(self.formula)}
        if "offset" in self.options:
            found["offset"] = self.options["offset"]
        if any(self.design.levels[1:]):
            found["levels"] = [some and list(some) for some in self.design.levels]
        found["terms"] = list(self.design.labels)
        beta = self.coefficients[component].tolist()
        if self.design.intercept:
            found["intercept"] = beta.pop(0)
        return found | {"coefficients": beta}

    @classmethod
    def coefficients_from(cls, part: Part, found: Sequence[Mapping[str, Any]]) -> Array:
        """(K, p) coefficients from the entries of a parameters file."""
        design, formula = cls.designed(part), part.options["formula"]
        if found[0]["formula"] != str(formula) or found[0]["terms"] != list(design.labels):
            raise ValueError(f"'formula' and 'terms' must be those of {formula}")
        if part.columns != (formula.response,):
            raise ValueError(f"'columns' must be '{formula.response}'")
        if found[0].get("offset") != part.options.get("offset"):
            raise ValueError("'offset' must be the model's")
        slopes = array_from(found, "coefficients", len(design.labels))
        if not design.intercept:
            return slopes
        return np.hstack([array_from(found, "intercept", 1), slopes])


def products(z: Array, w: Array) -> Array:
    """(..., K, p(p+1)/2) upper triangles of sums of w z z', w (..., K, n), z (p, n)."""
    p = len(z)
    found = np.empty((*w.shape[:-1], p * (p + 1) // 2))
    at = 0
    for i in range(p):
        found[..., at : at + p - i] = w @ (z[i:] * z[i]).T
        at += p - i
    return found
