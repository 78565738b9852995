"""Room for what does not fit into memory: one limit for all that is kept, and a file beyond it.

What is kept counts against `--memory`; what no longer fits goes to nameless files in the `--spool`
directory, which vanish with the process however it ends. A matrix in such a file is mapped, and
its pages are given back as soon as they have been passed: they stay in the system's cache as long
as there is room for them, and are no part of the process.
"""

from __future__ import annotations

import mmap
import os
import weakref
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import IO, Any

import numpy as np

from emcli.errors import OutputError, UsageError
from emcli.families.block import Block
from emcli.numerics import Array
from emcli.sources.memory import CHUNK, MemorySource

# What Python, NumPy and Arrow take, and the pieces and blocks that are under way.
OWN = 160 << 20
# Share of the free memory that is used when no limit was given.
SHARE = 0.75


def free_memory() -> int:
    """Bytes that could be taken without harm: the machine's, or fewer where a container says so."""
    found = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    try:
        with open("/proc/meminfo", encoding="ascii") as lines:
            held = dict(line.split()[:2] for line in lines)
        found = int(held["MemAvailable:"]) << 10
        most, used = (_number(f"/sys/fs/cgroup/memory.{name}") for name in ("max", "current"))
        found = min(found, most - used)
    except (OSError, KeyError, ValueError):  # another system, or no limit there
        pass
    return found


def _number(path: str) -> int:
    with open(path, encoding="ascii") as file:
        return int(file.read())


class Spool:
    """What may still be kept in memory, and where the rest goes.

    memory: bytes the whole process may take, None for a share of what is free; folder: of the
    files, None for the temporary directory. Raises `UsageError` for a limit nothing fits into, and
    `OutputError` for a directory that cannot be written to.
    """

    def __init__(self, memory: int | None = None, folder: str | None = None) -> None:
        if memory is not None and memory < OWN:
            raise UsageError(
                f"--memory {memory >> 20}M is too little for any table",
                f"type {OWN >> 20}M or more",
            )
        if folder is not None and not os.access(folder, os.W_OK | os.X_OK):
            what = "it is write-protected" if os.path.isdir(folder) else "it is no directory"
            raise OutputError(f"cannot write to '{folder}': {what}", "name another by --spool")
        self.folder = folder
        self.left = int(SHARE * free_memory()) if memory is None else memory - OWN
        self._file: IO[bytes] | None = None
        self._end = 0

    def keep(self, size: int) -> bool:
        """May so many bytes be kept in memory? They count until they are given back."""
        if size > self.left:
            return False
        self.left -= size
        return True

    def give_back(self, size: int) -> None:
        """So many bytes are no longer kept."""
        self.left += size

    def write(self, data: Any) -> tuple[int, int]:
        """Put bytes into the file; where they lie in it."""
        if self._file is None:
            self._file = self.file()
        view, at = memoryview(data).cast("B"), self._end
        with self.named():
            while len(view):
                done = os.pwrite(self._file.fileno(), view, self._end)
                view, self._end = view[done:], self._end + done
        return at, self._end - at

    def read(self, place: tuple[int, int]) -> bytes:
        """The bytes that `write` put there."""
        assert self._file is not None
        at, size = place
        return os.pread(self._file.fileno(), size, at)

    def matrix(
        self, d: int, n: int, place: Callable[[], Array | None] = lambda: None
    ) -> Matrix:
        """Room for (d, n) float64, in memory or in a file; `place` may have such memory already."""
        if self.keep(8 * d * n):
            found = place()
            values = np.empty((d, n)) if found is None else found
            owner = values if values.base is None else values.base
            weakref.finalize(owner, self.give_back, values.nbytes)
            return Matrix(values)
        return Mapped(self, d, n)

    def file(self) -> IO[bytes]:
        """An empty file without a name."""
        import tempfile

        with self.named():
            return tempfile.TemporaryFile(prefix="emcli.", dir=self.folder)

    def named(self) -> Naming:
        """What cannot be written is an `OutputError` that names the directory."""
        import tempfile

        return Naming(self.folder or tempfile.gettempdir())


