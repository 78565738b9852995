"""What a column is like: looked at only as far as a model asks, and only once.

A table may be larger than memory, so every question is answered piece by piece.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from emcli.columns import values as cells
from emcli.columns.encoding import first_outside, refuse_outside
from emcli.columns.partly import Partly
from emcli.columns.values import Column, Level
from emcli.errors import InputError
from emcli.tables import bridge, compute
from emcli.tables.table import Table

LOOKED_AT = 10_000  # rows that decide whether text is meant as numbers
NAMED = 65_536  # rows of which each has another text where a column of text names the rows

T = TypeVar("T")


class Facts:
    """Answers about the columns of one table, remembered."""

    EMPTY: ClassVar = "empty"
    CONSTANT: ClassVar = "constant"
    COUNTS: ClassVar = "only counts rows"
    NAMES: ClassVar = "every row has another text"

    def __init__(self, table: Table, partly: Mapping[str, Partly] | None = None) -> None:
        self.table = table
        self.partly = partly or {}
        # Columns between two others are taken for what they are said to be.
        self._between = {one.name for one in self.partly.values() if one.upper}
        new = [name for name in self._between if name not in table.names]
        self.names = (*table.names, *sorted(new))
        self._known: dict[tuple[str, str], Any] = {}
        self._scratch = np.empty(0)

    def _once(self, what: str, name: str, find: Callable[[str], T]) -> T:
        if (what, name) not in self._known:
            self._known[what, name] = find(name)
        found: T = self._known[what, name]
        return found

    def _pieces(self, name: str) -> Iterator[Table]:
        return self.table.pieces([name])

    def _numbers(self, name: str) -> Iterator[tuple[Table, NDArray[np.float64]]]:
        """The column piece by piece as numbers, NaN where empty; each in the place of the last."""
        for piece in self._pieces(name):
            if len(self._scratch) < piece.rows:
                self._scratch = np.empty(piece.rows)
            yield piece, cells.numbers(piece, name, self._scratch[: piece.rows])

    def _head(self, name: str, rows: int) -> pa.ChunkedArray:
        """The first cells as text."""
        chunks: list[pa.Array] = []
        for piece in self._pieces(name):
            chunks += piece.text(name).slice(0, rows).chunks
            rows -= piece.rows
            if rows <= 0:
                break
        return pa.chunked_array(chunks)

    def number(self, name: str) -> bool:
        """Is it a column of numbers, or meant as one: text of which most cells are numbers?"""
        return name in self._between or self._once("number", name, self._number)

    def _number(self, name: str) -> bool:
        kind = _value_type(self.table.kind(name))
        if bridge.textual(kind):
            return cells.share_of_numbers(self._head(name, LOOKED_AT)) > 0.5
        return bridge.plain(kind) or pa.types.is_decimal(kind) or kind == pa.float16()

    def words(self, name: str) -> bool:
        """Is it a column of text, truth values or dates?"""
        if name in self._between:
            return False
        kind = _value_type(self.table.kind(name))
        if bridge.textual(kind):
            return not self.number(name) or self._once("mixed", name, self._mixed)
        return pa.types.is_boolean(kind) or pa.types.is_temporal(kind) or pa.types.is_binary(kind)

    def _mixed(self, name: str) -> bool:
        return not all(cells.all_numbers(piece.text(name)) for piece in self._pieces(name))

    def range(self, name: str) -> tuple[float, float]:
        """The least and the largest of a column of numbers."""
        return self._once("range", name, self._range)

    def _range(self, name: str) -> tuple[float, float]:
        low = high = np.nan
        for _, numbers in self._numbers(name):
            low = np.fmin(low, np.fmin.reduce(numbers))
            high = np.fmax(high, np.fmax.reduce(numbers))
        return float(low), float(high)

    def _sameness(self, name: str) -> str:
        """Is a column of numbers empty, constant or counting the rows of its files by ones?

        Mostly the first rows tell that it is none of these, and the others are not looked at.
        """
        low = high = np.nan
        counts, last = self.table.rows > 2, 0.0
        for piece, numbers in self._numbers(name):
            low = np.fmin(low, np.fmin.reduce(numbers))
            high = np.fmax(high, np.fmax.reduce(numbers))
            counts = counts and _counts(piece, numbers, last)
            if low < high and not counts:
                return ""
            last = numbers[-1]
        if np.isnan(low):
            return self.EMPTY
        return self.CONSTANT if low == high else self.COUNTS

    def levels(self, name: str) -> tuple[Level, ...]:
        """Its distinct values in order."""
        return self._once("levels", name, lambda name: cells.learn(self._pieces(name), name))

    def two_levels(self, name: str) -> bool:
        """Has it just two distinct values?"""
        return self._once("two", name, self._two_levels)

    def _two_levels(self, name: str) -> bool:
        return len(cells.learn(self._pieces(name), name, enough=3)) == 2

    def categorical(self, name: str) -> bool:
        """Can its values be levels: text, truth values or whole numbers?"""
        if not self.number(name) or self.words(name):
            return self.words(name)
        return self._once("whole", name, self._whole)

    def _whole(self, name: str) -> bool:
        return not any((numbers % 1 > 0).any() for _, numbers in self._numbers(name))

    def idle(self, name: str) -> str:
        """Why a model leaves the column out unless it is asked for by name; '' when it does not."""
        return "" if name in self._between else self._once("idle", name, self._idle)

    def _idle(self, name: str) -> str:
        if all(piece.column(name).null_count == piece.rows for piece in self._pieces(name)):
            return self.EMPTY
        if self.number(name) and not self.words(name):
            return self._once("sameness", name, self._sameness)
        if self.words(name):
            head = self._head(name, NAMED)
            distinct = len(compute.unique(head))
            if distinct == len(head) > 2 and not self.number(name):
                return self.NAMES
            return self.CONSTANT if distinct < 10 and len(self.levels(name)) < 2 else ""
        return ""

    def suits(self, name: str, family: Any, whole_numbers: bool = False) -> bool:
        """Can the family take the column unasked? Categories take whole numbers only if told."""
        if name in self._between:
            return family.kind in ("real", "count")
        if family.kind == "binary":
            return self.categorical(name) and self.two_levels(name)
        if family.kind == "category":
            return self.words(name) or (whole_numbers and self.categorical(name))
        if not self.number(name):
            return False
        return family.anywhere() or all(
            first_outside(numbers, family) is None for _, numbers in self._numbers(name)
        )

    def family(self, name: str) -> str | None:
        """The family `auto` chooses, None when there is none."""
        if self.number(name):
            return self._family_of_numbers(name)
        if not self.words(name):
            return None
        return "bernoulli" if self.two_levels(name) else "categorical"

    def _family_of_numbers(self, name: str) -> str:
        if name in self._between:
            return "gaussian"
        if not self.categorical(name):
            return "gaussian"
        low, high = self.range(name)
        if 0 <= low < 10 and high <= 1000:
            return "bernoulli" if self.two_levels(name) else "poisson"
        return "bernoulli" if self.two_levels(name) else "gaussian"

    def decimal_comma(self, name: str) -> bool:
        """Does the column begin with a number such as 1,5?"""
        if name in self._between:
            return False
        column = next(self._pieces(name)).column(name)
        first = str(column[0].as_py()) if len(column) else ""
        return self.table.decimal == "." and re.fullmatch(r"[+-]?\d+,\d+", first) is not None

    def reason(self, name: str, families: Mapping[str, Any]) -> str:
        """Why a model took no part of the column, in words."""
        if idle := self.idle(name):
            return idle
        numeric = [f.name for f in families.values() if f.kind in ("real", "count")]
        if numeric and self.words(name):
            return "not numbers"
        if numeric:
            return f"not all values suit {' and '.join(numeric)}"
        return "not two levels" if "bernoulli" in families else "numbers"

    def outside(self, names: Sequence[str], family: Any) -> InputError | None:
        """The error for the first column of numbers that the family cannot take."""
        if family.kind not in ("real", "count"):
            return None
        for name in names:
            if not self.number(name) or name in self._between:
                continue
            try:
                if family.continuous:
                    self.refuse_constant(name, family)
                for piece, numbers in self._numbers(name):
                    refuse_outside(piece, name, numbers, family)
            except InputError as error:
                return error
        return None

    def refuse_empty(self, name: str) -> None:
        """Raise `InputError` when the column has no value."""
        if name not in self._between and self.idle(name) == self.EMPTY:
            raise InputError(f"{self.table.label}: column '{name}' is empty", _leave(name))

    def refuse_constant(self, name: str, family: Any) -> None:
        """Raise `InputError` when the column has one value or none, which no density fits."""
        if name in self._between:
            return
        self.refuse_empty(name)
        same = self._once("sameness", name, self._sameness)
        if self.table.rows == 1:
            raise InputError(f"{self.table.label} has one row only", "give a table of more rows")
        if same == self.CONSTANT:
            low, _ = self.range(name)
            raise InputError(
                f"{self.table.label}: column '{name}' is {low:.15g} in every row, and "
                f"{family.name} needs a column that varies",
                _leave(name),
            )

    def learn(self, name: str, kind: str, taker: str = "bernoulli") -> Column:
        """The column as the model will know it; `InputError` when it is not of that kind.

        taker: the family that takes it.
        """
        if kind in ("real", "count"):
            return Column(name, kind)
        levels = self.levels(name)
        if not levels:
            raise InputError(f"{self.table.label}: column '{name}' is empty", _leave(name))
        if kind == "binary" and len(levels) != 2:
            shown = ", ".join(str(level) for level in levels[:4])
            raise InputError(
                f"{self.table.label}: column '{name}' has {len(levels)} levels ({shown}"
                f"{', …' if len(levels) > 4 else ''}) where {taker} takes two",
                f"use categorical({name})" if taker == "bernoulli" else "leave out other rows",
            )
        return Column(name, kind, levels)


def _leave(name: str) -> str:
    return f"leave it out with -x '{name}'"


def _value_type(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _counts(piece: Table, numbers: NDArray[np.float64], last: float) -> bool:
    """Do these rows count by ones, each file's from a whole number on? `last` is the one before."""
    start = 0
    for part in piece.parts:
        steps = numbers[start : start + part.rows]
        if (steps[0] != last + 1) if part.skipped else steps[0] % 1:
            return False
        if not (len(steps) < 2 or steps[1] - steps[0] == 1) or not (np.diff(steps) == 1).all():
            return False
        start, last = start + part.rows, steps[-1]
    return True
