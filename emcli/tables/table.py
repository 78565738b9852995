"""One table from one or several files, which remembers where each row came from."""

from __future__ import annotations

import bisect
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pyarrow as pa

from emcli.errors import InputError
from emcli.frozen import frozen
from emcli.sources.spool import Matrix, Spool
from emcli.tables import bridge, compute

#: Rows of a piece of a streamed table, and of a row group that is written.
PIECE = 65_536

#: Rows of a piece of a table that is in memory.
LARGE = 4 * PIECE

#: Words of text tables that mean an empty cell, besides the empty cell itself.
EMPTY_WORDS = (
    "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>",
    "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null",
)  # fmt: skip


@frozen
class Part:
    """A run of rows from one file.

    label: the file as the user named it; rows: how many of its rows are in this run; skipped: how
    many of its rows come before the run; typed: gives a column character for character as the
    text file has it, if asked for with the words that mean an empty cell, or None where the file is
    not text.
    """

    label: str
    rows: int
    skipped: int = 0
    typed: Callable[..., pa.ChunkedArray] | None = None


class Table:
    """Columns by name, all of one length, and the file and row each cell came from.

    arrow: the columns, typed as inferred; parts: its runs of rows, in order; decimal: the decimal
    mark of its text; first_row: number of its first row, counting from 0 over all files; starts:
    the first row of each part, and the end; spool: what may be kept in memory of a table that was
    read from files.
    """

    spool: Spool | None = None

    def __init__(
        self, arrow: pa.Table, parts: Sequence[Part], decimal: str = ".", first_row: int = 0
    ) -> None:
        self._arrow = arrow
        self._describe(arrow.schema, parts, decimal, first_row)

    def _describe(
        self, schema: pa.Schema, parts: Sequence[Part], decimal: str, first_row: int = 0
    ) -> None:
        self.schema = schema
        self.parts = tuple(parts)
        self.decimal = decimal
        self.first_row = first_row
        self.names: tuple[str, ...] = tuple(schema.names)
        self.starts = [0]
        for part in self.parts:
            self.starts.append(self.starts[-1] + part.rows)
        self.rows: int = self.starts[-1]

    @property
    def arrow(self) -> pa.Table:
        """All columns."""
        return self._arrow

    def kind(self, name: str) -> pa.DataType:
        """The type of the column."""
        return self.schema.field(self.names.index(name)).type

    def pieces(self, names: Sequence[str] | None = None, last: bool = False) -> Iterator[Table]:
        """Its rows in runs that are in memory, with these columns at least, all when None.

        last: what is kept of the columns will not be wanted again soon.
        """
        if self.rows <= LARGE or any(part.typed for part in self.parts):
            yield self
            return
        for part, begin in zip(self.parts, self.starts, strict=False):
            for start in range(0, part.rows, LARGE):
                arrow = self.arrow.slice(begin + start, min(LARGE, part.rows - start))
                piece = Part(part.label, arrow.num_rows, part.skipped + start)
                yield Table(arrow, [piece], self.decimal, self.first_row + begin + start)

    def matrix(self, names: Sequence[str]) -> Matrix:
        """Room for these columns as numbers, (d, n) float64.

        What was kept of the columns may be lost as it is filled: with the column itself, piece by
        piece for the `last` time.
        """
        d, n = len(names), self.rows
        return self.spool.matrix(d, n) if self.spool else Matrix(np.empty((d, n)))

    @property
    def label(self) -> str:
        """The files, in words."""
        labels = list(dict.fromkeys(part.label for part in self.parts))
        return labels[0] if len(labels) == 1 else f"{labels[0]} and {len(labels) - 1} more"

    def column(self, name: str) -> pa.ChunkedArray:
        """The column, typed as inferred (text tables) or stored."""
        return self.arrow.column(self.names.index(name))

    def text(self, name: str) -> pa.ChunkedArray:
        """The column as text: character for character where the file is text, else shortest."""
        column = self.column(name)
        if bridge.textual(column.type):
            # Few of Arrow's functions know views.
            return as_text(column) if column.type == pa.string_view() else column
        if any(part.typed for part in self.parts):
            pieces = [self._text_of(number, name) for number in range(len(self.parts))]
            return pa.chunked_array(
                [chunk for piece in pieces for chunk in piece.chunks], type=pa.string()
            )
        return as_text(column)

    def words(self, name: str) -> pa.ChunkedArray:
        """The same, but a word that means an empty cell stays the word it is."""
        pieces = [self._text_of(number, name, words=True) for number in range(len(self.parts))]
        return pa.chunked_array(
            [chunk for piece in pieces for chunk in piece.chunks], type=pa.string()
        )

    def _text_of(self, number: int, name: str, words: bool = False) -> pa.ChunkedArray:
        part, start = self.parts[number], self.starts[number]
        if part.typed:
            return part.typed(name, words)
        return as_text(self.column(name).slice(start, part.rows))

    def where(self, row: int) -> str:
        """The 0-based row in words: "faithful.csv, row 14", counted from 1 within its file."""
        number = bisect.bisect_right(self.starts, row) - 1
        part = self.parts[min(number, len(self.parts) - 1)]
        return f"{part.label}, row {row - self.starts[number] + part.skipped + 1}"

    def cell(self, name: str, row: int) -> str:
        """What a row's cell holds, as typed; for messages."""
        found = self.text(name)[row].as_py()
        return "an empty cell" if found is None else shown(found)

    def refusal(self, name: str, row: int, what: str, hint: str = "") -> InputError:
        """The error that names file, row and column and says `what` is wrong."""
        return InputError(f"{self.where(row)}, column '{name}': {what}", hint)


def shown(text: str, width: int = 40) -> str:
    """A cell's text in quotes, cut and escaped so that it fits in a one-line message."""
    line = text.encode("unicode_escape").decode() if not text.isprintable() else text
    return f"'{line[: width - 1]}…'" if len(line) > width else f"'{line}'"


def as_text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Any column as text, numbers in their shortest form."""
    if pa.types.is_dictionary(column.type):
        column = compute.cast(column, column.type.value_type)
    return compute.cast(column, pa.string())


def from_arrow(arrow: pa.Table, label: str = "the data") -> Table:
    """A table that is in memory already; `label` names it in messages."""
    refuse_twins(arrow.column_names, label)
    return Table(arrow, [Part(label, arrow.num_rows)])


def no_rows(label: str, text: bool) -> InputError:
    """The error for a table without rows."""
    has = "has a header but no rows" if text else "has no rows"
    return InputError(f"{label} {has}", "give at least one row of data")


def refuse_twins(names: Sequence[str], label: str) -> None:
    """Raise `InputError` when two columns share a name."""
    seen: dict[str, int] = {}
    for position, name in enumerate(names, start=1):
        if name in seen:
            what = f"are both called '{name}'" if name else "both have no name"
            raise InputError(
                f"{label}: columns {seen[name]} and {position} {what}",
                "give every column a name of its own",
            )
        seen[name] = position
