"""A column's cells as numbers, or as the codes of its levels.

The same column means the same numbers and levels from CSV, Parquet or memory: whole numbers are
whole numbers whether they come as integers, as floats (2.0) or as text ("2"); truth values are the
levels "false" and "true" however they are spelt; dates are text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from emcli.columns.selection import listed
from emcli.errors import InputError
from emcli.frozen import frozen
from emcli.tables import bridge, compute
from emcli.tables.table import EMPTY_WORDS, Table, shown

Level = str | int
LARGEST = 1e150  # squares of anything above would come near the end of the doubles

_NUMBER = r"^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*$"
_NO_NUMBER = r"^\s*[+-]?(?i:inf|infinity|nan)\s*$"
_WHOLE = re.compile(r"\s*(?:([+-]?\d+)(?:\.0*)?|(0[xX][0-9a-fA-F]+))\s*")
_TRUTHS = {"false", "true"}


@frozen
class Column:
    """A column as a model knows it.

    kind: "real", "count", "binary" or "category"; levels: of the last two, in the order of their
    codes 0, 1, ...: whole numbers, or text.
    """

    name: str
    kind: str
    levels: tuple[Level, ...] | None = None


def numbers(table: Table, name: str, out: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
    """The column as (n,) float64, NaN where a cell is empty.

    Raises `InputError` for the first cell that is no number, is infinite or above 1e150.
    """
    column = table.column(name)
    if pa.types.is_dictionary(column.type):
        column = compute.cast(column, column.type.value_type)
    kind = column.type
    if bridge.textual(kind) or pa.types.is_binary(kind):
        column = _parsed(table, name)
    elif pa.types.is_boolean(kind):
        column = compute.cast(column, pa.int8())
    elif pa.types.is_decimal(kind) or pa.types.is_null(kind) or kind == pa.float16():
        column = compute.cast(column, pa.float64())
    elif not bridge.plain(kind):
        raise table.refusal(name, 0, f"it holds {kind} values, not numbers", _without(name))
    values = bridge.floats(column, out)
    with np.errstate(over="ignore", invalid="ignore"):
        if values @ values <= LARGEST * LARGEST:  # quicker to see than which are the largest
            return values
    if np.fmax.reduce(values) <= LARGEST and np.fmin.reduce(values) >= -LARGEST:
        return values
    return _refuse_wild(table, name, values)


def _refuse_wild(table: Table, name: str, values: NDArray[np.float64]) -> NDArray[np.float64]:
    wild = np.flatnonzero(np.abs(values) > LARGEST)
    if not len(wild):
        return values  # nothing but empty cells
    row = int(wild[0])
    if np.isinf(values[row]):
        what, hint = "is not a finite number", "leave the cell empty if the value is not known"
    else:
        what, hint = "is above 1e150 in magnitude", "give the column in larger units"
    raise table.refusal(name, row, f"{_seen(table, name, row, values[row])} {what}", hint)


def _seen(table: Table, name: str, row: int, value: float) -> str:
    """A number as its cell has it."""
    return table.cell(name, row) if table.parts[0].typed else f"{value:g}"


def _without(name: str) -> str:
    return f"leave it out with -x '{name}'"


def _parsed(table: Table, name: str) -> pa.ChunkedArray:
    """A column of text as float64; `InputError` for the first word in it."""
    words = compute.utf8_trim_whitespace(table.text(name))
    empty = compute.is_in(words, bridge.strings(["", *EMPTY_WORDS]))
    if bridge.bits(empty).any():
        words = compute.if_else(empty, pa.nulls(1, pa.string())[0], words)
    if table.decimal != ".":
        words = compute.replace_substring(words, table.decimal, ".")
    try:
        return compute.cast(words, pa.float64())
    except pa.ArrowInvalid:
        numeric = _matches(words, _NUMBER) | _matches(words, _NO_NUMBER)
        bad = np.flatnonzero(~numeric & bridge.valid(words))
        if not len(bad):
            raise
        share = numeric.mean()
        raise _word(table, name, int(bad[0]), few=bool(share > 0.5)) from None


def _word(table: Table, name: str, row: int, few: bool) -> InputError:
    """The error for text where a number should be; `few`: most other cells are numbers."""
    cell = table.text(name)[row].as_py()
    if table.decimal == "." and re.fullmatch(r"\s*[+-]?\d*,\d+\s*", cell):
        hint = "type --decimal , if that is the decimal mark"
    elif few:
        hint = f"correct it, or type --na '{cell.strip()}' if it means an empty cell"
    else:
        hint = f"{_without(name)}, or use it as a category: categorical({name})"
    return table.refusal(name, row, f"{shown(cell)} is not a number", hint)


def _matches(words: pa.ChunkedArray, pattern: str) -> NDArray[np.bool_]:
    """Which words match, empty cells not."""
    found = compute.match_substring_regex(words, pattern)
    return bridge.bits(compute.fill_null(found, bridge.FALSE))


def share_of_numbers(words: pa.ChunkedArray) -> float:
    """Among cells that hold something, how many hold a number."""
    held = len(words) - words.null_count
    return float(_matches(words, _NUMBER).sum()) / held if held else 0.0


def all_numbers(words: pa.ChunkedArray) -> bool:
    """Does every cell that holds something hold a number?"""
    return int(_matches(words, _NUMBER).sum()) == len(words) - words.null_count


def learn(pieces: Iterable[Table], name: str, enough: int | None = None) -> tuple[Level, ...]:
    """The column's levels in order: numbers as numbers, then text; or `enough` of them."""
    words: set[Level] = set()
    for piece in pieces:
        words.update(_distinct(piece, name)[0])
        if enough is not None and len(set(_canonical(list(words))) - {""}) >= enough:
            break
    return tuple(sorted(set(_canonical(list(words))) - {""}, key=_rank))


