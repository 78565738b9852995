"""Shelves: the memory that columns of numbers lie in becomes the matrix's, and nothing changes."""

import numpy as np
import pytest

from emcli import columns, tables
from emcli.columns import Column
from emcli.settings import Reading, Selecting

ROWS = 9_999
# Whole numbers; numbers with gaps; text; whole numbers first and others later; weights.
TEXT = "i,x,w,y,v\n" + "".join(
    f"{i},{i / 7 if i % 5 else ''},{'abc'[i % 3]},{i if i < 9000 else i / 2},{i % 4}\n"
    for i in range(ROWS)
)
FOUR = (
    Column("i", "count"), Column("x", "real"), Column("w", "category", ("a", "b", "c")),
    Column("y", "real"),
)  # fmt: skip


@pytest.fixture
def file(put, monkeypatch):
    """A table of many runs, each long enough for a shelf."""
    monkeypatch.setattr("emcli.tables.records.TEXT_BYTES", 9_000)
    monkeypatch.setattr("emcli.tables.shelves.LONG", 2_000)
    return put("a.csv", TEXT)


def lies_on_shelves(data, table):
    """Does the matrix have the memory that the columns had?"""
    (file,) = table.files
    area = np.frombuffer(file._shelves._areas[0]._map, np.uint8)
    return np.may_share_memory(data.values, area)


def expected(data):
    """What the text says."""
    i = np.arange(ROWS)
    found = [i, np.where(i % 5, i / 7, np.nan), i % 3, np.where(i < 9000, i, i / 2)]
    return np.array(found[: len(data.values)], dtype=float)


def test_neighbours_lie_where_they_lay(file):
    table = tables.read([file], Reading())
    data = columns.encode(table, FOUR, Selecting())
    assert lies_on_shelves(data, table)
    np.testing.assert_array_equal(data.values, expected(data))
    np.testing.assert_array_equal(data.missing, [0, 2000, 0, 0])


def test_weights_may_be_the_last_of_them(file):
    table = tables.read([file], Reading())
    data = columns.encode(table, FOUR, Selecting(weight="v"))
    assert lies_on_shelves(data, table)
    np.testing.assert_array_equal(data.values, expected(data))
    np.testing.assert_array_equal(data.weights, np.arange(ROWS) % 4)


def test_whole_numbers_become_codes_where_they_lay(file):
    table = tables.read([file], Reading())
    known = (FOUR[3], Column("v", "category", (3, 2, 1, 0)))
    data = columns.encode(table, known, Selecting())
    assert lies_on_shelves(data, table)
    np.testing.assert_array_equal(data.values[1], 3 - np.arange(ROWS) % 4)


def test_a_file_that_begins_with_empty_cells_has_no_such_memory(put, monkeypatch):
    monkeypatch.setattr("emcli.tables.records.TEXT_BYTES", 9_000)
    monkeypatch.setattr("emcli.tables.shelves.LONG", 2_000)
    name = put("b.csv", "a,b\n" + 80_000 * ",\n" + "".join(f"{i},\n" for i in range(ROWS)))
    table = tables.read([name], Reading())
    data = columns.encode(table, (Column("a", "real"),), Selecting())
    assert table.files[0]._shelves._areas[0].start and not lies_on_shelves(data, table)
    assert np.isnan(data.values[0, :80_000]).all()
    np.testing.assert_array_equal(data.values[0, 80_000:], np.arange(ROWS))


def test_only_one_matrix_has_the_memory(file):
    table = tables.read([file], Reading())
    first, second = (columns.encode(table, FOUR, Selecting()) for _ in range(2))
    assert lies_on_shelves(first, table) and not lies_on_shelves(second, table)
    first.values[:] = 0
    np.testing.assert_array_equal(second.values, expected(second))


def test_others_have_memory_of_their_own(file):
    table = tables.read([file], Reading())
    apart = columns.encode(table, (FOUR[0], FOUR[3]), Selecting())
    turned = columns.encode(table, FOUR[::-1], Selecting())
    assert not lies_on_shelves(apart, table) and not lies_on_shelves(turned, table)
    np.testing.assert_array_equal(turned.values[::-1], expected(turned))
    np.testing.assert_array_equal(apart.values, expected(turned)[[0, 3]])


def test_where_memory_is_short_the_columns_give_it_back(file):
    table = tables.read([file], Reading())
    (area,) = table.files[0]._shelves._areas
    table.spool.left = 0
    data = columns.encode(table, FOUR, Selecting())
    assert not lies_on_shelves(data, table)
    np.testing.assert_array_equal(data.values, expected(data))
    assert not np.frombuffer(area._map, np.float64)[1024 : area.stop - 1024].any()


def test_what_stays_of_the_table_stays_as_it_was(file):
    table = tables.read([file], Reading())
    data = columns.encode(table, FOUR[:2], Selecting(missing="drop"))
    assert lies_on_shelves(data, table) and len(data.rows) == ROWS - 2000
    assert table.column("v").to_pylist() == [i % 4 for i in range(ROWS)]
    assert table.column("i").to_pylist() == [*range(ROWS)]
    assert table.text("y").to_pylist()[-1] == str((ROWS - 1) / 2)


def test_memory_is_given_back_with_what_lay_in_it(file):
    table = tables.read([file], Reading())
    (area,) = table.files[0]._shelves._areas
    cells = np.frombuffer(area._map, np.float64)
    count = area.stop - area.start
    held = table.column("x")
    columns.encode(table, (Column("y", "real"),), Selecting())  # lets go of y, takes its memory
    columns.encode(table, (Column("i", "count"), Column("v", "count")), Selecting())
    whole = slice(1024, count - 1024)  # of whole pages
    assert not cells[:count][whole].any()  # i
    assert cells[count + 11] == held[11].as_py() == 11 / 7