class Naming:
    """Inside it, failing writes say which directory they were for."""

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, OSError):
            raise OutputError(
                f"cannot write to '{self.folder}': {error.strerror or error}",
                "name a directory with more room by --spool, or allow more --memory",
            ) from None


class Matrix:
    """(d, n) float64 in memory."""

    def __init__(self, values: Array) -> None:
        self.values = values

    def passed(self, start: int, stop: int, column: int | None = None) -> None:
        """These rows, of one column or of all, will not be looked at again for a while."""

    def source(
        self, values: Array, names: Sequence[str], weights: Array | None, threads: int | None
    ) -> MemorySource:
        """A source of these values, all or some of the matrix."""
        return MemorySource(values, names, weights, threads)


class Mapped(Matrix):
    """(d, n) float64 in a file of its own."""

    def __init__(self, spool: Spool, d: int, n: int) -> None:
        # Rows of the file are whole pages, and so are chunks of it.
        pitch = -(-8 * n // mmap.PAGESIZE) * mmap.PAGESIZE
        with spool.named(), spool.file() as file:
            _allocate(file.fileno(), d * pitch)
            self.map = mmap.mmap(file.fileno(), d * pitch)
        self.spool, self.pitch, self.d = spool, pitch, d
        super().__init__(np.frombuffer(self.map).reshape(d, pitch // 8)[:, :n])

    def passed(self, start: int, stop: int, column: int | None = None) -> None:
        page = mmap.PAGESIZE
        low, high = 8 * start // page * page, min(-(-8 * stop // page) * page, self.pitch)
        for row in range(self.d) if column is None else (column,):
            self.map.madvise(mmap.MADV_DONTNEED, row * self.pitch + low, high - low)

    def source(
        self, values: Array, names: Sequence[str], weights: Array | None, threads: int | None
    ) -> MemorySource:
        return SpoolSource(self, values, names, weights, threads)


def _allocate(descriptor: int, size: int) -> None:
    """Room on the disk, now: a disk that is full is told here and not by a signal later."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(descriptor, 0, size)
    else:
        os.ftruncate(descriptor, size)


class SpoolSource(MemorySource):
    """Columns (d, n) of a matrix that is in a file: the same sums, without holding the rows."""

    def __init__(
        self,
        matrix: Mapped,
        values: Array,
        names: Sequence[str],
        weights: Array | None = None,
        threads: int | None = None,
    ) -> None:
        super().__init__(values, names, weights, threads)
        self.matrix = matrix

    def _blocks(self, start: int, stop: int, rows: int) -> Iterator[Block]:
        yield from super()._blocks(start, stop, rows)
        self.matrix.passed(start, stop)

    def pieces(self, rows: int) -> Iterator[Block]:
        for start in range(0, self.rows, rows):
            yield from self._blocks(start, min(start + rows, self.rows), rows)

    def only(self, chosen: np.ndarray) -> MemorySource:
        weights = None if self.weights is None else self.weights[chosen]
        matrix = self.matrix.spool.matrix(len(self.names), len(chosen))
        for rows, found in self._parts(chosen):
            matrix.values[:, rows] = self.values[:, found]
            matrix.passed(rows.start, rows.stop)
            self.matrix.passed(int(found[0]), int(found[-1]) + 1)
        return matrix.source(matrix.values, self.names, weights, self.threads)

    def _parts(self, chosen: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
        """Rows in increasing order, those of a chunk at a time: their places, and the rows."""
        ends = np.searchsorted(chosen, np.arange(0, self.rows + CHUNK, CHUNK))
        for low, high in pairwise(ends):
            if low < high:
                yield slice(int(low), int(high)), chosen[low:high]
