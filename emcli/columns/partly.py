"""Columns that were seen in part only: --interval, --censored and --truncated.

Such a column is two rows of the matrix, its lower and its upper sides, equal where the value itself
is known and infinite where it has no bound; one that is truncated alone is one row, as others are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from math import inf
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emcli.columns.selection import single
from emcli.columns.values import Column
from emcli.errors import InputError, UsageError
from emcli.frozen import frozen
from emcli.grammar import split
from emcli.settings import Selecting
from emcli.tables.table import Table

Array = NDArray[np.float64]


def side_of(name: str) -> str:
    """The name of a column's upper sides in the matrix."""
    return f"upper side of {name}"


@frozen
class Partly:
    """What is known of a column.

    lower: the table's column of its lower sides, or values; upper: that of its upper sides; status:
    that which tells the values that are censored, from above or, `left`, from below; low, high: the
    range outside which nothing was recorded.
    """

    name: str
    lower: str
    upper: str = ""
    status: str = ""
    left: bool = False
    low: float = -inf
    high: float = inf

    @property
    def beside(self) -> str:
        """The table's other column, '' where there is none."""
        return self.upper or self.status

    @property
    def sources(self) -> tuple[Column, ...]:
        """The table's columns that hold it."""
        sides = [Column(name, "real") for name in dict.fromkeys((self.lower, self.upper)) if name]
        return (*sides, *([Column(self.status, "category")] if self.status else ()))

    @property
    def second(self) -> str:
        """The name of the upper sides in the matrix, '' where there are none."""
        return side_of(self.name) if self.beside else ""

    def sides(self, table: Table, lower: Array, upper: Array, start: int) -> None:
        """Turn what the two columns hold, from row `start` on, into sides, in place.

        Raises `InputError` for the first row that does not tell.
        """
        if self.status:
            bad = np.isnan(upper) & ~np.isnan(lower)
            if bad.any():
                raise table.refusal(
                    self.status, start + int(bad.argmax()), "the status is empty",
                    "type 0 where the value is censored and 1 where it was observed",
                )
            free = (upper == 0) & ~np.isnan(lower)
            upper[:] = lower
            (lower if self.left else upper)[free] = -inf if self.left else inf
            return
        bad = lower > upper
        if bad.any():
            row = int(bad.argmax())
            raise table.refusal(
                self.lower, start + row,
                f"{lower[row]:.15g} is above {upper[row]:.15g} in column '{self.upper}'",
                f"the lower side comes first: --interval {self.name}=LOWER,UPPER",
            )
        open_low, open_high = np.isnan(lower) & ~np.isnan(upper), np.isnan(upper) & ~np.isnan(lower)
        lower[open_low], upper[open_high] = -inf, inf

    def check(
        self, table: Table, lower: Array, upper: Array, start: int, families: Sequence[Any]
    ) -> None:
        """Cut sides to the range, and to whole numbers where only these can be.

        Raises `InputError` for the first row in which no value of a family can be.
        """
        known = lower == upper
        for family in families:
            least = -inf if family.inside(np.array([-1.0]))[0] else 0.0
            low, high = np.maximum(lower, self.low), np.minimum(upper, self.high)
            if not family.continuous:
                low, high = np.ceil(low), np.floor(high)
            empty = low > high
            empty |= (high < least) | known & ~family.inside(np.where(known, lower, 1.0))
            if family.continuous:
                empty |= ~known & (high <= np.maximum(low, least))
            if empty.any():
                raise self._outside(table, lower, upper, start, int(empty.argmax()), family)
            # From zero up is where any positive value lies.
            blank = ~known & (low <= least) & (high == inf)
            lower[:], upper[:] = np.where(blank, np.nan, low), np.where(blank, np.nan, high)

    def _outside(
        self, table: Table, lower: Array, upper: Array, start: int, row: int, family: Any
    ) -> InputError:
        ends = dict.fromkeys((f"{lower[row]:.15g}", f"{upper[row]:.15g}"))
        takes = f"what {family.name} takes: {family.support}"
        if self.low > -inf or self.high < inf:
            takes += f", from {self.low:g} to {self.high:g} (--truncated)"
        return table.refusal(
            self.lower, start + row, f"{' to '.join(ends)} is outside {takes}",
            "correct it, choose another model, or leave the row out",
        )


def partly(names: Sequence[str] | None, selecting: Selecting) -> dict[str, Partly]:
    """The columns that were seen in part, by name, in the order of the options.

    names: the table's columns, None where they are not known yet: then the options must name them.
    Raises `UsageError` or `InputError` for what cannot be.
    """
    found: dict[str, Partly] = {}
    find = str.strip if names is None else partial(single, names)
    known = names or ()
    for text in selecting.interval:
        name, sides = _halves(text, "--interval", "NAME=LOWER,UPPER")
        both = split(sides, ",")
        if len(both) != 2:
            raise UsageError(f"--interval {text} is not NAME=LOWER,UPPER", "name two columns")
        lower, upper = (find(side) for side in both)
        if name in known and name not in (lower, upper):
            raise UsageError(
                f"--interval {text}: the table has a column '{name}' already",
                "give the value between the two columns another name",
            )
        _add(found, Partly(name, lower, upper))
    for text in selecting.censored:
        spec, status = _halves(text, "--censored", "COL=STATUS")
        left = status.endswith(":left") and status not in known
        status = find(status.removesuffix(":left") if left else status)
        name = find(spec)
        _add(found, Partly(name, name, status=status, left=left))
    return found


def truncated(
    found: Mapping[str, Partly], described: Sequence[str], selecting: Selecting
) -> dict[str, Partly]:
    """The same with the ranges outside which nothing was recorded.

    described: the columns of the model.
    """
    ranged = dict(found)
    for text in selecting.truncated:
        spec, equals, ends = text.rpartition("=")
        if not equals and len(described) > 1:
            raise UsageError(
                f"--truncated {text} does not say of which column, and the model has "
                f"{len(described)}", f"type --truncated {described[0]}={text}",
            )
        name = single(described, spec.strip()) if equals else described[0]
        low, high = _ends(text, ends)
        known = ranged.get(name, Partly(name, name))
        if known.low > -inf or known.high < inf:
            raise UsageError(f"--truncated {text}: '{name}' has a range already", "give one")
        ranged[name] = replace(known, low=low, high=high)
    return ranged


def _add(found: dict[str, Partly], one: Partly) -> None:
    if one.name in found:
        raise UsageError(
            f"'{one.name}' is given twice by --interval and --censored", "leave one of them out"
        )
    found[one.name] = one


def _halves(text: str, option: str, form: str) -> tuple[str, str]:
    one, _, other = (half.strip() for half in text.partition("="))
    if not (one and other):
        raise UsageError(f"{option} {text} is not {form}", f"type {option} {form}")
    return one, other


def _ends(text: str, ends: str) -> tuple[float, float]:
    """`40,`, `,100` or `40,100`."""
    words = [word.strip() for word in ends.split(",")]
    try:
        low, high = (float(word) if word else sign for word, sign in
                     zip(words, (-inf, inf), strict=True))
    except ValueError:
        low = high = inf
    if not low < high or (low, high) == (-inf, inf) or np.isnan([low, high]).any():
        raise UsageError(
            f"--truncated {text} is not a range", "type --truncated LOWER,UPPER, such as 40, or 1,9"
        )
    return low, high
