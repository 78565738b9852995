"""Tables read once from front to back, in pieces of fixed length and in constant memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, Protocol

import pyarrow as pa

from emcli.environment import give_back
from emcli.errors import InputError
from emcli.settings import Reading
from emcli.tables import compute, text
from emcli.tables.binary import BinaryFile, Input, is_binary
from emcli.tables.decoding import Decoder
from emcli.tables.opening import Stream, open_stream
from emcli.tables.reading import inputs
from emcli.tables.records import Records, parsed
from emcli.tables.table import PIECE, Part, Table, as_text, no_rows

# After so many rows what was freed is given back: pieces come and go among what stays, and a heap
# with holes between grew by four bytes a row.
_RELEASED = 4 * PIECE


class Wanted(Protocol):
    """What streaming needs of `emcli.columns.Column`."""

    @property
    def name(self) -> str: ...
    @property
    def kind(self) -> str: ...


def stream(
    paths: Sequence[str],
    reading: Reading,
    columns: Sequence[Wanted],
    extra: Sequence[str] | None = (),
) -> Iterator[Table]:
    """The rows of all files as tables of exactly 65,536 rows, the last one shorter.

    columns: those the model knows, found by name whatever their order; numbers arrive as float64,
    categories as they are. extra: other columns wanted (an id, say), all of them when None; these
    are text, character for character where the file is text. Raises `InputError` for a missing
    column and for what cannot be read, with its row.
    """
    return _evenly(_runs(inputs(paths), reading, columns, extra), reading.decimal)


def evenly(
    table: Table, names: Sequence[str], texts: Sequence[str], words: bool = False
) -> Iterator[Table]:
    """Columns of a table in pieces of 65,536 rows; those of `texts` character for character.

    words: even those that mean an empty cell, and in all columns.
    """

    def had(piece: Table, name: str) -> pa.ChunkedArray:
        if words:
            return piece.words(name)
        return piece.text(name) if name in texts else piece.column(name)

    def runs() -> Iterator[tuple[pa.Table, Part]]:
        for piece in table.pieces(names):
            found = [had(piece, name) for name in names]
            arrow = pa.Table.from_arrays(found, names=list(names))
            for part, start in zip(piece.parts, piece.starts, strict=False):
                yield arrow.slice(start, part.rows), Part(part.label, part.rows, part.skipped)

    return _evenly(runs(), table.decimal)


def _evenly(runs: Iterator[tuple[pa.Table, Part]], decimal: str) -> Iterator[Table]:
    """The same rows, 65,536 at a time."""
    waiting: list[tuple[pa.Table, Part]] = []
    held = first = 0
    for arrow, part in runs:
        if waiting:
            arrow = _alike(arrow, waiting[0][0].column_names, part.label)
        waiting.append((arrow, part))
        held += part.rows
        while held >= PIECE:
            yield _cut(waiting, PIECE, decimal, first)
            held, first = held - PIECE, first + PIECE
            if first % _RELEASED == 0:
                give_back()
    if held:
        yield _cut(waiting, held, decimal, first)


def _cut(waiting: list[tuple[pa.Table, Part]], rows: int, decimal: str, first: int) -> Table:
    """The first `rows` rows of what waits, taken from it."""
    taken, left = [], rows
    while left:
        arrow, part = waiting.pop(0)
        if part.rows > left:
            rest = Part(part.label, part.rows - left, part.skipped + left)
            waiting.insert(0, (arrow.slice(left), rest))
            arrow, part = arrow.slice(0, left), Part(part.label, left, part.skipped)
        taken.append((arrow, part))
        left -= part.rows
    arrow = _stacked([arrow for arrow, _ in taken])
    return Table(arrow, [part for _, part in taken], decimal, first)


def _stacked(tables: Sequence[pa.Table]) -> pa.Table:
    """The rows of all; a column that has another type in another file, or a word among its
    numbers, becomes text, which `columns.encode` reads just the same."""
    if all(arrow.schema.equals(tables[0].schema) for arrow in tables):
        return pa.concat_tables(tables)
    columns = []
    for name in tables[0].column_names:
        found = [arrow.column(name) for arrow in tables]
        if len({column.type for column in found}) > 1:
            found = [as_text(column) for column in found]
        chunks = [chunk for column in found for chunk in column.chunks]
        columns.append(pa.chunked_array(chunks, type=found[0].type))
    return pa.Table.from_arrays(columns, names=tables[0].column_names)


def _alike(arrow: pa.Table, names: Sequence[str], label: str) -> pa.Table:
    """The columns of the rows before, in their order; `InputError` where one is not there."""
    if arrow.column_names == names:
        return arrow
    for name in names:
        if name not in arrow.column_names:
            raise missing(name, arrow.column_names, label)
    return arrow.select(names)


def _runs(
    sources: Sequence[Input],
    reading: Reading,
    columns: Sequence[Wanted],
    extra: Sequence[str] | None,
) -> Iterator[tuple[pa.Table, Part]]:
    """Runs of rows as the files happen to give them, every one with the wanted columns alone."""
    for source in sources:
        opened = open_stream(source.path)
        binary = is_binary(opened)
        found: Any = (
            _binary_runs(opened, source, columns, extra)
            if binary
            else _text_runs(opened, reading, columns, extra)
        )
        skipped = 0
        for arrow in found:
            yield arrow, Part(source.label, arrow.num_rows, skipped)
            skipped += arrow.num_rows
        if source.path != "-":
            opened.close()
        if not skipped:
            raise no_rows(source.label, text=not binary)


def missing(name: str, names: Sequence[str], label: str) -> InputError:
    """The error for a column that is not there, with the nearest name."""
    import difflib

    near = difflib.get_close_matches(name, names, n=1)
    hint = f"did you mean '{near[0]}'?" if near else f"its columns are {_listed(names)}"
    return InputError(f"{label} has no column '{name}'", hint)


def _listed(names: Sequence[str], most: int = 12) -> str:
    shown = ", ".join(names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown


def _wanted(
    names: Sequence[str], columns: Sequence[Wanted], extra: Sequence[str] | None, label: str
) -> list[str]:
    """The columns to keep: all as the file has them, or the model's, then the others."""
    wanted = dict.fromkeys([*(column.name for column in columns), *(extra or ())])
    for name in wanted:
        if name not in names:
            raise missing(name, names, label)
    return list(names if extra is None else wanted)


