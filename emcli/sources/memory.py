"""A table in memory, summed over canonical blocks on all cores.

Rows are cut into blocks whose size depends on the model and on how many rows there are, and a few
blocks make a chunk; all sizes are powers of two, so CHUNK rows are whole chunks of any model.
Blocks fold left to right inside a chunk, chunks in a fixed binary tree over their numbers: the same
sums to the last bit for any number of threads, because a matrix product's bits change with the
width of its block and a sum's with its order.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property, partial
from typing import Any, Protocol, TypeVar

import numpy as np

from emcli import environment
from emcli.families.block import Block
from emcli.numerics import Array, short_buffers, splitmix

CHUNK = 65_536
_BLOCKS = 4  # in a chunk, or fewer where they are long: a chunk is what cores share out
# There are so many chunks if there are as many blocks: one core waits for the other no longer than
# a chunk takes. Blocks are cut in halves only where they are fewer than so many: rows with missing
# cells are grouped by pattern in each, and a group takes its time however small it is.
_CHUNKS, _FEW = 8, 6
# phi and joint of a block stay in a core's second-level cache.
_CACHE = 2**22
_LEAST, _MOST = 256, 16384
_SHORT = 512  # they are not cut below this: that costs more than it evens out
# Up to this many rows, or numbers, a second core costs more than it does.
_ALONE = 8192
_WORTHWHILE = 1_000_000


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """BLAS on one thread: parallelism comes from blocks, and the bits do not depend on it.

    The command line has set the environment before NumPy was imported; in a library that is too
    late, and threadpoolctl does it.
    """
    if os.environ.get("OPENBLAS_NUM_THREADS") == "1":
        yield
        return
    import threadpoolctl

    with threadpoolctl.threadpool_limits(limits=1, user_api="blas"):
        yield


class Adds(Protocol):
    """Anything whose values add."""

    def __add__(self, other: Any) -> Any: ...


T = TypeVar("T", bound=Adds)


def shared(width: int, rows: int) -> bool:
    """Is it worth a second core's while to look at so many rows of `width` numbers?"""
    return rows > _ALONE and rows * width >= _WORTHWHILE


def cuts(width: int, rows: int) -> tuple[int, int]:
    """Rows of a block and of a chunk, powers of two, of so many rows that each take `width` numbers
    when they are looked at."""
    block = 2 ** int(np.log2(max(_CACHE / (8 * width), 1)))
    block = min(max(block, _LEAST), _MOST)
    if not shared(width, rows):
        return block, block
    while block > _SHORT and rows < _FEW * block:
        block //= 2
    chunk = min(_BLOCKS * block, _MOST)
    while chunk > block and rows < _CHUNKS * chunk:
        chunk //= 2
    return block, chunk


def fold(values: Iterable[T]) -> T:
    """Add up neighbours, then neighbours' sums: a tree that depends on their number alone.

    As they come: what waits for its neighbour are sums of so many values, each a smaller power of
    two than the one before.
    """
    waiting: list[tuple[int, T]] = []
    for value in values:
        count = 1
        while waiting and waiting[-1][0] == count:
            count, value = 2 * count, waiting.pop()[1] + value
        waiting.append((count, value))
    value = waiting.pop()[1]
    while waiting:
        value = waiting.pop()[1] + value
    return value


def least_hashes(seed: int, rows: int, most: int) -> np.ndarray:
    """The row numbers with the smallest hash of (seed, row number), in order; a chunk at a time."""
    found: list[tuple[np.ndarray, np.ndarray]] = []
    count, limit = 0, np.uint64(2**64 - 1)

    def least() -> tuple[np.ndarray, np.ndarray]:
        hashes, numbers = (np.concatenate(each) for each in zip(*found, strict=True))
        few = np.argpartition(hashes, most)[:most] if len(hashes) > most else slice(None)
        return hashes[few], numbers[few]

    for start in range(0, rows, CHUNK):
        numbers = np.arange(start, min(start + CHUNK, rows))
        hashes = splitmix(seed, numbers.astype(np.uint64))
        low = hashes <= limit
        found.append((hashes[low], numbers[low]))
        count += len(found[-1][0])
        if count > 2 * most:  # not after each chunk: the sample may be many chunks itself
            found = [least()]
            count, limit = most, found[0][0].max()
    return np.sort(least()[1])


