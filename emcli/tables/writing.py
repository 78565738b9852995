"""Rows out, as CSV or Parquet: the same bytes for the same rows, however they were read."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from emcli.errors import UsageError
from emcli.tables import bridge, compute
from emcli.tables.table import PIECE, refuse_twins

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

_SPECIAL = r'[",\r\n]'
_THREADS = min(os.cpu_count() or 1, 8)  # numbers take ten times as long to format as to write
_LINES = 8192  # rows formatted at a time: their text stays in a core's cache, and little waits
_WAITING = 2 * _THREADS  # such runs under way: enough to do while the next rows are coloured
_COMMA, _LINE, _QUOTE, _TWO, _NOTHING = (bridge.scalar(word) for word in (",", "\n", '"', '""', ""))


class RowWriter:
    """Tables of one schema, written one after another to a binary file; a context manager.

    Pieces that begin at multiples of 65,536 rows make the same Parquet row groups however many
    rows each call brings.
    """

    def __init__(self, file: IO[bytes], fmt: str) -> None:
        if fmt not in ("csv", "parquet"):
            raise UsageError(f"'{fmt}' is not a format of tables", "csv and parquet are")
        self.file, self.csv = file, fmt == "csv"
        self.parquet: Any = None
        self.started = False
        self.pending: list[Future[pa.Buffer]] = []

    @cached_property
    def threads(self) -> ThreadPoolExecutor:
        """Who formats; a small table needs none."""
        from concurrent.futures import ThreadPoolExecutor

        return ThreadPoolExecutor(_THREADS)

    def __enter__(self) -> RowWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        if kind is None:
            self._drain(0)
        if "threads" in vars(self):
            self.threads.shutdown(cancel_futures=True)
        if self.parquet is not None and kind is None:
            self.parquet.close()

    def write(self, table: pa.Table) -> None:
        """Add the rows; the first call decides names and types."""
        if not self.started:
            self._start(table)
        if self.csv:
            if table.num_rows <= _LINES and not self.pending:
                self.file.write(_lines(table))
                return
            for start in range(0, table.num_rows, _LINES):
                self.pending.append(self.threads.submit(_lines, table.slice(start, _LINES)))
                self._drain(_WAITING)
            return
        for start in range(0, table.num_rows, PIECE):
            self.parquet.write_table(table.slice(start, PIECE), row_group_size=PIECE)

    def _start(self, table: pa.Table) -> None:
        self.started = True
        refuse_twins(table.column_names, "the output")
        if self.csv:
            header = _quoted(bridge.strings(table.column_names)).to_pylist()
            self.file.write((",".join(header) + "\n").encode())
        else:
            import pyarrow.parquet as parquet

            # Numbers that are measured or computed hardly ever repeat: a dictionary of them makes
            # the file a quarter longer and takes most of the time.
            others = [field.name for field in table.schema if not bridge.plain(field.type)]
            self.parquet = parquet.ParquetWriter(
                self.file, table.schema, compression="zstd", use_dictionary=others or False
            )

    def _drain(self, left: int) -> None:
        """Write what is formatted, in order, until `left` pieces are under way."""
        while len(self.pending) > left:
            self.file.write(self.pending.pop(0).result())


def _lines(table: pa.Table) -> pa.Buffer:
    """Rows as CSV lines: Arrow joins the cells as text, and the text's buffer is the file's."""
    cells = [_cells(column) for column in table.columns]
    cells[-1] = compute.joined(_LINE, cells[-1], _NOTHING)
    lines = compute.joined(_COMMA, *cells) if len(cells) > 1 else cells[0]
    ends = np.frombuffer(lines.buffers()[1], np.int32)[lines.offset :][: len(lines) + 1]
    return lines.buffers()[2].slice(int(ends[0]), int(ends[-1] - ends[0]))


def _cells(column: pa.ChunkedArray) -> pa.Array:
    """A column as text; floats in the shortest form that reads back to the same number."""
    array = bridge.joined(column)
    if pa.types.is_dictionary(array.type):
        array = compute.cast(array, array.type.value_type)
    if bridge.textual(array.type):
        return _quoted(compute.cast(array, pa.string()))
    return compute.cast(array, pa.string())


def _quoted(words: pa.Array) -> pa.Array:
    """Text in quotes where it holds a delimiter, a quote or a line end, and only there."""
    special = compute.match_substring_regex(words, _SPECIAL)
    if not bridge.bits(compute.fill_null(special, bridge.FALSE)).any():
        return words
    doubled = compute.replace_substring(words, '"', '""')
    wrapped = compute.joined(_NOTHING, _QUOTE, doubled, _QUOTE)
    return compute.if_else(special, wrapped, words)


class AssignmentWriter(RowWriter):
    """Writes `row,colour,p_red,p_blue,...`, one line for each input row, in input order.

    file: a binary file; fmt: "csv" or "parquet"; colours: the components' names in order; id_name:
    of the column that takes the place of `row`; probabilities: also `p_...`; append: names of the
    input's columns that follow, one or more of which must not be among the names above.
    """

    def __init__(
        self,
        file: IO[bytes],
        fmt: str,
        colours: Sequence[str],
        id_name: str | None = None,
        probabilities: bool = True,
        append: Sequence[str] | None = None,
    ) -> None:
        super().__init__(file, fmt)
        self.colours = bridge.strings(colours)
        self.id_name = id_name
        self.names = [f"p_{colour}" for colour in colours] if probabilities else []
        own = [id_name or "row", "colour", *self.names]
        self.append = [name for name in append or () if name != id_name]
        for name in self.append:
            if name in own:
                raise UsageError(
                    f"the input has a column '{name}' already, which --append would write twice",
                    "leave --append out or rename the column",
                )

    def write(  # type: ignore[override]
        self,
        first_row: int,
        codes: np.ndarray,
        probabilities: np.ndarray | None = None,
        ids: pa.ChunkedArray | None = None,
        appended: pa.Table | None = None,
    ) -> None:
        """Add rows `first_row`, `first_row` + 1, ... (counted from 0).

        codes: (n,) component of each row, -1 where it has none (its cells stay empty);
        probabilities: (K, n); ids: (n,) with id_name; appended: the input's columns, n rows.
        """
        for start in range(0, len(codes), PIECE):
            span = slice(start, start + PIECE)
            coded = codes[span]
            columns = [
                ids.slice(start, PIECE)
                if ids is not None
                else bridge.numbers(np.arange(len(coded)) + (first_row + start + 1)),
                self._colour(coded),
            ]
            names = [self.id_name or "row", "colour"]
            if self.names and probabilities is not None:
                columns += [_where_coloured(row[span], coded) for row in probabilities]
                names += self.names
            if appended is not None:
                columns += [appended.column(name).slice(start, PIECE) for name in self.append]
                names += self.append
            super().write(pa.Table.from_arrays(columns, names=names))

    def _colour(self, codes: np.ndarray) -> pa.Array:
        places = np.where(codes < 0, np.nan, codes)
        return compute.take(self.colours, compute.cast(bridge.nullable(places), pa.int32()))


def _where_coloured(probability: np.ndarray, codes: np.ndarray) -> pa.Array:
    """Probabilities as Arrow, empty for rows without a colour."""
    if (codes >= 0).all():
        return bridge.numbers(probability)
    return bridge.nullable(np.where(codes < 0, np.nan, probability))


def write_rows(file: IO[bytes], fmt: str, pieces: Iterable[Mapping[str, Any] | pa.Table]) -> None:
    """Write tables, or mappings of names to columns (NumPy or Arrow), one after another.

    file: a binary file; fmt: "csv" or "parquet". NaN is written as an empty cell.
    """
    with RowWriter(file, fmt) as writer:
        for piece in _tables(pieces):
            writer.write(piece)


def _tables(pieces: Iterable[Mapping[str, Any] | pa.Table]) -> Iterator[pa.Table]:
    for piece in pieces:
        if isinstance(piece, pa.Table):
            yield piece
            continue
        columns = [
            bridge.nullable(column) if isinstance(column, np.ndarray) else column
            for column in piece.values()
        ]
        yield pa.Table.from_arrays(columns, names=list(piece))
