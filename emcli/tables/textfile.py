"""One text table, read once: its columns wait in the spool, its text stays where it can be read."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import pyarrow as pa

from emcli.errors import InputError
from emcli.frozen import frozen
from emcli.numerics import Array
from emcli.settings import Reading
from emcli.sources.spool import Spool
from emcli.tables import text
from emcli.tables.decoding import Decoder
from emcli.tables.opening import Stream, is_regular
from emcli.tables.records import Records, parsed
from emcli.tables.shelves import Shelves
from emcli.tables.table import Part, no_rows


class Kept:
    """Some rows of some columns, in memory or in the spool's file.

    shelves: where numbers lie in memory; at: rows before these; expected: about how many there are
    from here on.
    """

    def __init__(
        self, spool: Spool, shelves: Shelves, arrow: pa.Table, at: int, expected: int
    ) -> None:
        self.spool, self.schema = spool, shelves.schema(arrow.schema)
        self._held: dict[str, pa.ChunkedArray | tuple[int, int]] = {}
        for name, column in zip(arrow.column_names, arrow.columns, strict=True):
            if spool.keep(column.nbytes):
                self._held[name] = shelves.put(name, column, at, expected)
            else:
                self._held[name] = spool.write(_packed(column, name))

    def columns(self, names: Sequence[str]) -> pa.Table | None:
        """These columns, None when one of them was let go."""
        if not all(name in self._held for name in names):
            return None
        return pa.Table.from_arrays([self._column(name) for name in names], names=list(names))

    def _column(self, name: str) -> Any:
        held = self._held[name]
        if not isinstance(held, tuple):
            return held
        schema = pa.schema([self.schema.field(name)])
        return pa.ipc.read_record_batch(pa.py_buffer(self.spool.read(held)), schema).column(0)

    def let_go(self, names: Sequence[str]) -> None:
        """Keep these columns no longer."""
        for name in names:
            held = self._held.pop(name, ())
            if not isinstance(held, tuple):
                self.spool.give_back(held.nbytes)


def _packed(column: pa.ChunkedArray, name: str) -> pa.Buffer:
    """A column as the bytes of an Arrow message."""
    return pa.RecordBatch.from_arrays([column.combine_chunks()], names=[name]).serialize()


@frozen
class Run:
    """Consecutive rows: what was parsed, the text it is from, and how many rows come before."""

    kept: Kept
    text: Callable[[], bytes]
    rows: int
    skipped: int


class TextFile:
    """The columns of a text table, run by run, as often as they are wanted.

    Every run has the types that were inferred from it alone; `types` holds all there are of each
    column. A run's text is read again from the file where that is possible, else from a copy.
    """

    def __init__(
        self, stream: Stream, reading: Reading, columns: Sequence[str] | None, spool: Spool
    ) -> None:
        decoder = Decoder(stream, reading.encoding)
        plain = decoder.encoding == "utf-8" and not stream.what and is_regular(stream.label)
        self._file = open(stream.label, "rb") if plain else None
        at = 3 * decoder.marked
        records = Records(decoder, reading)
        at += records.start
        self.layout, self.label = records.layout, stream.label
        self.names = [n for n in self.layout.names if columns is None or n in columns]
        self.rows = 0
        self._runs: list[Run] = []
        self._shelves = Shelves(self.names)
        self.types: dict[str, set[pa.DataType]] = {name: set() for name in self.names}
        for body, arrow in parsed(iter(records), partial(self._parse, names=self.names)):
            text_of = self._text_at(at, body, spool)
            expected = self._expected(at, len(body), arrow.num_rows)
            kept = Kept(spool, self._shelves, arrow, self.rows, expected)
            self._runs.append(Run(kept, text_of, arrow.num_rows, self.rows))
            self.rows, at = self.rows + arrow.num_rows, at + len(body)
            kinds = arrow.schema.types if self.names else ()  # asked for none, Arrow reads all
            for name, kind in zip(self.names, kinds, strict=True):
                self.types[name].add(kind)
        self._shelves.filled()
        if not self.rows:
            raise no_rows(self.label, text=True)

    def _parse(
        self, body: bytes, first: int, names: Sequence[str], types: Any = None, words: bool = False
    ) -> pa.Table:
        return text.parse(body, self.layout, first, types, names, words)

    def _expected(self, at: int, size: int, rows: int) -> int:
        """About how many rows there are from `at` on, where `size` bytes hold so many.

        Where the end cannot be seen, as many as before are taken to follow.
        """
        if self._file is None:
            return self.rows + rows
        left = os.fstat(self._file.fileno()).st_size - at
        return int(1.02 * rows * left / size)

    def _text_at(self, at: int, body: bytes, spool: Spool) -> Callable[[], bytes]:
        """How to have a run's text again: from the file, from memory, or from the spool."""
        if self._file is not None:
            return partial(os.pread, self._file.fileno(), len(body), at)
        if spool.keep(len(body)):
            return lambda: body
        place = spool.write(body)
        return lambda: spool.read(place)

    def runs(self, names: Sequence[str], last: bool = False) -> Iterator[tuple[pa.Table, Part]]:
        """The rows of some columns, and where they are from; kept no longer after the `last` time.

        What is no longer kept is parsed again.
        """
        for run in self._runs:
            arrow = run.kept.columns(names)
            if arrow is None:
                types = {name: run.kept.schema.field(name).type for name in names}
                arrow = self._again(run, names, types)
            yield arrow, Part(self.label, run.rows, run.skipped, partial(self._typed, run))
            if last:
                run.kept.let_go(names)

    def matrix(self, names: Sequence[str]) -> Array | None:
        """(d, rows) float64, the memory these columns lie in, if they lie together; once only."""
        return self._shelves.matrix(names, self.rows)

    def _again(self, run: Run, names: Sequence[str], types: Any) -> pa.Table:
        try:
            arrow = self._parse(run.text(), run.skipped, names, types)
        except (InputError, pa.ArrowInvalid):  # it was parsed before
            arrow = None
        if arrow is None or arrow.num_rows != run.rows:
            raise InputError(f"{self.label} was changed while it was read", "try again")
        return arrow

    def _typed(self, run: Run, name: str, words: bool = False) -> pa.ChunkedArray:
        """The column as it is written in the file; words: those that mean an empty cell, too."""
        body = run.text()
        try:
            return self._parse(body, run.skipped, [name], {name: pa.string()}, words).column(0)
        except pa.ArrowInvalid:
            raw = self._parse(body, run.skipped, [name], {name: pa.binary()}).column(0)
            raise text.bad_encoding(raw, name, self.layout, run.skipped) from None
