"""Every format, compression and dialect gives the same table."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import subprocess
import sys
import threading

import numpy as np
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emcli import columns, tables
from emcli.columns import Column
from emcli.errors import InputError
from emcli.settings import Reading, Selecting
from emcli.tables.table import EMPTY_WORDS, PIECE

from .conftest import cells

SMALL = "a,b,c\n1,2.5,x\n3,,y\n5,-1e-3,\n"
EXPECTED = {"a": [1, 3, 5], "b": [2.5, None, -0.001], "c": ["x", "y", None]}


def zstd(data: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as packed:
        packed.write(data)
    return sink.getvalue().to_pybytes()


PACKINGS = {"gzip": gzip.compress, "bzip2": bz2.compress, "xz": lzma.compress, "zstd": zstd}


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
def test_the_delimiter_is_found(load, mark):
    assert cells(load(SMALL.replace(",", mark))) == EXPECTED


@pytest.mark.parametrize(
    "text",
    [
        'a;b\n"x,y,z";1\n"u,v,w";2\n',
        'a;b\n"x,\n,y";1\n"u,;;v";2\n',
        'a;b\n"say ""hi, you""";1\n"u";2\n',
    ],
)
def test_the_delimiter_is_looked_for_outside_quotes(load, text):
    table = load(text)
    assert table.names == ("a", "b")
    assert cells(table)["b"] == [1, 2]


def test_decimal_comma_with_semicolons(load):
    assert cells(load("a;b\n1,5;2\n3,25;4\n", decimal=","))["a"] == [1.5, 3.25]
    assert cells(load("1,5;2,5\n3,25;4,5\n", decimal=",", no_header=True)) == {
        "column1": [1.5, 3.25],
        "column2": [2.5, 4.5],
    }
    assert cells(load("a\n1,5\n2,5\n", decimal=","))["a"] == [1.5, 2.5]


@pytest.mark.parametrize("given", ["tab", "\t", "\\t"])
def test_a_tab_is_spelt_in_three_ways(load, given):
    assert cells(load("a\tb\n1,5\t2\n", delimiter=given))["b"] == [2]


def test_one_column(load):
    assert cells(load("x\n1\n2\n")) == {"x": [1, 2]}
    assert cells(load("x\n1\n2")) == {"x": [1, 2]}


def test_a_blank_line_in_one_column_is_an_empty_cell_but_not_at_the_end(load):
    assert cells(load("x\n1\n\n3\n\n\n")) == {"x": [1, None, 3]}
    assert cells(load("x\r\n1\r\n\r\n3\r\n\r\n")) == {"x": [1, None, 3]}


def test_blank_lines_in_wider_tables_are_nothing(load):
    table = load("\n\na,b\n1,2\n\n3,4\n\n\n")
    assert cells(table) == {"a": [1, 3], "b": [2, 4]}
    assert table.where(1) == "data.csv, row 2"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends(load, end):
    assert cells(load(SMALL.replace("\n", end))) == EXPECTED


def test_a_byte_order_mark_is_no_part_of_the_first_name(load):
    assert cells(load("\ufeff".encode() + SMALL.encode())) == EXPECTED
    assert cells(load(SMALL.encode("utf-8-sig"), encoding="utf-8-sig")) == EXPECTED
    assert cells(load(SMALL.encode("utf-16"), encoding="utf-16")) == EXPECTED


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "iso8859-15", "utf-16-le"])
def test_encodings(load, encoding):
    table = load("größe,name\n1,Müller\n2,Ærø\n".encode(encoding), encoding=encoding)
    assert cells(table) == {"größe": [1, 2], "name": ["Müller", "Ærø"]}


def test_quoted_newlines_and_names_with_commas(load):
    table = load('"a,b","c\nd",""\n1,"x\ny",3\n2,"z",4\n')
    assert table.names == ("a,b", "c\nd", "")
    assert cells(table)["c\nd"] == ["x\ny", "z"]


def test_names_are_kept_exactly(load):
    assert load(" a ,b b,Ü,1\n1,2,3,4\n").names == (" a ", "b b", "Ü", "1")


def test_quotes_inside_plain_text_are_text(load):
    assert cells(load('a,b\n1,5" pipe\n2,"say ""x"""\n'))["b"] == ['5" pipe', 'say "x"']


