"""Files, pipes and standard input as streams of bytes, decompressed by their first bytes."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable
from typing import IO, Any

import pyarrow as pa

from emcli.errors import InputError

STANDARD_INPUT = "standard input"


class Stream:
    """Bytes read once from front to back, with a look at the first of them."""

    closed = False  # PyArrow asks

    def __init__(self, file: IO[bytes], label: str, what: str = "") -> None:
        self.file = file
        self.label = label
        self.what = what
        self.head = b""

    def peek(self, size: int) -> bytes:
        """The first `size` bytes (fewer at the end), which stay to be read."""
        while len(self.head) < size and (more := self._read(size - len(self.head))):
            self.head += more
        return self.head[:size]

    def read(self, size: int = -1) -> bytes:
        """`size` bytes, fewer at the end; all that is left when `size` is negative."""
        if size < 0:
            found, self.head = self.head, b""
            return found + self._read(-1) if found else self._read(-1)
        self.peek(size)
        found, self.head = self.head[:size], self.head[size:]
        return found

    def _read(self, size: int) -> bytes:
        try:
            return self.file.read() if size < 0 else self.file.read(size)
        except _failures() as error:
            if isinstance(error, OSError) and error.errno:
                raise unreadable(self.label, error) from None
            raise InputError(
                f"{self.label} is damaged: its {self.what or 'data'} cannot be unpacked or end "
                "too early",
                "make or fetch the file again",
            ) from None

    def close(self) -> None:
        self.file.close()


def _failures() -> tuple[type[Exception], ...]:
    """What reading and unpacking raise; asked for only when something was raised."""
    import lzma
    import zlib

    return OSError, EOFError, zlib.error, lzma.LZMAError, pa.ArrowInvalid


def label_of(path: str) -> str:
    """How messages name an input."""
    return STANDARD_INPUT if path == "-" else path


def unreadable(label: str, error: OSError) -> InputError:
    return InputError(f"cannot read {label}: {error.strerror or error}")


def is_regular(path: str) -> bool:
    """Is it a file that can be read from any place, and again?"""
    try:
        return path != "-" and stat.S_ISREG(os.stat(path).st_mode)
    except OSError:
        return False


def open_stream(path: str) -> Stream:
    """The bytes of a file, a FIFO or standard input ('-'), decompressed.

    gzip, bzip2, xz and zstd are recognised by their first bytes, whatever the name says.
    Raises `InputError` when it cannot be opened or is empty.
    """
    label = label_of(path)
    if path == "-" and sys.stdin is None:
        raise InputError(f"cannot read {label}: it is closed", "name a file, or pipe a table in")
    try:
        stream = Stream(sys.stdin.buffer if path == "-" else open(path, "rb"), label)
    except FileNotFoundError:
        raise InputError(f"there is no file '{path}'", _nearest(path)) from None
    except OSError as error:
        raise unreadable(label, error) from None
    while opener := _packing(stream.peek(6)):
        what, unpack = opener
        stream = Stream(unpack(stream), label, f"{what} data")
    if not stream.peek(1):
        raise InputError(f"{label} is empty", "give a table with a header and rows")
    return stream


def _packing(head: bytes) -> tuple[str, Callable[[Any], Any]] | None:
    """The compression that data with these first bytes have."""
    if head[:2] == b"\x1f\x8b":
        import gzip

        return "gzip", lambda file: gzip.GzipFile(fileobj=file, mode="rb")
    if head[:3] == b"BZh":
        import bz2

        return "bzip2", bz2.BZ2File
    if head == b"\xfd7zXZ\x00":
        import lzma

        return "xz", lzma.LZMAFile
    if head[:4] == b"\x28\xb5\x2f\xfd":
        return "zstd", lambda file: pa.CompressedInputStream(pa.PythonFile(file, mode="r"), "zstd")
    return None


def _nearest(path: str) -> str:
    """A file beside it with nearly that name, as a hint."""
    import difflib

    folder, name = os.path.split(path)
    try:
        near = difflib.get_close_matches(name, os.listdir(folder or "."), n=1, cutoff=0.7)
    except OSError:
        return f"there is no folder '{folder}' either"
    return f"did you mean '{os.path.join(folder, near[0])}'?" if near else "check the path"
