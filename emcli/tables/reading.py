"""Whole tables into memory, from any number of files of any of the formats."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.compute as pc

from emcli.errors import InputError, UsageError
from emcli.settings import Reading
from emcli.tables import bridge, text
from emcli.tables.decoding import Decoder
from emcli.tables.opening import Stream, is_regular, label_of, open_stream
from emcli.tables.table import Part, Table, no_rows, refuse_twins

PARQUET, ARROW_FILE, ARROW_STREAM, FEATHER_1 = b"PAR1", b"ARROW1", b"\xff\xff\xff\xff", b"FEA1"


@dataclass(frozen=True)
class Input:
    """One file to read; `partition` holds the columns its folder names give it."""

    path: str
    partition: tuple[tuple[str, str | None], ...] = ()

    @property
    def label(self) -> str:
        return label_of(self.path)


def read(paths: Sequence[str], reading: Reading, columns: Sequence[str] | None = None) -> Table:
    """One table from one or several files, all in memory.

    paths: files, folders of Parquet files, FIFOs, '-' for standard input; columns: the names
    wanted, all when None. Files are put together by column name, in the order given. Raises
    `InputError` for what cannot be used, naming file and row, and `UsageError` for options that
    make no sense.
    """
    pieces = [_read_one(source, reading, columns) for source in inputs(paths)]
    tables = [_in_order(arrow, pieces[0][0], part.label) for arrow, part in pieces]
    arrow = _together(tables, [part for _, part in pieces])
    return Table(arrow, [part for _, part in pieces], reading.decimal)


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


def _read_one(
    source: Input, reading: Reading, columns: Sequence[str] | None
) -> tuple[pa.Table, Part]:
    """One file as a table, and the note of where it came from."""
    stream = open_stream(source.path)
    try:
        if is_binary(stream):
            arrow, typed = _read_binary(stream, source, columns), None
        else:
            arrow, typed = _read_text(stream, reading, columns)
    finally:
        if source.path != "-":
            stream.close()
    if not arrow.num_rows:
        raise no_rows(source.label, text=typed is not None)
    return arrow, Part(source.label, arrow.num_rows, 0, typed)


def is_binary(stream: Stream) -> bool:
    """Parquet or Arrow, by the first bytes."""
    return stream.peek(6).startswith((PARQUET, ARROW_FILE, ARROW_STREAM, FEATHER_1))


def _read_text(
    stream: Stream, reading: Reading, columns: Sequence[str] | None
) -> tuple[pa.Table, Callable[[str], pa.ChunkedArray]]:
    data = Decoder(stream, reading.encoding).everything()
    layout, start = text.look(data, reading, stream.label, whole=True)
    body = data[start:]
    only = [name for name in layout.names if columns is None or name in columns]

    def typed(name: str) -> pa.ChunkedArray:
        """The column as it is written in the file."""
        try:
            return text.parse(body, layout, 0, {name: pa.string()}, [name]).column(0)
        except pa.ArrowInvalid:
            raw = text.parse(body, layout, 0, {name: pa.binary()}, [name]).column(0)
            raise text.bad_encoding(raw, name, layout, 0) from None

    return text.parse(body, layout, only=only), typed


def _read_binary(stream: Stream, source: Input, columns: Sequence[str] | None) -> pa.Table:
    batches = [pa.Table.from_batches([batch]) for batch in binary_batches(stream, source, columns)]
    if not batches:
        raise no_rows(source.label, text=False)
    return pa.concat_tables(batches)


def binary_batches(
    stream: Stream, source: Input, columns: Sequence[str] | None, rows: int = 1 << 20
) -> Iterator[pa.RecordBatch]:
    """Batches of a Parquet or Arrow file, pipe or compressed file, its partition columns added."""
    try:
        if stream.peek(4) == PARQUET:
            found = _parquet(stream, source, columns, rows)
        else:
            found = _arrow(stream, source)
        for batch in found:
            yield _with_partition(batch, source, columns)
    except (pa.ArrowException, OSError) as error:
        reason = " ".join(str(error).split())[:80]
        raise InputError(
            f"{source.label} is a damaged {'Parquet' if stream.peek(4) == PARQUET else 'Arrow'} "
            f"file ({reason})",
            "make or fetch it again",
        ) from None


def _parquet(
    stream: Stream, source: Input, columns: Sequence[str] | None, rows: int
) -> Iterator[pa.RecordBatch]:
    import pyarrow.parquet as parquet

    plain = is_regular(source.path) and not stream.what
    file = parquet.ParquetFile(source.path if plain else pa.BufferReader(stream.read()))
    names = file.schema_arrow.names
    refuse_twins(names, source.label)
    wanted = [name for name in names if columns is None or name in columns]
    yield from file.iter_batches(batch_size=rows, columns=wanted)


def _arrow(stream: Stream, source: Input) -> Iterator[pa.RecordBatch]:
    head = stream.peek(6)
    if head.startswith(FEATHER_1):
        raise InputError(f"{source.label} is Feather version 1", "write it again as version 2")
    if head.startswith(ARROW_STREAM):
        with pa.ipc.open_stream(pa.PythonFile(stream, mode="r")) as reader:
            refuse_twins(reader.schema.names, source.label)
            yield from reader
        return
    plain = is_regular(source.path) and not stream.what
    file = pa.memory_map(os.fsencode(source.path)) if plain else pa.BufferReader(stream.read())
    with pa.ipc.open_file(file) as reader:
        refuse_twins(reader.schema.names, source.label)
        for number in range(reader.num_record_batches):
            yield reader.get_batch(number)


def _with_partition(
    batch: pa.RecordBatch, source: Input, columns: Sequence[str] | None
) -> pa.RecordBatch:
    """The batch with the wanted columns, and a column of one value for each partition folder."""
    arrays = dict(zip(batch.schema.names, batch.columns, strict=True))
    for name, value in source.partition:
        if value is None:
            arrays[name] = pa.nulls(batch.num_rows, pa.string())
        else:
            arrays[name] = bridge.strings([value] * batch.num_rows)
    wanted = [name for name in arrays if columns is None or name in columns]
    return pa.RecordBatch.from_arrays([arrays[name] for name in wanted], names=wanted)


def _in_order(arrow: pa.Table, like: pa.Table, label: str) -> pa.Table:
    """The same columns in the order of the first file; `InputError` when they differ."""
    if arrow.column_names == like.column_names:
        return arrow
    for name in like.column_names:
        if name not in arrow.column_names:
            raise InputError(
                f"{label} has no column '{name}', which the first file has",
                "give files with the same columns",
            )
    for name in arrow.column_names:
        if name not in like.column_names:
            raise InputError(
                f"{label} has a column '{name}' that the first file does not have",
                "give files with the same columns",
            )
    return arrow.select(like.column_names)


def _together(tables: Sequence[pa.Table], parts: Sequence[Part]) -> pa.Table:
    """The files' rows in one table; where types differ, numbers become floats, the rest text."""
    if len(tables) == 1:
        return tables[0]
    columns = [
        _stacked([table.column(name) for table in tables], parts, name)
        for name in tables[0].column_names
    ]
    return pa.Table.from_arrays(columns, names=tables[0].column_names)


def _stacked(
    columns: Sequence[pa.ChunkedArray], parts: Sequence[Part], name: str
) -> pa.ChunkedArray:
    kinds = {column.type for column in columns if not pa.types.is_null(column.type)}
    if any(pa.types.is_dictionary(kind) for kind in kinds):
        columns = [_plain(column) for column in columns]
        kinds = {column.type for column in columns if not pa.types.is_null(column.type)}
    if len(kinds) > 1 and all(bridge.plain(kind) for kind in kinds):
        kinds = {pa.int64() if all(pa.types.is_signed_integer(k) for k in kinds) else pa.float64()}
    if len(kinds) > 1:
        kinds = {pa.string()}
        columns = [
            part.typed(name) if part.typed else Table(pa.table([column], [name]), [part]).text(name)
            for column, part in zip(columns, parts, strict=True)
        ]
    kind = next(iter(kinds), pa.null())
    chunks = [chunk for column in columns for chunk in pc.cast(column, kind).chunks]
    return pa.chunked_array(chunks, type=kind)


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_dictionary(column.type):
        return pc.cast(column, column.type.value_type)
    return column