def _rank(level: Level) -> tuple[bool, float, str]:
    text = str(level)
    number = re.fullmatch(_NUMBER, text)
    return (not number, float(text) if number else 0.0, text)


def codes(
    table: Table, column: Column, out: NDArray[np.float64] | None = None,
    what: str = "category of this model",
) -> NDArray[np.float64]:
    """The column's cells as codes of the levels it was learnt with, NaN where empty.

    what: a cell should be. Raises `InputError` for the first cell whose level is not among them.
    """
    levels = column.levels or ()
    words, places = _distinct(table, column.name)
    known = {level: float(code) for code, level in enumerate(levels)} | {"": np.nan}
    lookup = np.full(len(words) + 1, np.nan)
    unseen = []
    for place, key in enumerate(_like(words, levels)):
        if key in known:
            lookup[place] = known[key]
        else:
            unseen.append(place)
    if unseen:
        row = int(np.flatnonzero(np.isin(places, unseen))[0])
        raise table.refusal(
            column.name, row, f"{shown(str(words[places[row]]))} is not a {what}",
            f"it knows {listed([str(level) for level in levels])}",
        )  # fmt: skip
    found = np.empty(len(places)) if out is None else out
    return np.take(lookup, places, out=found, mode="wrap")


def _distinct(table: Table, name: str) -> tuple[list[Level], NDArray[np.int64]]:
    """The distinct cells, and the place of each row's cell among them, -1 where empty."""
    column = table.column(name)
    if pa.types.is_dictionary(column.type):
        column = compute.cast(column, column.type.value_type)
    kind = column.type
    if pa.types.is_null(kind):
        return [], np.full(len(column), -1)
    if pa.types.is_boolean(kind):
        column = compute.cast(column, pa.string())
    elif pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        column = _whole(table, name)
    elif pa.types.is_nested(kind):
        raise table.refusal(name, 0, f"it holds {kind} values, not categories", _without(name))
    elif not pa.types.is_integer(kind):
        column = table.text(name)
    encoded = compute.dictionary_encode(bridge.joined(column))
    return encoded.dictionary.to_pylist(), bridge.integers(encoded.indices)


def _whole(table: Table, name: str) -> pa.Array:
    """A column of floats that are all whole, as integers."""
    values = numbers(table, name)
    uneven = np.flatnonzero((values % 1 != 0) & ~np.isnan(values))
    if len(uneven):
        row = int(uneven[0])
        raise table.refusal(
            name, row, f"{_seen(table, name, row, values[row])} is not a category",
            "categories are text or whole numbers",
        )  # fmt: skip
    return compute.cast(bridge.nullable(values), pa.int64())


def _canonical(words: Sequence[Level]) -> list[Level]:
    """Levels as they are recorded, decided by all of them together."""
    texts = [word for word in words if isinstance(word, str) and word]
    if texts and all(_WHOLE.fullmatch(word) for word in texts):
        return [_integer(word) for word in words]
    if texts and all(word.lower() in _TRUTHS for word in texts):
        return [str(word).lower() for word in words]
    return list(words)


def _integer(word: Level) -> Level:
    match = _WHOLE.fullmatch(str(word))
    if not match:
        return word
    return int(match[1]) if match[1] else int(match[2], 16)  # as PyArrow reads hexadecimal text


def _like(words: Sequence[Level], levels: Sequence[Level]) -> list[Level]:
    """New cells in the spelling of the learnt levels."""
    if levels and all(isinstance(level, int) for level in levels):
        return [_integer(word) for word in words]
    if set(levels) <= _TRUTHS:
        return [str(word).lower() for word in words]
    return [str(word) for word in words]
