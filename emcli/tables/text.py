"""Text tables: delimiter and header, and the parsing of a run of whole rows."""

from __future__ import annotations

import contextlib
import csv
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import pyarrow as pa
import pyarrow.csv

from emcli.errors import InputError, UsageError
from emcli.frozen import frozen
from emcli.settings import Reading
from emcli.tables.table import EMPTY_WORDS, refuse_twins, shown

LOOKED_AT = 65_536  # bytes that decide the delimiter

_DELIMITERS = (b"\t", b";", b"|", b",")
_NAMES = {"\t": "a tab", " ": "a space"}


@frozen
class Layout:
    """What is known of a text table once its beginning has been seen."""

    label: str
    delimiter: str
    names: tuple[str, ...]
    decimal: str
    empty: tuple[str, ...]

    @property
    def single(self) -> bool:
        """One column: there a blank line between others is an empty cell, not nothing."""
        return len(self.names) == 1

    @cached_property
    def signs(self) -> tuple[tuple[bytes, tuple[str, ...]], ...]:
        """A letter each of some words that mean an empty cell, and the words; few for all words."""
        found, left = [], [word for word in self.empty if word]
        while left:
            counts = Counter(letter for word in left for letter in sorted({*word}))
            letter = counts.most_common(1)[0][0]
            found.append((letter.encode(), tuple(word for word in left if letter in word)))
            left = [word for word in left if letter not in word]
        return tuple(found)

    def empty_in(self, body: bytes) -> list[str]:
        """Of the words that mean an empty cell, those that this text can hold.

        Arrow compares every cell with all the words it is given, which takes it as long as a
        number takes it to read; a table of nothing but numbers has no 'N' and no 'n'.
        """
        return ["", *(word for sign, words in self.signs if sign in body for word in words)]


def look(data: bytes, reading: Reading, label: str) -> tuple[Layout, int]:
    """The layout of a table that begins with `data`, and where its first row of data begins.

    `data` is UTF-8 and holds the first line entirely. Raises `InputError` for an empty table,
    binary data, columns that share a name.
    """
    start = first_text(data)
    head = data[start : start + LOOKED_AT]
    if not head.strip():
        raise InputError(f"{label} is empty", "give a table with a header and rows")
    _refuse_nul(head, label, int(reading.no_header))
    delimiter = _given_delimiter(reading) or _sniff(head, reading)
    if delimiter == reading.decimal:
        raise UsageError(f"'{delimiter}' cannot be both delimiter and decimal mark")
    end = _end_of_record(data, start)
    fields = _fields(data[start:end], delimiter, label)
    if reading.no_header:
        names, body = [f"column{number}" for number in range(1, len(fields) + 1)], start
    else:
        names, body = fields, end
        refuse_twins(names, label)
    empty = EMPTY_WORDS if reading.na is None else reading.na
    return Layout(label, delimiter, tuple(names), reading.decimal, ("", *empty)), body


def first_text(data: bytes) -> int:
    """Where the first line that is not blank begins."""
    found = re.compile(rb"[^\r\n]").search(data)
    return found.start() if found else len(data)


def is_blank(data: bytes) -> bool:
    """Nothing but line ends?"""
    return first_text(data) == len(data)


def _given_delimiter(reading: Reading) -> str | None:
    """The delimiter of -d, where it was given."""
    given = {"tab": "\t", "\\t": "\t", "space": " "}.get(reading.delimiter or "", reading.delimiter)
    for option, mark in (("--delimiter", given), ("--decimal", reading.decimal)):
        if mark is not None and (len(mark) != 1 or not mark.isascii() or mark in '"\r\n'):
            raise UsageError(f"{option} takes one character, not '{mark}'", "type , or ; or tab")
    return given


def _sniff(sample: bytes, reading: Reading) -> str:
    """The delimiter that divides the lines most evenly, quoted text not looked at."""
    if sample.count(b'"') % 2:
        sample = sample[: sample.rindex(b'"')]
    lines = [line for line in re.split(rb"[\r\n]+", re.sub(rb'"[^"]*"', b"", sample)) if line]
    if len(sample) == LOOKED_AT and len(lines) > 1:
        lines.pop()
    best, evenness = (";" if reading.decimal == "," else ","), 0.0
    for mark in _DELIMITERS:
        if mark.decode() == reading.decimal or not lines or mark not in lines[0]:
            continue
        count = lines[0].count(mark)
        even = sum(line.count(mark) == count for line in lines) / len(lines)
        if even > evenness:
            best, evenness = mark.decode(), even
    return best


def _end_of_record(data: bytes, start: int) -> int:
    """Where the record that begins at `start` ends, its line end included."""
    record = re.compile(rb'(?:[^"\r\n]|"[^"]*"|")*(?:\r\n|\n|\r|\Z)').match(data, start)
    return record.end() if record else len(data)


def _fields(record: bytes, delimiter: str, label: str) -> list[str]:
    """The fields of the header, quotes removed."""
    try:
        line = record.rstrip(b"\r\n").decode()
    except UnicodeDecodeError:
        raise InputError(
            f"{label}, header: the text is not UTF-8", "say what it is: --encoding cp1252, say"
        ) from None
    csv.field_size_limit(max(csv.field_size_limit(), len(line) + 1))
    return next(csv.reader([line], delimiter=delimiter), [""])


