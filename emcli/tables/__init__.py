"""Tables in and out: CSV, TSV, Parquet, Arrow and standard input; assignments and other rows out.

read(paths, reading) -> Table                   read once, kept within limits, had in pieces
stream(paths, reading, columns) -> Tables       pieces of 65,536 rows, constant memory
evenly(table, names, texts) -> Tables           the same of a table that was read
from_arrow(table) -> Table                      a table that is in memory already
AssignmentWriter, write_rows                    what the commands write, as CSV or Parquet
"""

from __future__ import annotations

from emcli.tables.reading import read
from emcli.tables.streaming import evenly, stream
from emcli.tables.table import PIECE, Table, from_arrow
from emcli.tables.writing import AssignmentWriter, write_rows

__all__ = [
    "PIECE", "AssignmentWriter", "Table", "evenly", "from_arrow", "read", "stream", "write_rows",
]  # fmt: skip
