"""What a family says of itself: its words and facts, and the arguments it takes.

All of it stands in class variables and class methods, and is asked before there are any
parameters: by the catalogue, the grammar, and those who give columns to the blocks of a model.
"""

from __future__ import annotations

from abc import ABC
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from typing import Any, ClassVar

import numpy as np

from emcli.families.words import numbers, quoted, typed
from emcli.frozen import immutable
from emcli.numerics import Array, Mask


@immutable
class Declared(ABC):
    """A family of distributions of some columns, with the arguments that its block was given."""

    columns: tuple[str, ...]
    options: Mapping[str, Any] = field(default_factory=dict, kw_only=True)  # those of its part

    # Words for the catalogue (`emcli models`), and the facts others ask for.
    name: ClassVar[str]
    summary: ClassVar[str]
    density: ClassVar[str]
    parameters: ClassVar[str]
    support: ClassVar[str]
    m_step: ClassVar[str]
    source: ClassVar[str]
    example: ClassVar[str]
    kind: ClassVar[str]  # of column it takes: real, count, binary, category
    beside: ClassVar[str] = ""  # of columns it reads beside them: count, or any (real or category)
    continuous: ClassVar[bool]  # a density (True) or a mass function
    measure: ClassVar[str] = ""  # of a density that is not one of each column: sphere, say
    bounded: ClassVar[bool] = True  # can the likelihood of a finite table be infinite?
    variants: ClassVar[tuple[str, ...]] = ()
    takes: ClassVar[tuple[str, ...]] = ()  # name=value arguments
    flags: ClassVar[tuple[str, ...]] = ()  # arguments that are one word
    holds: ClassVar[tuple[str, ...]] = ()  # parameters that name=value can hold at a value
    labels: ClassVar[tuple[str, ...]] = ()  # entries in the file that are no numbers, all alike
    written: ClassVar[bool] = True  # is it part of the model, or of this fit only?
    conditional: ClassVar[bool] = False  # does it describe its column about a line, given others?
    correlated: ClassVar[bool] = False  # does the density need all its columns together?
    ranged: ClassVar[bool] = False  # does it ask for the columns' ranges?
    background: ClassVar[bool] = False  # is it what others stand out from? Then it starts faint
    # Has it unobserved quantities of its own, beside the colours? Then Q is over them too.
    hidden: ClassVar[bool] = False
    # Does the M step maximise Q? If not, it is a Newton step on what the sums tell of Q near the
    # parameters they were taken at, and may have to be shortened (`em.halfway`).
    exact: ClassVar[bool] = True
    arrays: ClassVar[tuple[str, ...]]  # its parameters: the fields that are arrays (..., K, *)

    @classmethod
    def variant(cls, name: str) -> str:
        """The variant of that name, however abbreviated; `UsageError` when there is none."""
        return name

    @classmethod
    def arguments(
        cls, values: Mapping[str, str], names: Sequence[str], find: Callable[[str], str]
    ) -> dict[str, Any]:
        """The name=value arguments as typed, flags as "true", as options; `UsageError` if unfit.

        names: the table's columns; find: the column that a specification means.
        """
        return {
            name: numbers(name, text) if name in cls.holds else text == "true"
            for name, text in values.items()
        }

    @classmethod
    def described(cls, options: Mapping[str, Any]) -> tuple[str, ...]:
        """The columns that its arguments say it describes (a formula's left side), if any do."""
        return ()

    @classmethod
    def expanded(cls, values: Mapping[str, str]) -> list[dict[str, str]]:
        """Arguments that stand for several models (q=1-3), one by one."""
        return [dict(values)]

    @classmethod
    def range_of(cls, name: str) -> tuple[float, float]:
        """The open interval that a held parameter must lie in."""
        return -np.inf, np.inf

    @classmethod
    def spelt(
        cls, columns: Sequence[str], options: Mapping[str, Any], alone: bool
    ) -> tuple[str, ...]:
        """Its arguments as the grammar writes them; columns not where the block is alone."""
        words = [name if value is True else f"{name}={typed(value)}"
                 for name, value in options.items() if value is not False]
        return (*(() if alone else map(quoted, columns)), *words)

    def keep(self, name: str, found: Array) -> Array:
        """The parameter as found, or at the values its block holds it at."""
        held = self.options.get(name)
        return found if held is None else np.broadcast_to(np.array(held), found.shape).copy()

    def refuse_others(self, found: Sequence[Mapping[str, Any]]) -> None:
        """Raise ValueError where the entries of a file have other values than those held."""
        for name in self.holds:
            held = self.options.get(name)
            if held is not None and not np.allclose(
                [np.ravel(entry[name]) for entry in found], held, rtol=1e-9, atol=0
            ):
                raise ValueError(f"'{name}' is not what the model holds it at")

    @staticmethod
    def inside(values: Array) -> Mask:
        """Which values (n,) lie in the support, as booleans; all finite ones, unless told."""
        return np.isfinite(values)

    @classmethod
    def anywhere(cls) -> bool:
        """Do all finite values lie in the support?"""
        return cls.inside is Declared.inside

    @classmethod
    def rows_inside(cls, values: Array) -> Mask | None:
        """Which rows (d, n) lie in the support, whose cells do; None where all of them do."""
        return None

    @classmethod
    def reads(cls, columns: tuple[str, ...], options: Mapping[str, Any]) -> tuple[str, ...]:
        """`inputs`, asked before there is a fit."""
        return columns

    @classmethod
    def invariance(cls, variant: str | None) -> str:
        """The changes of the data that leave the fit as it is.

        "affine" (any invertible linear map and shift), "columns" (each column's own scale and
        shift), "similarity" (a common scale, rotations and shifts), "scale" (each column's own
        positive factor), "turn" (a shift of the angle, a rotation of the sphere) or "none".
        """
        return "none"

    @classmethod
    def apart(cls, variant: str | None) -> bool:
        """Is a block of several columns the same as a block for each?"""
        return not cls.variants

    @classmethod
    def options_of(cls, found: Mapping[str, Any]) -> dict[str, Any]:
        """The options that stand in an entry of a parameters file and not in the model's name."""
        return {}