class MemorySource:
    """Columns (d, n) float64, their names, and row weights (n,) or None."""

    def __init__(
        self,
        values: Array,
        names: Sequence[str],
        weights: Array | None = None,
        threads: int | None = None,
    ) -> None:
        self.values = values
        self.names = tuple(names)
        self.weights = weights
        busy = values.shape[1] > _ALONE
        self.threads = (threads or os.cpu_count() or 1) if busy else 1
        self._local = threading.local()
        self._once: dict[Hashable, float] = {}

    def __reduce__(self) -> Any:
        return MemorySource, (self.values, self.names, self.weights, 1)

    @property
    def rows(self) -> int:
        return self.values.shape[1]

    @property
    def counted(self) -> int:
        """Number of rows of positive weight."""
        return self.rows if self.weights is None else int((self.weights > 0).sum())

    @property
    def weight_total(self) -> float:
        return float(self.rows if self.weights is None else self.weights.sum())

    def total(self, f: Callable[[Block], T], width: int) -> T:
        """The sum of f over all blocks, in canonical order; `width` numbers a row cut them."""
        chunks = -(-self.rows // cuts(width, self.rows)[1])
        each = partial(self._chunk, f, width)
        if self.threads == 1 or not shared(width, self.rows):
            return fold(map(each, range(chunks)))
        if environment.ours and getattr(f, "travels", False):
            # Complete subtrees of the fold, some thirty of them to even out who is faster.
            unit = 2 ** max(int(np.log2(chunks / 32)), 0) if chunks > 32 else 1
            return fold(self._team.map((f, width, unit), -(-chunks // unit)))
        return fold(self._pool.map(each, range(chunks)))

    def _chunk(self, f: Callable[[Block], T], width: int, number: int) -> T:
        rows, size = cuts(width, self.rows)
        start = number * size
        blocks = self._blocks(start, min(start + size, self.rows), rows)
        with short_buffers(min(rows, self.rows)):
            sum_ = f(next(blocks))
            for block in blocks:
                sum_ = sum_ + f(block)
        return sum_

    def _unit(self, asked: tuple[Callable[[Block], T], int, int], number: int) -> T:
        """The sum over one of a team's units, which is so many chunks."""
        f, width, size = asked
        chunks = -(-self.rows // cuts(width, self.rows)[1])
        own = range(number * size, min((number + 1) * size, chunks))
        return fold(self._chunk(f, width, chunk) for chunk in own)

    @cached_property
    def _pool(self) -> Any:
        from concurrent.futures import ThreadPoolExecutor

        return ThreadPoolExecutor(self.threads)

    @cached_property
    def _team(self) -> Any:
        from emcli.sources.team import Team

        this = weakref.ref(self)

        def part(asked: Any, number: int) -> Any:
            source = this()
            assert source is not None  # a team is closed when its source goes
            return source._unit(asked, number)

        team = Team(part, self.threads - 1)
        weakref.finalize(self, team.close)
        return team

    def each(self, f: Callable[[Block], None], width: int) -> None:
        """Call f on every block, for what it writes; block.start says where it belongs."""

        def done(block: Block) -> int:
            f(block)
            return 0

        self.total(done, width)

    def once(self, f: Any) -> float:
        """The weighted sum of f(values) over the rows, for a hashable f; computed once."""
        if f not in self._once:
            at = [self.names.index(name) for name in f.inputs]

            def summed(block: Block) -> float:
                found = f(block.values[at])
                return float(found.sum() if block.weights is None else found @ block.weights)

            self._once[f] = self.total(summed, width=16)
        return self._once[f]

    def all(self) -> Block:
        """Every row as one block."""
        return Block(self.values, self.weights)

    def sample(self, most: int, seed: int) -> MemorySource:
        """The rows with the smallest hash of (seed, row number), in order; itself when few."""
        if self.rows <= most:
            return self
        return self.only(least_hashes(seed, self.rows, most))

    def folds(self, count: int, seed: int) -> Iterator[tuple[MemorySource, MemorySource]]:
        """Pairs of sources, all rows but a fold's and that fold's, for each of `count` folds."""
        hashes = splitmix(seed, np.arange(self.rows, dtype=np.uint64))
        fold = np.argsort(np.argsort(hashes)) % count
        for number in range(count):
            rest, held = np.flatnonzero(fold != number), np.flatnonzero(fold == number)
            yield self.only(rest), self.only(held)

    def only(self, chosen: np.ndarray) -> MemorySource:
        """A source of these rows."""
        weights = None if self.weights is None else self.weights[chosen]
        values = np.empty((len(self.values), len(chosen)))
        for row, out in zip(self.values, values, strict=True):  # `np.take` of all copies them first
            np.take(row, chosen, out=out, mode="clip")  # which needs no buffer
        return MemorySource(values, self.names, weights, self.threads)

    def rest(self) -> None:
        """Let go of the arrays that blocks share, until they are asked for again."""
        self._local = threading.local()

    def pieces(self, rows: int) -> Iterator[Block]:
        """The rows in order, some at a time, for who may not want to see them all."""
        return self._blocks(0, self.rows, rows)

    def _blocks(self, start: int, stop: int, rows: int) -> Iterator[Block]:
        scratch = self._local.__dict__
        for at in range(start, stop, rows):
            end = min(at + rows, stop)
            weights = None if self.weights is None else self.weights[at:end]
            yield Block(self.values[:, at:end], weights, at, scratch)