def test_empty_words_and_na(load):
    assert cells(load("a,b\nNA,x\n1,NaN\nnull,\n2,None\n")) == {
        "a": [None, 1, None, 2],
        "b": ["x", None, None, None],
    }
    assert cells(load("a,b\n-99,NA\n1,.\n,x\n", na=("-99", "."))) == {
        "a": [None, 1, None],
        "b": ["NA", None, "x"],
    }


@pytest.mark.parametrize("word", [*EMPTY_WORDS, "-99", "–", "ab"])
def test_every_word_for_an_empty_cell_is_seen(load, word):
    na = None if word in EMPTY_WORDS else ("-99", "–", "ba", "ab")
    assert cells(load(f"a,b\n1,2.5\n{word},3\n4,{word}\n", na=na)) == {
        "a": [1, None, 4],
        "b": [2.5, 3, None],
    }


def test_no_header(load):
    assert cells(load("1,x\n2,y\n", no_header=True)) == {"column1": [1, 2], "column2": ["x", "y"]}


def test_numbers_are_read_exactly(load):
    values = [0.1, 1e-300, 5e-324, 1.7976931348623157e308 / 1e200, 0.1 + 0.2, 2.0**60 + 2.0**10]
    table = load("x\n" + "\n".join(map(repr, values)) + "\n")
    assert cells(table)["x"] == values


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(-1e150, 1e150), min_size=2, max_size=20))
def test_any_double_survives(tmp_path_factory, values):
    path = tmp_path_factory.mktemp("exact") / "x.csv"
    path.write_text("x,y\n" + "".join(f"{value!r},1.5\n" for value in values))
    table = tables.read([str(path)], Reading())
    data = columns.encode(table, (Column("x", "real"),), Selecting())
    assert data.values[0].tolist() == values


def test_large_integers_keep_all_their_digits_as_text(load):
    table = load("id,x\n9007199254740993,1\n00071,2\n99999999999999999999,3\n")
    assert table.text("id").to_pylist() == ["9007199254740993", "00071", "99999999999999999999"]


def test_thousands_of_columns(load):
    names = [f"column_{number}" for number in range(20_000)]
    rows = [",".join(str(number * row) for number in range(20_000)) for row in range(3)]
    table = load(",".join(names) + "\n" + "\n".join(rows) + "\n")
    assert table.names == tuple(names)
    assert cells(table)["column_19999"] == [0, 19999, 39998]


def test_rows_longer_than_a_block(load):
    long = "x" * 3_000_000
    table = load(f"a,b\n1,{long}\n2,y\n")
    assert cells(table) == {"a": [1, 2], "b": [long, "y"]}


@pytest.mark.parametrize("packing", PACKINGS)
def test_compression_is_seen_in_the_bytes_not_the_name(put, packing):
    name = put("table.dat", PACKINGS[packing](SMALL.encode()))
    assert cells(tables.read([name], Reading())) == EXPECTED


@pytest.mark.parametrize("packing", PACKINGS)
def test_compressed_members_one_after_another(put, packing):
    pack = PACKINGS[packing]
    name = put("table.csv", pack(SMALL[:9].encode()) + pack(SMALL[9:].encode()))
    assert cells(tables.read([name], Reading())) == EXPECTED


def arrow_bytes(table: pa.Table, kind: str) -> bytes:
    sink = io.BytesIO()
    if kind == "parquet":
        pyarrow.parquet.write_table(table, sink)
    elif kind == "feather":
        pyarrow.feather.write_feather(table, sink)
    else:
        new = pa.ipc.new_file if kind == "file" else pa.ipc.new_stream
        with new(sink, table.schema) as writer:
            writer.write_table(table)
    return sink.getvalue()


@pytest.mark.parametrize("kind", ["parquet", "feather", "file", "stream"])
@pytest.mark.parametrize("packed", [False, True])
def test_arrow_formats(put, kind, packed):
    data = arrow_bytes(pa.table(EXPECTED), kind)
    name = put("table.bin", gzip.compress(data) if packed else data)
    assert cells(tables.read([name], Reading())) == EXPECTED
    assert tables.read([name], Reading(), ["c", "a"]).names == ("a", "c")


