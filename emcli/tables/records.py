"""Text cut where records end, and parsed run by run on all cores, in order.

Several runs parsed side by side, each on one thread, are faster than PyArrow's own threads on the
whole of the text, and only a few of them are in memory at a time. Where the cuts fall depends on
the text alone.
"""

from __future__ import annotations

import os
import re
from collections import deque
from collections.abc import Callable, Iterator
from typing import TypeVar

import numpy as np
import pyarrow as pa

from emcli.errors import InputError
from emcli.settings import Reading
from emcli.tables import text
from emcli.tables.decoding import Decoder

TEXT_BYTES = 1 << 21  # bytes of text parsed at a time
HEADER = 1 << 24  # bytes in which a header must end

A = TypeVar("A")
B = TypeVar("B")


class Records:
    """A text's layout, and its rows in runs of whole records.

    start: where the first row of data begins in the text.
    """

    def __init__(self, decoder: Decoder, reading: Reading) -> None:
        self._decoder, head = decoder, b""
        while not _enough(head) and (more := decoder.read(TEXT_BYTES)):
            head += more
        self.layout, self.start = text.look(head, reading, decoder.stream.label)
        self._left = head[self.start :]

    def __iter__(self) -> Iterator[bytes]:
        """The runs, one after the other as they are in the text; can be had once."""
        left, self._left = self._left, b""
        mark = self.layout.delimiter.encode()
        while more := self._decoder.read(TEXT_BYTES):
            if b'"' in left or b'"' in more:  # what is inside quotes shows from the beginning
                left, more = b"", left + more
            if end := _last_end(more, mark):
                yield b"".join((left, memoryview(more)[:end]))
                left = more[end:]
            else:
                left += more
        if not text.is_blank(left):
            yield left


def _enough(head: bytes) -> bool:
    """Does this beginning hold all that decides the layout?"""
    if not text.LOOKED_AT <= len(head) < HEADER:
        return len(head) >= HEADER
    end = text.first_text(head)
    while (end := head.find(b"\n", end + 1)) >= 0:
        if head.count(b'"', 0, end) % 2 == 0:
            return True
    return False


def _last_end(data: bytes, mark: bytes) -> int:
    """Where the last complete record ends; blank lines after it stay with what follows."""
    end = _last_outside(data, mark) if b'"' in data else data.rfind(b"\n")
    last = end + 1
    while last and data[last - 1] in b"\r\n":
        last -= 1
    return last + len(b"\r\n" if data[last : last + 2] == b"\r\n" else b"\n") if last else 0


def _last_outside(data: bytes, mark: bytes) -> int:
    """The last line end outside quotes, -1 where there is none."""
    quotes = np.flatnonzero(np.frombuffer(data, np.uint8) == ord('"'))
    before = np.frombuffer(b"\n" + data, np.uint8)[quotes[::2]]
    if not np.isin(before, np.frombuffer(mark + b'\r\n"', np.uint8)).all():
        # Quotes inside plain text are text: they have to be told from those that enclose a field.
        quotes = np.array(_enclosing(data, mark), dtype=np.intp)
    end = len(data)
    while (end := data.rfind(b"\n", 0, end)) >= 0:
        before_it = int(np.searchsorted(quotes, end))
        if before_it % 2 == 0:
            return end
        end = int(quotes[before_it - 1])  # no record ends between this quote and here
    return -1


def _enclosing(data: bytes, mark: bytes) -> list[int]:
    """The quotes that open and close fields, in turns; the last may be open."""
    found: list[int] = []
    skip = -1
    for match in re.finditer(b'"', data):
        at = match.start()
        if at == skip:
            continue
        if len(found) % 2 == 0:
            if at == 0 or data[at - 1 : at] in (mark, b"\n", b"\r"):
                found.append(at)
        elif data[at + 1 : at + 2] == b'"':
            skip = at + 1
        else:
            found.append(at)
    return found


def ahead(f: Callable[[A], B], items: Iterator[A]) -> Iterator[tuple[A, B]]:
    """(item, f(item)) in order, computed some items ahead on threads; a single item without."""
    first = next(items, None)
    if first is None:
        return
    second = next(items, None)
    if second is None:
        yield first, f(first)
        return
    from concurrent.futures import ThreadPoolExecutor

    threads = min(os.cpu_count() or 1, 8)
    with ThreadPoolExecutor(threads) as pool:
        waiting = deque((item, pool.submit(f, item)) for item in (first, second))
        for item in items:
            waiting.append((item, pool.submit(f, item)))
            if len(waiting) > threads:
                done, result = waiting.popleft()
                yield done, result.result()
        while waiting:
            done, result = waiting.popleft()
            yield done, result.result()


def parsed(
    bodies: Iterator[bytes], parse: Callable[[bytes, int], pa.Table]
) -> Iterator[tuple[bytes, pa.Table]]:
    """Each run of text with its rows; `parse` gets a run and the number of rows before it."""

    def attempt(body: bytes) -> pa.Table | None:
        try:
            return parse(body, 0)
        except InputError:  # its row is known only when the runs before are
            return None

    rows = 0
    for body, found in ahead(attempt, bodies):
        arrow = parse(body, rows) if found is None else found
        rows += arrow.num_rows
        yield body, arrow
