"""Parquet and Arrow files: batches of some of their columns, as often as they are wanted."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import IO, Any

import pyarrow as pa

from emcli.errors import InputError, OutputError
from emcli.frozen import frozen
from emcli.tables import bridge
from emcli.tables.opening import Stream, is_regular, label_of
from emcli.tables.table import PIECE, Part, no_rows, refuse_twins

PARQUET, ARROW_FILE, ARROW_STREAM, FEATHER_1 = b"PAR1", b"ARROW1", b"\xff\xff\xff\xff", b"FEA1"
BUFFER = 1 << 20  # bytes of a Parquet column read at a time


@frozen
class Input:
    """One file to read; `partition` holds the columns its folder names give it."""

    path: str
    partition: tuple[tuple[str, str | None], ...] = ()

    @property
    def label(self) -> str:
        return label_of(self.path)


def is_binary(stream: Stream) -> bool:
    """Parquet or Arrow, by the first bytes."""
    return stream.peek(6).startswith((PARQUET, ARROW_FILE, ARROW_STREAM, FEATHER_1))


class BinaryFile:
    """A Parquet or Arrow file; `place` gives an empty file for a copy of what comes by a pipe.

    Nothing is kept: what is wanted is read from the file again.
    """

    def __init__(
        self,
        stream: Stream,
        source: Input,
        place: Callable[[], IO[bytes]],
        columns: Sequence[str] | None = None,
        once: bool = False,
    ) -> None:
        self.label, self.partition = source.label, dict(source.partition)
        self.head = stream.peek(6)
        self._stream = stream if once and self._is(ARROW_STREAM) else None
        self._path = source.path if is_regular(source.path) and not stream.what else None
        if self._is(FEATHER_1):
            raise InputError(f"{self.label} is Feather version 1", "write it again as version 2")
        self._copy = None if self._stream or self._path else _copied(stream, place())
        with self._damage():
            schema, self._rows = self._look()
        refuse_twins(schema.names, self.label)
        self.types = {field.name: {field.type} for field in schema}
        self.types |= {name: {pa.string()} for name in self.partition}
        self.names = [name for name in self.types if columns is None or name in columns]

    def _is(self, magic: bytes) -> bool:
        return self.head.startswith(magic)

    def _damage(self) -> _Damage:
        return _Damage(self.label, "Parquet" if self._is(PARQUET) else "Arrow")

    def _open(self) -> Any:
        """The file from its beginning."""
        if self._stream is not None:
            return pa.PythonFile(self._stream, mode="r")
        if self._path is not None:
            return pa.OSFile(self._path)
        assert self._copy is not None
        self._copy.seek(0)
        return pa.PythonFile(self._copy, mode="r")

    def _look(self) -> tuple[pa.Schema, int | None]:
        """The columns, and the number of rows where it is written in the file."""
        if self._is(PARQUET):
            self._parquet = _parquet(self._open())
            self._places: dict[str, list[int]] = {}
            for at, path in enumerate(self._parquet.column_paths):
                self._places.setdefault(path[0], []).append(at)
            return self._parquet.schema_arrow, self._parquet.metadata.num_rows
        if self._is(ARROW_FILE):
            with pa.ipc.open_file(self._open()) as reader:
                return reader.schema, None
        self._reader = pa.ipc.open_stream(self._open())
        return self._reader.schema, None

    @property
    def rows(self) -> int:
        """The number of rows; `InputError` when there is none."""
        if self._rows is None:
            self._rows = sum(batch.num_rows for batch in self.batches(self.names[:1]))
        if not self._rows:
            raise no_rows(self.label, text=False)
        return self._rows

    def matrix(self, names: Sequence[str]) -> None:
        """Nothing is kept."""

    def runs(self, names: Sequence[str], last: bool = False) -> Iterator[tuple[pa.Table, Part]]:
        """The rows of some columns, and where they are from."""
        skipped = 0
        for batch in self.batches(names):
            for start in range(0, batch.num_rows, PIECE):
                arrow = pa.Table.from_batches([batch.slice(start, PIECE)])
                yield arrow, Part(self.label, arrow.num_rows, skipped)
                skipped += arrow.num_rows

    def batches(self, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Batches of these columns, in the file's own sizes."""
        stored = [name for name in names if name not in self.partition]
        with self._damage():
            for batch in self._stored(stored):
                if batch.num_rows:
                    yield self._with_partition(batch, names)

    def _stored(self, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
        if self._is(PARQUET):
            reader = self._parquet
            places = [at for name in names for at in self._places[name]]
            groups = range(reader.num_row_groups)
            yield from reader.iter_batches(PIECE, groups, places, use_threads=False)
            return
        if self._is(ARROW_FILE):
            at = [number for number, name in enumerate(self.types) if name in names]
            how = pa.ipc.IpcReadOptions(included_fields=at)
            with pa.ipc.open_file(self._open(), options=how) as reader:
                for number in range(reader.num_record_batches):
                    yield reader.get_batch(number)
            return
        reader, self._reader = self._reader, None
        yield from reader or pa.ipc.open_stream(self._open())

    def _with_partition(self, batch: pa.RecordBatch, names: Sequence[str]) -> pa.RecordBatch:
        """The wanted columns, those of one value for each partition folder among them."""
        arrays = []
        for name in names:
            if name not in self.partition:
                arrays.append(batch.column(batch.schema.get_field_index(name)))
            elif (value := self.partition[name]) is None:
                arrays.append(pa.nulls(batch.num_rows, pa.string()))
            else:
                arrays.append(bridge.strings([value] * batch.num_rows))
        return pa.RecordBatch.from_arrays(arrays, names=list(names))


def _parquet(file: Any) -> Any:
    """A reader of Parquet; to import all of `pyarrow.parquet` takes 9 MB and 60 ms more."""
    try:
        from pyarrow._parquet import ParquetReader
    except ImportError:  # should the name change some day, the slow way still works
        from pyarrow.parquet.core import ParquetReader
    reader = ParquetReader()
    reader.open(file, buffer_size=BUFFER, pre_buffer=False)
    return reader


def _copied(stream: Stream, file: IO[bytes]) -> IO[bytes]:
    """All that comes by the stream, in a file."""
    import shutil

    try:
        shutil.copyfileobj(stream, file, BUFFER)
        file.flush()
    except OSError as error:
        raise OutputError(
            f"cannot copy {stream.label} to the temporary directory: {error.strerror}",
            "name one with more room by TMPDIR or --spool",
        ) from None
    return file


class _Damage:
    """Inside it, what Arrow cannot read becomes an `InputError` that names the file."""

    def __init__(self, label: str, kind: str) -> None:
        self.label, self.kind = label, kind

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, (pa.ArrowException, OSError)):
            reason = " ".join(str(error).split())[:80]
            raise InputError(
                f"{self.label} is a damaged {self.kind} file ({reason})", "make or fetch it again"
            ) from None
