"""Text in any encoding as UTF-8, and what is not text refused."""

from __future__ import annotations

import codecs
import re

from emcli.errors import InputError, UsageError
from emcli.tables.opening import Stream

_FOREIGN = {
    b"PK\x03\x04": "a zip archive or a spreadsheet", b"\xd0\xcf\x11\xe0": "an old spreadsheet",
    b"SQLite format 3": "an SQLite database", b"\x89HDF": "an HDF5 file", b"ORC": "an ORC file",
    b"Obj\x01": "an Avro file", b"%PDF": "a PDF file", b"\x89PNG": "a picture",
}  # fmt: skip


class Decoder:
    """A stream of text in any encoding, read as UTF-8 without a byte order mark.

    UTF-8 passes through unchecked: PyArrow checks the columns it makes into text.
    """

    def __init__(self, stream: Stream, encoding: str) -> None:
        try:
            codec = codecs.lookup(encoding)
            if not getattr(codec, "_is_text_encoding", True):  # base64, zip and other bytes
                raise LookupError
            name = codec.name
            self.decode = codecs.getincrementaldecoder(name)().decode
        except LookupError:
            raise UsageError(
                f"there is no character encoding '{encoding}'", "type utf-8, latin-1 or cp1252, say"
            ) from None
        self.stream, self.encoding = stream, name
        self.lines = 1
        head = stream.peek(512)
        _refuse_foreign(head, stream.label, name)
        self.marked = name == "utf-8" and head.startswith(codecs.BOM_UTF8)

    def read(self, size: int) -> bytes:
        """About `size` bytes, none at the end."""
        if self.marked:
            self.marked = False
            self.stream.read(len(codecs.BOM_UTF8))
        raw = self.stream.read(size)
        if self.encoding == "utf-8":
            return raw
        first = self.lines == 1
        found = self._decoded(raw, last=not raw)
        if raw and not found:
            return self.read(size)  # half a character was read
        return found.removeprefix(codecs.BOM_UTF8) if first else found

    def _decoded(self, raw: bytes, last: bool) -> bytes:
        try:
            found = self.decode(raw, last).encode()
        except UnicodeDecodeError as error:
            line = self.lines + raw[: error.start].count(b"\n")
            raise InputError(
                f"{self.stream.label}, line {line}: the text is not {self.encoding}",
                "say which it is with --encoding, cp1252 for one",
            ) from None
        self.lines += raw.count(b"\n")
        return found


def _refuse_foreign(head: bytes, label: str, encoding: str) -> None:
    """Raise `InputError` for what is not text at all, or is UTF-16 and not said to be."""
    for magic, what in _FOREIGN.items():
        if head.startswith(magic):
            raise InputError(
                f"{label} is {what}, not a table emcli reads", "export it as CSV or Parquet"
            )
    if re.match(rb'\s*\{\s*"schema"\s*:\s*"emcli/', head):
        raise InputError(
            f"{label} holds emcli parameters, not a table", "give the parameters first, then data"
        )
    if head[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) and encoding == "utf-8":
        raise InputError(f"{label} is not UTF-8 text", "it looks like --encoding utf-16")