@pytest.mark.parametrize("kind", ["parquet", "feather", "stream", "csv", "csv.gz"])
def test_standard_input_and_fifos(put, tmp_path, kind):
    data = SMALL.encode() if kind.startswith("csv") else arrow_bytes(pa.table(EXPECTED), kind)
    data = gzip.compress(data) if kind == "csv.gz" else data
    script = (
        "from emcli import tables; from emcli.settings import Reading; import sys\n"
        "t = tables.read(['-'], Reading()); print(t.arrow.to_pydict(), t.where(1))"
    )
    python = [sys.executable, "-c", script]
    run = subprocess.run(python, input=data, capture_output=True, env=here())
    assert run.stdout.decode().strip() == f"{EXPECTED} standard input, row 2"
    fifo = str(tmp_path / "fifo")
    os.mkfifo(fifo)

    def feed():
        with open(fifo, "wb") as file:
            file.write(data)

    for once in (False, True):
        thread = threading.Thread(target=feed)
        thread.start()
        if once:
            asked = (Column("a", "real"), Column("c", "category"))
            (piece,) = tables.stream([fifo], Reading(), asked)
            assert cells(piece)["a"] == EXPECTED["a"]
        else:
            assert cells(tables.read([fifo], Reading())) == EXPECTED
        thread.join()


def here() -> dict[str, str]:
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    return {**os.environ, "PYTHONPATH": root}


def test_several_files_are_one_table_by_column_name(put):
    one = put("one.csv", "a,b\n1,x\n2,y\n")
    two = put("two.csv", "b;a\nz;3.5\n;4\n")
    three = put("three.parquet", arrow_bytes(pa.table({"a": [5], "b": ["w"]}), "parquet"))
    table = tables.read([one, two, three], Reading())
    assert cells(table) == {"a": [1, 2, 3.5, 4, 5], "b": ["x", "y", "z", None, "w"]}
    assert [table.where(row) for row in (1, 2, 4)] == [
        "one.csv, row 2",
        "two.csv, row 1",
        "three.parquet, row 1",
    ]


def test_a_column_of_numbers_in_one_file_and_words_in_the_other_is_text_as_written(put):
    one, two = put("one.csv", "a,b\n01,1\n2,2\n"), put("two.csv", "a,b\nx,1\ny,2\n")
    assert cells(tables.read([one, two], Reading()))["a"] == ["01", "2", "x", "y"]


def test_a_folder_of_parquet_files_with_hive_partitions(put):
    for year, sex, value in ((2020, "f", 1), (2019, "m", 2), (2019, "f%20x", 3)):
        data = arrow_bytes(pa.table({"v": [value]}), "parquet")
        put(f"folder/year={year}/sex={sex}/part-0.parquet", data)
    put("folder/_SUCCESS", "")
    put("folder/.hidden/part.parquet", "junk")
    table = tables.read(["folder"], Reading())
    assert cells(table) == {"v": [3, 2, 1], "year": ["2019", "2019", "2020"],
                            "sex": ["f x", "m", "f"]}  # fmt: skip
    assert table.where(2) == "folder/year=2020/sex=f/part-0.parquet, row 1"
    (piece,) = tables.stream(["folder"], Reading(), (Column("v", "real"), Column("year", "real")))
    assert columns.encode(piece, (Column("year", "real"),), Selecting()).values.tolist() == [
        [2019, 2019, 2020]
    ]


def numbered(rows: int) -> str:
    return "x,name,extra\n" + "".join(f"{row}.5,n{row % 7},e{row}\n" for row in range(rows))


STREAMED = (Column("name", "category", tuple(f"n{number}" for number in range(7))),
            Column("x", "real"))  # fmt: skip


def test_streamed_pieces_have_a_fixed_length_across_files(put):
    paths = [put("a.csv", numbered(100_000)), put("b.csv", numbered(50_000)),
             put("c.csv", numbered(1))]  # fmt: skip
    pieces = list(tables.stream(paths, Reading(), STREAMED, ["extra"]))
    assert [piece.rows for piece in pieces] == [PIECE, PIECE, 150_001 - 2 * PIECE]
    assert [piece.first_row for piece in pieces] == [0, PIECE, 2 * PIECE]
    assert pieces[1].where(0) == f"a.csv, row {PIECE + 1}"
    assert pieces[1].where(100_000 - PIECE) == "b.csv, row 1"
    assert pieces[2].where(pieces[2].rows - 1) == "c.csv, row 1"
    whole = columns.encode(tables.read(paths, Reading()), STREAMED, Selecting())
    streamed = [columns.encode(piece, STREAMED, Selecting()).values for piece in pieces]
    assert np.array_equal(np.concatenate(streamed, axis=1), whole.values)
    assert pieces[1].column("extra")[0].as_py() == f"e{PIECE}"


