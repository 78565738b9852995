"""A page of text: lines and tables laid out in a width, each piece with its style.

A style is what rich calls one (`bold`, `dim`), or `of:blue` for the colour of a component. The
layout knows nothing of colours: `terminal.to_text` paints, where somebody looks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import NamedTuple
from unicodedata import combining, east_asian_width

Piece = tuple[str, str]  # text and style


class Column(NamedTuple):
    """A column of a table: its heading, numbers to the right or words to the left, its style."""

    head: str = ""
    right: bool = False
    style: str = ""


class Sheet:
    """What is to be printed in a width of so many cells."""

    def __init__(self, width: int) -> None:
        self.width = width
        self.lines: list[list[Piece]] = []

    def line(self, text: str = "", style: str = "") -> None:
        """Text, broken between words where it is too long."""
        for part in wrapped(printable(text), self.width):
            self.whole((part, style))

    def whole(self, *pieces: Piece) -> None:
        """A line that is never broken, such as a command."""
        self.lines.append([(printable(text), style) for text, style in pieces])

    def table(
        self,
        columns: Sequence[Column],
        rows: Sequence[Sequence[str]],
        gap: int = 3,
        head: str = "bold",
        styles: Mapping[int, str] | None = None,
    ) -> None:
        """Columns side by side; `styles` are of whole rows.

        Where they are too wide, the last one is wrapped if it holds words, else the first one cut.
        """
        heads = [printable(column.head) for column in columns]
        cells = [[printable(cell) for cell in row] for row in rows]
        widths = [max(map(width_of, column)) for column in zip(heads, *cells, strict=True)]
        flexible = 0 if columns[-1].right else -1
        room = self.width - gap * (len(columns) - 1) - sum(widths) + widths[flexible]
        widths[flexible] = max(min(widths[flexible], room), 1)
        if any(heads):
            self._row(columns, heads, widths, gap, [f"{head} {c.style}".strip() for c in columns])
        for number, row in enumerate(cells):
            whole = (styles or {}).get(number, "")
            self._row(columns, row, widths, gap, [whole or column.style for column in columns])

    def _row(
        self,
        columns: Sequence[Column],
        cells: Sequence[str],
        widths: Sequence[int],
        gap: int,
        styles: Sequence[str],
    ) -> None:
        last = len(columns) - 1
        stacks: list[list[str]] = [
            [shortened(cell, width)] if i < last or columns[i].right else [*wrapped(cell, width)]
            for i, (cell, width) in enumerate(zip(cells, widths, strict=True))
        ]
        for parts in zip_longest(*stacks, fillvalue=""):
            pieces: list[Piece] = []
            for i, part in enumerate(parts):
                blank = " " * (widths[i] - width_of(part))
                text = blank + part if columns[i].right else part + blank
                pieces += [(text, styles[i]), (" " * gap if i < last else "", "")]
            self.whole(*pieces)

    def text(self) -> str:
        """The page without its styles."""
        return "".join("".join(text for text, _ in line).rstrip() + "\n" for line in self.lines)


def printable(text: str) -> str:
    """The text, escaped where a name out of a table would command the terminal."""
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)


def width_of(text: str) -> int:
    """Cells of a terminal that the text fills."""
    if text.isascii():
        return len(text)
    return sum(
        0 if combining(letter) else 2 if east_asian_width(letter) in "WF" else 1 for letter in text
    )


def shortened(text: str, width: int) -> str:
    """The text, its end given up for a … where it is too wide."""
    return text if width_of(text) <= width else _head(text, width - 1) + "…"


def wrapped(text: str, width: int) -> Iterator[str]:
    """The text in lines, broken between words, and inside a word only where it must be."""
    line = ""
    for word in re.findall(r"\s*\S+", text):
        if line and width_of(line + word) > width:
            yield line
            line, word = "", word.lstrip()
        line += word
        while width_of(line) > width:
            head = _head(line, width) or line[0]
            yield head
            line = line[len(head) :]
    yield line


def _head(text: str, width: int) -> str:
    """The beginning that fits."""
    end = len(text)
    while width_of(text[:end]) > width:
        end -= 1
    return text[:end]