def parse(
    body: bytes,
    layout: Layout,
    first: int = 0,
    types: Mapping[str, pa.DataType] | None = None,
    only: Sequence[str] = (),
    words: bool = False,
) -> pa.Table:
    """Whole rows of text, without the header, as columns.

    first: rows of the file before these, for messages; types: of columns whose type is declared
    (others are inferred); only: the columns wanted, all when empty; words: a word that means an
    empty cell stays the word it is. Raises `InputError` for a
    ragged row, an open quote or a NUL byte, and `pa.ArrowInvalid` where declared types do not fit.
    """
    _refuse_nul(body, layout.label, first + 1)
    quotes = body.count(b'"') if b'"' in body else 0
    if quotes % 2:
        _refuse_open_quote(body, layout, first)
    if layout.single:
        body = body[: _last_text(body)]
    how = _Parsing(layout, quotes > 0, dict(types or {}), tuple(only), words)
    try:
        return how.run(body)
    except pa.ArrowInvalid as error:
        if "Expected" in str(error) and "columns, got" in str(error):
            raise _ragged(body, how, first) from None
        raise


def _last_text(body: bytes) -> int:
    """Where the last line that is not blank ends, without its line end."""
    end = len(body)
    while end and body[end - 1] in b"\r\n":
        end -= 1
    return end


@frozen
class _Parsing:
    """One way of calling PyArrow's CSV parser."""

    layout: Layout
    quoted: bool
    types: Mapping[str, pa.DataType]
    only: tuple[str, ...]
    words: bool

    def run(self, body: bytes, invalid: object = None) -> pa.Table:
        layout = self.layout
        return pyarrow.csv.read_csv(
            pa.BufferReader(pa.py_buffer(body)),
            read_options=pyarrow.csv.ReadOptions(
                column_names=list(layout.names), block_size=len(body) + 1, use_threads=False
            ),
            parse_options=pyarrow.csv.ParseOptions(
                delimiter=layout.delimiter,
                newlines_in_values=self.quoted,
                ignore_empty_lines=not layout.single,
                invalid_row_handler=invalid,
            ),
            convert_options=pyarrow.csv.ConvertOptions(
                column_types=dict(self.types),
                null_values=layout.empty_in(body),
                strings_can_be_null=not self.words,
                decimal_point=layout.decimal,
                include_columns=list(self.only) or None,
            ),
        )


def _ragged(body: bytes, how: _Parsing, first: int) -> InputError:
    """The error that names the first row with too many or too few fields."""
    seen: list[Any] = []

    def invalid(row: Any) -> str:
        seen.append(row)
        return "error"

    with contextlib.suppress(pa.ArrowInvalid):  # the same failure again, this time with its row
        how.run(body, invalid)
    row, layout = seen[0], how.layout
    found, expected = row.actual_columns, row.expected_columns
    mark = _NAMES.get(layout.delimiter, f"'{layout.delimiter}'")
    hint = f"put text that holds {mark} in double quotes, or say another delimiter with -d"
    if found < expected:
        hint = "complete the row; an empty cell needs its delimiter too"
    elif row.number == 1 and first == 0 and found == expected + 1:
        hint = "the header may lack a name for the first column"
    return InputError(
        f"{layout.label}, row {first + row.number}: {found} field{'s' * (found != 1)} where the "
        f"header has {expected} (delimiter {mark})",
        hint,
    )


def _refuse_nul(data: bytes, label: str, row: int) -> None:
    at = data.find(b"\0")
    if at >= 0:
        near = row + data.count(b"\n", 0, at)
        place = f"near row {near}" if near else "header"
        raise InputError(
            f"{label}, {place}: a NUL byte, so this is not a text table",
            "give CSV, TSV, Parquet or Arrow data, or say --encoding utf-16 if it is that",
        )


def _refuse_open_quote(body: bytes, layout: Layout, first: int) -> None:
    """Raise `InputError` when a quoted field never ends.

    Quotes inside an unquoted field are text, so an odd number of them alone proves nothing.
    """
    mark, inside, skip, opened = layout.delimiter.encode(), False, -1, 0
    for match in re.finditer(b'"', body):
        at = match.start()
        if at == skip:
            continue
        if not inside:
            inside = at == 0 or body[at - 1 : at] in (mark, b"\n", b"\r")
            opened = at
        elif body[at + 1 : at + 2] == b'"':
            skip = at + 1
        else:
            inside = False
    if inside:
        row = first + 1 + _records(body[:opened])
        raise InputError(
            f"{layout.label}, row {row}: a double quote opens here and never closes",
            "close it, or double it if it is part of the text",
        )


def _records(data: bytes) -> int:
    """Complete records in `data`, blank lines not counted."""
    outside = re.sub(rb'"[^"]*"', b"x", data)
    return len(re.findall(rb"[^\r\n][^\r\n]*[\r\n]", outside))


def bad_encoding(column: pa.ChunkedArray, name: str, layout: Layout, first: int) -> InputError:
    """The error that names the first cell of a binary column that is not UTF-8."""
    for row, cell in enumerate(column.to_pylist()):
        try:
            (cell or b"").decode()
        except UnicodeDecodeError:
            text = shown(cell.decode("latin-1"))
            return InputError(
                f"{layout.label}, row {first + row + 1}, column '{name}': the text is not UTF-8",
                f"say what it is; with --encoding cp1252 it would read {text}",
            )
    raise AssertionError("every cell is UTF-8")