@pytest.mark.parametrize("kind", ["parquet", "file", "stream"])
def test_streams_of_arrow_formats(put, kind):
    table = tables.read([put("a.csv", numbered(70_000))], Reading())
    name = put("a.bin", arrow_bytes(table.arrow, kind))
    pieces = list(tables.stream([name], Reading(), STREAMED, None))
    assert [piece.rows for piece in pieces] == [PIECE, 70_000 - PIECE]
    assert pieces[0].names == ("x", "name", "extra")  # as the file has them
    whole = columns.encode(table, STREAMED, Selecting()).values
    assert np.array_equal(columns.encode(pieces[1], STREAMED, Selecting()).values, whole[:, PIECE:])


@pytest.mark.parametrize("bytes_at_a_time", [1, 7, 16, 64, 1000])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_streams_cut_text_only_between_records(put, monkeypatch, bytes_at_a_time, end):
    monkeypatch.setattr("emcli.tables.records.TEXT_BYTES", bytes_at_a_time)
    text = 'a,"b\n,x",ü\n1,"x\n""y"", z",ä\n2,,"\n"\n3,"""",ß\n\n\n'.replace("\n", end)
    asked = (Column("a", "real"),)
    for encoding in ("utf-8", "utf-16", "latin-1"):
        name = put("a.csv", text.encode(encoding))
        whole = tables.read([name], Reading(encoding=encoding))
        (piece,) = tables.stream([name], Reading(encoding=encoding), asked, None)
        assert cells(piece) == cells(whole)
    name = put("one.csv", f"x{end}1{end}{end}3{end}{end}{end}")
    (piece,) = tables.stream([name], Reading(), (Column("x", "real"),))
    assert cells(piece)["x"] == [1, None, 3]


@pytest.mark.parametrize("packed", [bytes, gzip.compress])
def test_columns_on_shelves_are_the_same(put, monkeypatch, packed):
    rows = [f"{i},{i / 7 if i % 5 else ''},w{i},{i if i < 9000 else i / 2}\n" for i in range(9999)]
    name = put("a.csv", packed(("i,x,w,y\n" + "".join(rows)).encode()))
    whole = tables.read([name], Reading())
    monkeypatch.setattr("emcli.tables.records.TEXT_BYTES", 9000)
    monkeypatch.setattr("emcli.tables.shelves.LONG", 2000)
    apart = tables.read([name], Reading())
    assert apart.schema == whole.schema
    assert cells(apart) == cells(whole)
    # Schemas of their own would scatter over what Arrow frees, which grows with every run.
    schemas = [run.kept.schema for file in apart.files for run in file._runs]
    assert len(schemas) > 10
    assert len({id(schema) for schema in schemas}) == len(set(schemas)) < 4


def test_streams_match_by_name_and_ignore_the_rest(put):
    name = put("a.csv", "z,b,y,a\n9,1,9,2\n")
    (piece,) = tables.stream([name], Reading(), (Column("a", "real"), Column("b", "count")))
    assert cells(piece) == {"a": [2.0], "b": [1.0]}


def test_text_of_ids_is_what_the_file_has(put):
    name = put("a.csv", "id,x\n007,1\n1.50,2\nNA,3\n")
    table = tables.read([name], Reading())
    assert table.text("id").to_pylist() == ["007", "1.50", None]
    (piece,) = tables.stream([name], Reading(), (Column("x", "real"),), ["id"])
    assert piece.column("id").to_pylist() == ["007", "1.50", None]


def test_reading_imports_neither_pandas_nor_scipy(put):
    name = put("a.csv", SMALL)
    script = (
        "import sys; from emcli import tables, columns\n"
        "from emcli.columns import Column; from emcli.settings import Reading, Selecting\n"
        f"t = tables.read([{name!r}], Reading())\n"
        "k = (Column('a', 'real'), Column('b', 'real'), Column('c', 'category', ('x', 'y')))\n"
        "d = columns.encode(t, k, Selecting(id='a'))\n"
        "with tables.AssignmentWriter(sys.stdout.buffer, 'csv', ['red'], 'a') as w:\n"
        "    import numpy as np; w.write(0, np.array([0, 0, -1]), np.ones((1, 3)), t.text('a'))\n"
        "assert not {'pandas', 'scipy'} & set(sys.modules), 'imported'"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=here())
    assert run.stdout == "a,colour,p_red\n1,red,1\n3,red,1\n5,,\n", run.stderr


def test_closed_and_missing_files_are_named(put):
    put("faithful.csv", SMALL)
    with pytest.raises(InputError, match=r"no file 'faithfull.csv'; did you mean 'faithful.csv'"):
        tables.read(["faithfull.csv"], Reading())
