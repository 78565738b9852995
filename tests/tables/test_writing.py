"""What is written: the same bytes for the same rows, however they came in."""

from __future__ import annotations

import io
import math
import time

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emcli import columns, tables
from emcli.errors import InputError, UsageError
from emcli.settings import Reading, Selecting
from emcli.tables.table import PIECE

from .test_reading import arrow_bytes


def written(codes, shares=None, *, fmt="csv", pieces=1, ids=None, appended=None, **how):
    """The bytes an AssignmentWriter makes of these rows."""
    file = io.BytesIO()
    codes = np.asarray(codes)
    how = {"append": appended.column_names if appended is not None else None, **how}
    with tables.AssignmentWriter(file, fmt, ["red", "blue"], **how) as writer:
        step = -(-len(codes) // pieces)
        for start in range(0, len(codes), step):
            span = slice(start, start + step)
            writer.write(
                start,
                codes[span],
                None if shares is None else shares[:, span],
                None if ids is None else ids.slice(start, step),
                None if appended is None else appended.slice(start, step),
            )
    return file.getvalue()


CODES = [1, 0, -1]
P = np.array([[0.25, 1.0, math.nan], [0.75, 1e-30, math.nan]])


def test_the_header_and_the_lines():
    assert written(CODES, P) == (
        b"row,colour,p_red,p_blue\n1,blue,0.25,0.75\n2,red,1,1e-30\n3,,,\n"
    )
    assert written(CODES, None) == b"row,colour\n1,blue\n2,red\n3,\n"
    assert written(CODES) == written(CODES, None)


def test_only_the_colour():
    file = io.BytesIO()
    with tables.AssignmentWriter(file, "csv", ["red", "blue"], probabilities=False) as writer:
        writer.write(41, np.array(CODES), P)
    assert file.getvalue() == b"row,colour\n42,blue\n43,red\n44,\n"


def test_ids_are_quoted_only_where_csv_needs_it():
    ids = pa.chunked_array([["a,b", 'say "x"'], ["two\nlines"]])
    assert written(CODES, ids=ids, id_name="the id", probabilities=False) == (
        b'the id,colour\n"a,b",blue\n"say ""x""",red\n"two\nlines",\n'
    )
    plain = pa.chunked_array([["007", " x", None]])
    assert written(CODES, ids=plain, id_name='i"d', probabilities=False) == (
        b'"i""d",colour\n007,blue\n x,red\n,\n'
    )


def test_appended_columns_follow_without_the_id():
    appended = pa.table({"id": ["u", "v", "w"], "x": [1.5, None, 1e-7], "n": [1, 2, None],
                         "t": [True, False, None], "s": ["p,q", None, "r"]})  # fmt: skip
    assert written(CODES, P, ids=appended.column("id"), id_name="id", appended=appended) == (
        b"id,colour,p_red,p_blue,x,n,t,s\n"
        b'u,blue,0.25,0.75,1.5,1,true,"p,q"\nv,red,1,1e-30,,2,false,\nw,,,,1e-7,,,r\n'
    )


def test_appending_a_name_twice_is_refused():
    with pytest.raises(UsageError, match="the input has a column 'colour' already"):
        written(CODES, P, appended=pa.table({"colour": ["x", "y", "z"]}))
    with pytest.raises(InputError):
        written(CODES, P, id_name="colour", ids=pa.chunked_array([["a", "b", "c"]]))


@pytest.mark.parametrize("fmt", ["csv", "parquet"])
def test_bytes_do_not_depend_on_the_pieces(fmt):
    rng = np.random.default_rng(1)
    n = 3 * PIECE
    p = rng.random((2, n))
    codes = (p[1] > p[0]).astype(int)
    whole = written(codes, p, fmt=fmt)
    assert whole == written(codes, p, fmt=fmt, pieces=3)
    if fmt == "csv":
        assert whole == written(codes, p, pieces=7)


def test_parquet():
    data = written(CODES, P, fmt="parquet")
    table = pyarrow.parquet.read_table(io.BytesIO(data))
    assert table.to_pydict() == {
        "row": [1, 2, 3],
        "colour": ["blue", "red", None],
        "p_red": [0.25, 1.0, None],
        "p_blue": [0.75, 1e-30, None],
    }


def test_only_words_have_a_dictionary():
    group = pyarrow.parquet.ParquetFile(io.BytesIO(written(CODES, P, fmt="parquet"))).metadata
    found = [group.row_group(0).column(i) for i in range(4)]
    assert ["RLE_DICTIONARY" in one.encodings for one in found] == [False, True, False, False]


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1))
def test_floats_are_written_so_that_they_read_back(values):
    file = io.BytesIO()
    tables.write_rows(file, "csv", [{"x": np.array(values)}])
    lines = file.getvalue().decode().splitlines()[1:]
    assert [float(line) for line in lines] == values
    assert all(len(line) <= len(repr(value)) + 5 for line, value in zip(lines, values, strict=True))


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))))
def test_text_reads_back(words):
    file = io.BytesIO()
    ids = pa.array([word or "-" for word in words], pa.string())
    tables.write_rows(file, "csv", [{"n": np.arange(len(ids)), "id": ids}])
    import csv

    rows = list(csv.reader(io.StringIO(file.getvalue().decode(), newline="")))
    assert [row[1] for row in rows[1:]] == ids.to_pylist()


def test_rows_of_a_score():
    file = io.BytesIO()
    pieces = ({"row": np.arange(start, start + 2), "log_density": np.array([-1.5, math.nan])}
              for start in (1, 3))  # fmt: skip
    tables.write_rows(file, "csv", pieces)
    assert file.getvalue() == b"row,log_density\n1,-1.5\n2,\n3,-1.5\n4,\n"


def test_the_format_of_the_input_leaves_no_trace(put):
    text = "id,x,s\n7,1.5,b\n8,1e-05,a\n9,3,\n"
    arrow = pa.table({"id": [7, 8, 9], "x": [1.5, 1e-05, 3], "s": ["b", "a", None]})
    names = [put("a.csv", text), put("a.parquet", arrow_bytes(arrow, "parquet")),
             put("a.arrow", arrow_bytes(arrow, "stream"))]  # fmt: skip
    for chosen in (Selecting(), Selecting(id="id"), Selecting(id="s")):
        made = set()
        for name in names:
            table = tables.read([name], Reading())
            asked = (columns.Column("x", "real"),)
            columns.encode(table, asked, chosen)
            made.add(written(CODES, P, ids=chosen.id and table.text(chosen.id), id_name=chosen.id))
        assert len(made) == 1


def test_an_unknown_format_is_refused():
    with pytest.raises(UsageError, match="not a format"):
        tables.AssignmentWriter(io.BytesIO(), "xlsx", ["red"])


@pytest.mark.slow
def test_writing_is_five_times_cheaper_than_with_pandas():
    """Processor time of all threads, the best of three: other work on the machine counts little."""
    import pandas as pd

    rng = np.random.default_rng(0)
    p = rng.dirichlet(np.ones(10), 65_000).T.copy()
    codes = p.argmax(axis=0)
    names = [f"c{number}" for number in range(10)]
    frame = pd.DataFrame({"colour": np.array(names)[codes], **dict(zip(names, p, strict=True))})

    def ours():
        with tables.AssignmentWriter(io.BytesIO(), "csv", names) as writer:
            writer.write(0, codes, p)

    def cost(work):
        start = time.process_time()
        work()
        return time.process_time() - start

    theirs = min(cost(lambda: frame.to_csv(io.BytesIO())) for _ in range(2))
    assert theirs > 5 * min(cost(ours) for _ in range(3))