def _binary_runs(
    opened: Stream, source: Input, columns: Sequence[Wanted], extra: Sequence[str] | None
) -> Iterator[pa.Table]:
    from tempfile import TemporaryFile

    model = {column.name for column in columns}
    file = BinaryFile(opened, source, TemporaryFile, once=True)
    for arrow, _ in file.runs(_wanted(file.names, columns, extra, source.label)):
        found = [
            arrow.column(name) if name in model else as_text(arrow.column(name))
            for name in arrow.column_names
        ]
        yield pa.Table.from_arrays(found, names=arrow.column_names)


def _text_runs(
    opened: Stream, reading: Reading, columns: Sequence[Wanted], extra: Sequence[str] | None
) -> Iterator[pa.Table]:
    records = Records(Decoder(opened, reading.encoding), reading)
    kept = _wanted(records.layout.names, columns, extra, opened.label)
    kinds = {column.name: column.kind for column in columns}
    types = {n: pa.float64() if kinds.get(n) in ("real", "count") else pa.string() for n in kept}
    for _, arrow in parsed(iter(records), partial(_declared, records.layout, types)):
        yield arrow


def _declared(
    layout: text.Layout, types: dict[str, pa.DataType], body: bytes, first: int
) -> pa.Table:
    """The columns in their types; numbers come as text where a word is among them.

    `columns.encode` then finds the word and names its row.
    """
    try:
        return text.parse(body, layout, first, types, list(types))
    except pa.ArrowInvalid:
        pass
    as_bytes = dict.fromkeys(types, pa.binary())
    arrow = text.parse(body, layout, first, as_bytes, list(types))
    found = []
    for name in types:
        try:
            found.append(compute.cast(arrow.column(name), pa.string()))
        except pa.ArrowInvalid:
            raise text.bad_encoding(arrow.column(name), name, layout, first) from None
    return pa.Table.from_arrays(found, names=list(types))
