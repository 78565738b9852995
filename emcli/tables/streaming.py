"""Tables read once from front to back, in pieces of fixed length and in constant memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.compute as pc

from emcli.errors import InputError
from emcli.settings import Reading
from emcli.tables import text
from emcli.tables.decoding import Decoder
from emcli.tables.opening import Stream, open_stream
from emcli.tables.reading import Input, binary_batches, inputs, is_binary
from emcli.tables.table import PIECE, Part, Table, as_text, no_rows

TEXT_BYTES = 1 << 24  # bytes of text parsed at a time


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
    waiting: list[tuple[pa.Table, Part]] = []
    held = first = 0
    for arrow, part in _runs(inputs(paths), reading, columns, extra):
        if waiting:
            arrow = _alike(arrow, waiting[0][0].column_names, part.label)
        waiting.append((arrow, part))
        held += part.rows
        while held >= PIECE:
            yield _cut(waiting, PIECE, reading, first)
            held, first = held - PIECE, first + PIECE
    if held:
        yield _cut(waiting, held, reading, first)


def _cut(waiting: list[tuple[pa.Table, Part]], rows: int, reading: Reading, first: int) -> Table:
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
    return Table(arrow, [part for _, part in taken], reading.decimal, first)


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
    """The columns to keep, in the order of the model, then of the file."""
    kept = [column.name for column in columns]
    kept += [name for name in (names if extra is None else extra) if name not in kept]
    for name in kept:
        if name not in names:
            raise missing(name, names, label)
    return kept


def _binary_runs(
    opened: Stream, source: Input, columns: Sequence[Wanted], extra: Sequence[str] | None
) -> Iterator[pa.Table]:
    model = {column.name for column in columns}
    for batch in binary_batches(opened, source, None, PIECE):
        arrow = pa.Table.from_batches([batch])
        arrow = arrow.select(_wanted(arrow.column_names, columns, extra, source.label))
        found = [
            arrow.column(name) if name in model else as_text(arrow.column(name))
            for name in arrow.column_names
        ]
        yield pa.Table.from_arrays(found, names=arrow.column_names)


def _text_runs(
    opened: Stream, reading: Reading, columns: Sequence[Wanted], extra: Sequence[str] | None
) -> Iterator[pa.Table]:
    pieces = _whole_records(Decoder(opened, reading.encoding))
    piece = next(pieces, b"")
    layout, start = text.look(piece, reading, opened.label, whole=False)
    kept = _wanted(layout.names, columns, extra, opened.label)
    kinds = {column.name: column.kind for column in columns}
    types = {n: pa.float64() if kinds.get(n) in ("real", "count") else pa.string() for n in kept}
    rows, body = 0, piece[start:]
    while True:
        if not text.is_blank(body):
            arrow = _declared(body, layout, rows, types)
            rows += arrow.num_rows
            yield arrow
        body = next(pieces, b"")
        if not body:
            return


def _declared(
    body: bytes, layout: text.Layout, first: int, types: dict[str, pa.DataType]
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
            found.append(pc.cast(arrow.column(name), pa.string()))
        except pa.ArrowInvalid:
            raise text.bad_encoding(arrow.column(name), name, layout, first) from None
    return pa.Table.from_arrays(found, names=list(types))


def _whole_records(decoder: Decoder) -> Iterator[bytes]:
    """The text in runs that end where a record ends."""
    left = b""
    while more := decoder.read(TEXT_BYTES):
        left += more
        end = _last_end(left)
        if end:
            yield left[:end]
            left = left[end:]
    if left:
        yield left


def _last_end(data: bytes) -> int:
    """Where the last complete record ends; blank lines after it stay with what follows."""
    end = len(data)
    while (end := data.rfind(b"\n", 0, end)) >= 0:
        if data.count(b'"', 0, end) % 2 == 0:
            last = len(data[:end].rstrip(b"\r\n"))
            return last + len(b"\r\n" if data[last : last + 2] == b"\r\n" else b"\n") if last else 0
    return 0
