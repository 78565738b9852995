"""Small files in every format, made where a test needs them."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from emcli import tables
from emcli.settings import Reading


@pytest.fixture
def put(tmp_path, monkeypatch):
    """put("a.csv", text or bytes) writes the file and gives its name; the test runs beside it."""
    monkeypatch.chdir(tmp_path)

    def write(name: str, content: str | bytes) -> str:
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return name

    return write


@pytest.fixture
def load(put):
    """load(text, no_header=True) -> the table that a CSV file of this text is."""

    def read(content: str | bytes, **options) -> tables.Table:
        return tables.read([put("data.csv", content)], Reading(**options))

    return read


def cells(table: tables.Table) -> dict[str, list]:
    """All cells as Python values."""
    return table.arrow.to_pydict()


def table_of(**columns) -> tables.Table:
    """A table in memory."""
    return tables.from_arrow(pa.table(columns))
