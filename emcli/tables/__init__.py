"""Tables in and out: CSV, TSV, Parquet, Arrow and standard input; assignments and other rows out.

read(paths, reading) -> Table                   everything in memory
stream(paths, reading, columns) -> Tables       pieces of 65,536 rows, constant memory
from_arrow(table) -> Table                      a table that is in memory already
AssignmentWriter, write_rows                    what the commands write, as CSV or Parquet
"""

from __future__ import annotations

from emcli.tables.reading import read
from emcli.tables.streaming import stream
from emcli.tables.table import PIECE, Table, from_arrow
from emcli.tables.writing import AssignmentWriter, write_rows

__all__ = ["PIECE", "AssignmentWriter", "Table", "from_arrow", "read", "stream", "write_rows"]
