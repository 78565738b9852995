"""Whole tables, from any number of files of any of the formats, read once and had in pieces."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, Protocol, TypeAlias

import pyarrow as pa

from emcli.errors import InputError, UsageError
from emcli.numerics import Array
from emcli.settings import Reading
from emcli.sources.spool import Matrix, Spool
from emcli.tables import bridge, compute
from emcli.tables.binary import BinaryFile, Input, is_binary
from emcli.tables.opening import open_stream
from emcli.tables.table import LARGE, Part, Table, as_text
from emcli.tables.textfile import TextFile


def read(
    paths: Sequence[str],
    reading: Reading,
    columns: Sequence[str] | None = None,
    spool: Spool | None = None,
) -> FileTable:
    """One table from one or several files.

    paths: files, folders of Parquet files, FIFOs, '-' for standard input; columns: the names
    wanted, all when None; spool: says what may be kept in memory, and where the rest goes. Files
    are put together by column name, in the order given. Raises `InputError` for what cannot be
    used, naming file and row, and `UsageError` for options that make no sense.
    """
    spool = spool or Spool()
    files = [_opened(source, reading, columns, spool) for source in inputs(paths)]
    return FileTable(files, reading.decimal, spool)


def inputs(paths: Sequence[str]) -> list[Input]:
    """The files behind the paths: a folder stands for its Parquet files, sorted."""
    if not paths:
        raise UsageError("no table was named", "give a file, or - for standard input")
    if list(paths).count("-") > 1:
        raise UsageError("standard input can be read only once", "give '-' once")
    found: list[Input] = []
    for path in paths:
        found += _folder(path) if path != "-" and os.path.isdir(path) else [Input(path)]
    _level_partitions(found)
    return found


def _folder(path: str) -> list[Input]:
    """The Parquet files of a folder and its subfolders, hidden and underscored ones left out."""
    from pathlib import Path

    root = Path(path)
    files = [
        file
        for file in sorted(root.rglob("*"))
        if file.suffix in (".parquet", ".parq", ".pq")
        and not any(part[0] in "._" for part in file.relative_to(root).parts)
    ]
    if not files:
        raise InputError(
            f"'{path}' is a folder without Parquet files",
            f"to read text tables in it, name them: {os.path.join(path, '*.csv')}",
        )
    return [Input(str(file), _partition(file.relative_to(root).parts[:-1])) for file in files]


def _partition(folders: Sequence[str]) -> tuple[tuple[str, str | None], ...]:
    """`year=2020/sex=f` -> the columns and values that hive partitions mean."""
    from urllib.parse import unquote

    pairs = (unquote(folder).partition("=") for folder in folders if "=" in folder)
    return tuple(
        (name, None if value == "__HIVE_DEFAULT_PARTITION__" else value) for name, _, value in pairs
    )


def _level_partitions(found: Sequence[Input]) -> None:
    """Raise `InputError` when the files do not all have the same partition columns."""
    for source in found[1:]:
        if [name for name, _ in source.partition] != [name for name, _ in found[0].partition]:
            raise InputError(
                f"{source.label} lies in other partition folders than {found[0].label}",
                "give one folder of one layout",
            )


Runs: TypeAlias = list[tuple[pa.Table, Part]]


class File(Protocol):
    """What a table needs of each of its files; `types`: of each column, all that occur."""

    label: str
    names: list[str]
    types: dict[str, set[pa.DataType]]

    @property
    def rows(self) -> int: ...

    def runs(self, names: Sequence[str], last: bool = False) -> Iterator[tuple[pa.Table, Part]]:
        """The rows of some columns, run by run; `last`: they are not wanted again soon."""

    def matrix(self, names: Sequence[str]) -> Array | None:
        """The memory these columns lie in, as (d, rows) float64, where there is such."""


def _opened(
    source: Input, reading: Reading, columns: Sequence[str] | None, spool: Spool
) -> File:
    stream = open_stream(source.path)
    try:
        if is_binary(stream):
            return BinaryFile(stream, source, spool.file, columns)
        return TextFile(stream, reading, columns, spool)
    finally:
        if source.path != "-":
            stream.close()


class FileTable(Table):
    """A table that is not in memory as a whole: its pieces are read from where they are kept."""

    def __init__(self, files: Sequence[File], decimal: str, spool: Spool) -> None:
        self.files, self.spool = files, spool
        for file in files[1:]:
            _refuse_other_columns(file, files[0])
        parts = [Part(file.label, file.rows) for file in files]
        kinds = [(name, joint([file.types[name] for file in files])) for name in files[0].names]
        self._describe(pa.schema(kinds), parts, decimal)

    def pieces(self, names: Sequence[str] | None = None, last: bool = False) -> Iterator[Table]:
        names = self.names if names is None else tuple(names)
        kinds = [self.kind(name) for name in names]
        first = 0
        for file in self.files:
            # Runs are short, and what is done with a piece has a price of its own.
            for runs in _gathered(file.runs(names, last), LARGE // len(names)):
                parts = [part for _, part in runs]
                arrow = pa.concat_tables([
                    arrow if arrow.schema.types == kinds else self._typed(arrow, part)
                    for arrow, part in runs
                ])
                yield Table(arrow, parts, self.decimal, first)
                first += arrow.num_rows

    def matrix(self, names: Sequence[str]) -> Matrix:
        assert self.spool
        if len(self.files) > 1:
            return super().matrix(names)
        return self.spool.matrix(len(names), self.rows, partial(self.files[0].matrix, names))

    def _typed(self, arrow: pa.Table, part: Part) -> pa.Table:
        """The run with its columns in the types they have over all runs."""
        run = Table(arrow, [part], self.decimal)
        found = [_as(run, name, self.kind(name)) for name in run.names]
        return pa.Table.from_arrays(found, names=list(run.names))

    @property
    def arrow(self) -> pa.Table:
        """All of it."""
        return pa.concat_tables([piece.arrow for piece in self.pieces()])

    def column(self, name: str) -> pa.ChunkedArray:
        return _chained([piece.column(name) for piece in self.pieces([name])], self.kind(name))

    def text(self, name: str) -> pa.ChunkedArray:
        return _chained([piece.text(name) for piece in self.pieces([name])], pa.string())


def _gathered(runs: Iterator[tuple[pa.Table, Part]], rows: int) -> Iterator[Runs]:
    """Runs together that make up so many rows or a little more."""
    held: Runs = []
    count = 0
    for run in runs:
        held.append(run)
        count += run[1].rows
        if count >= rows:
            yield held
            held, count = [], 0
    if held:
        yield held


def _chained(columns: Sequence[pa.ChunkedArray], kind: pa.DataType) -> pa.ChunkedArray:
    return pa.chunked_array([chunk for column in columns for chunk in column.chunks], type=kind)


def _refuse_other_columns(file: File, first: File) -> None:
    """Raise `InputError` unless the file has the columns of the first one."""
    for name in first.names:
        if name not in file.names:
            raise InputError(
                f"{file.label} has no column '{name}', which the first file has",
                "give files with the same columns",
            )
    for name in file.names:
        if name not in first.names:
            raise InputError(
                f"{file.label} has a column '{name}' that the first file does not have",
                "give files with the same columns",
            )


def joint(found: Sequence[set[pa.DataType]]) -> pa.DataType:
    """One type for all: where they differ, numbers become floats, the rest text."""
    kinds: set[Any] = {
        kind.value_type if pa.types.is_dictionary(kind) else kind for some in found for kind in some
    }
    kinds.discard(pa.null())
    if len(kinds) < 2:
        return next(iter(kinds), pa.null())
    if all(bridge.plain(kind) for kind in kinds):
        return pa.int64() if all(map(pa.types.is_signed_integer, kinds)) else pa.float64()
    return pa.string()


def _as(piece: Table, name: str, kind: pa.DataType) -> Any:
    """The piece's column in the type it has in the whole table."""
    column = piece.column(name)
    if column.type == kind:
        return column
    if pa.types.is_dictionary(column.type):
        column = compute.cast(column, column.type.value_type)
    if bridge.plain(column.type) and kind == pa.float64():
        return bridge.nullable(bridge.floats(column))
    if kind != pa.string():
        return compute.cast(column, kind)
    return piece.text(name) if piece.parts[0].typed else as_text(column)
