"""Bad input is one sentence that names file, row and column, and says what to type."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import math

import pyarrow as pa
import pyarrow.parquet
import pytest

from emcli import columns, grammar, tables
from emcli.columns import Column
from emcli.errors import EmcliError, InputError, UsageError
from emcli.settings import Reading, Selecting

from .conftest import table_of
from .test_reading import PACKINGS, SMALL, arrow_bytes, zstd


def failure(name: str, kind: type = InputError, **options) -> str:
    """The message `read` fails with; streaming fails with the same one."""
    with pytest.raises(kind) as read:
        tables.read([name], Reading(**options))
    with pytest.raises(kind) as streamed:
        list(tables.stream([name], Reading(**options), (), None))
    assert str(read.value) == str(streamed.value)
    message = str(read.value)
    assert "\n" not in message and len(message) < 300
    return message


def fit(table: tables.Table, model: str = "gaussian", **selecting) -> columns.Data:
    chosen = Selecting(**selecting)
    plan = columns.plan(table, grammar.parse(model), chosen)
    return columns.encode(table, plan.columns, chosen, plan.checks, plan.trials)


def refusal(table: tables.Table, model: str = "gaussian", kind: type = InputError, **chosen) -> str:
    with pytest.raises(kind) as caught:
        fit(table, model, **chosen)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# The file itself.


def test_no_such_file(put):
    put("faithful.csv", SMALL)
    assert failure("faithfull.csv") == (
        "there is no file 'faithfull.csv'; did you mean 'faithful.csv'?"
    )
    assert "there is no folder 'nowhere' either" in failure("nowhere/x.csv")


def test_empty_files(put):
    assert failure(put("e.csv", "")) == "e.csv is empty; give a table with a header and rows"
    assert "e.csv is empty" in failure(put("e.csv", "\n\n  \n"))
    assert "e.csv is empty" in failure(put("e.csv", gzip.compress(b"")))
    assert "e.csv is empty" in failure(put("e.csv", b"\xef\xbb\xbf"))


@pytest.mark.parametrize("text", ["a,b\n", "a,b", "a,b\r\n\r\n", "a\n\n\n"])
def test_header_only(put, text):
    message = failure(put("h.csv", text))
    assert message == "h.csv has a header but no rows; give at least one row of data"


def test_no_rows_in_parquet(put):
    data = arrow_bytes(pa.table({"a": pa.array([], pa.float64())}), "parquet")
    assert "h.parquet has" in failure(put("h.parquet", data))


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("a,b\n1,2\n3\n", "r.csv, row 2: 1 field where the header has 2 (delimiter ',')"),
        ("a,b\n1,2\n\n3,4\n5,6,7\n", "r.csv, row 3: 3 fields where the header has 2"),
        ('a,b\n"1\n2",2\n3\n4\n', "r.csv, row 2: 1 field where"),
        ("a;b\r\n1;2;3\r\n", "r.csv, row 1: 3 fields where the header has 2 (delimiter ';')"),
        ("a\tb\n1\t2\n3\n", "r.csv, row 2: 1 field where the header has 2 (delimiter a tab)"),
        ("x\n1\n2,3\n", "r.csv, row 2: 2 fields where the header has 1"),
    ],
)
def test_ragged_rows(put, text, where):
    assert where in failure(put("r.csv", text))


def test_a_ragged_row_far_down(put, monkeypatch):
    text = "a,b\n" + "1,2\n" * 500_000 + "3\n" + "1,2\n" * 10
    assert "r.csv, row 500001: 1 field" in failure(put("r.csv", text))
    monkeypatch.setattr("emcli.tables.records.TEXT_BYTES", 1000)
    assert "r.csv, row 500001: 1 field" in failure("r.csv")


def test_a_quote_that_never_closes(put):
    message = failure(put("q.csv", 'a,b\n1,x\n2,"y\n3,z\n'))
    assert message.startswith("q.csv, row 2: a double quote opens here and never closes")


def test_duplicate_names(put):
    message = failure(put("d.csv", "a,b,a\n1,2,3\n"))
    assert message == (
        "d.csv: columns 1 and 3 are both called 'a'; give every column a name of its own"
    )
    assert "columns 1 and 2 both have no name" in failure(put("d.csv", ",\n1,2\n"))
    twins = pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"])
    for kind in ("file", "stream"):
        assert "columns 1 and 2" in failure(put("d.arrow", arrow_bytes(twins, kind)))
    with pytest.raises(InputError):
        tables.from_arrow(twins)


def test_binary_junk(put):
    assert "j.csv, near row 1: a NUL byte" in failure(put("j.csv", b"a,b\n1,\x002\n"))
    assert "j.csv, header: a NUL byte" in failure(put("j.csv", b"a,b\0\n1,2\n"))
    assert "j.csv, near row 30000: a NUL byte" in failure(
        put("j.csv", b"a,b\n" + b"1,2\n" * 29_999 + b"\x00,2\n")
    )
    assert "a zip archive or a spreadsheet" in failure(put("j.xlsx", b"PK\x03\x04" + b"x" * 50))
    assert "--encoding utf-16" in failure(put("j.csv", SMALL.encode("utf-16")))
    junk = bytes((number * 7919 >> 3) % 255 + 1 for number in range(5000))
    with pytest.raises(EmcliError):
        fit(tables.read([put("j.csv", junk)], Reading()))


def test_wrong_encoding(put):
    message = failure(put("l.csv", "größe,b\n1,2\n".encode("latin-1")))
    assert "l.csv, header: the text is not UTF-8" in message and "--encoding" in message
    name = put("l.csv", "a,name\n1,x\n2,Müller\n".encode("latin-1"))
    table = tables.read([name], Reading())
    assert fit(table, "gaussian(a)").values.tolist() == [[1, 2]]
    for model in ("categorical(name)", "categorical", "auto"):
        message = refusal(table, model)
        assert "l.csv, row 2, column 'name': the text is not UTF-8" in message, model
        assert "--encoding cp1252" in message and "'Müller'" in message
    with pytest.raises(InputError, match=r"l.csv, row 2, column 'name': the text is not UTF-8"):
        list(tables.stream([name], Reading(), (), ["name"]))
    message = failure(put("u.csv", "a\nÅ\n".encode("latin-1")), encoding="ascii")
    assert message.startswith("u.csv, line 2: the text is not ascii")


def test_what_is_often_mistaken_for_a_table(put):
    assert "holds emcli parameters" in failure(put("p.json", '{"schema": "emcli/model/1"}\n'))
    message = failure(put("r.csv", "a,b\nr1,1,2\nr2,3,4\n"))
    assert "row 1: 3 fields" in message and "lack a name for the first column" in message


def test_folders(put):
    put("folder/a.csv", SMALL)
    message = failure("folder")
    assert message.startswith("'folder' is a folder without Parquet files")
    assert "folder/*.csv" in message


@pytest.mark.parametrize("cut", [10, 60, -9, -1])
def test_corrupt_parquet(put, cut):
    data = arrow_bytes(pa.table({"a": list(range(100))}), "parquet")
    message = failure(put("c.parquet", data[:cut]))
    assert message.startswith("c.parquet is a damaged Parquet file")
    broken = bytearray(data)
    broken[20:60] = b"\xff" * 40
    table = tables.read([put("c.parquet", bytes(broken))], Reading())
    assert refusal(table).startswith("c.parquet is a damaged Parquet file")


@pytest.mark.parametrize("kind", ["file", "stream"])
def test_corrupt_arrow(put, kind):
    data = arrow_bytes(pa.table({"a": list(range(1000))}), kind)
    assert failure(put("c.arrow", data[:300])).startswith("c.arrow is a damaged Arrow file")


@pytest.mark.parametrize("packing", PACKINGS)
def test_damaged_compression(put, packing):
    pack = {"gzip": gzip.compress, "bzip2": bz2.compress, "xz": lzma.compress, "zstd": zstd}
    text = "a,b\n" + "".join(f"{math.sin(row)!r},2\n" for row in range(5000))
    data = pack[packing](text.encode())
    message = failure(put("c.csv", data[: len(data) // 2]))
    assert message.startswith(f"c.csv is damaged: its {packing} data")


def test_files_with_different_columns(put):
    one, two = put("one.csv", "a,b\n1,2\n"), put("two.csv", "a,c\n1,2\n")
    with pytest.raises(InputError, match=r"two.csv has no column 'b', which the first file has"):
        tables.read([one, two], Reading())
    three = put("three.csv", "a,b,c\n1,2,3\n")
    with pytest.raises(InputError, match=r"three.csv has a column 'c' that the first"):
        tables.read([one, three], Reading())


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"delimiter": "::"}, "--delimiter takes one character"),
        ({"delimiter": '"'}, "--delimiter takes one character"),
        ({"decimal": ",", "delimiter": ","}, "cannot be both delimiter and decimal mark"),
        ({"encoding": "utf-9"}, "there is no character encoding 'utf-9'"),
    ],
)
def test_options_that_make_no_sense(put, options, says):
    assert says in failure(put("a.csv", SMALL), UsageError, **options)


def test_standard_input_twice():
    with pytest.raises(UsageError, match=r"only once"):
        tables.read(["-", "-"], Reading())


def test_a_missing_column_on_assign_has_its_nearest_name(put):
    name = put("a.csv", "eruptions,waiting\n1,2\n")
    with pytest.raises(InputError, match=r"no column 'Waiting'; did you mean 'waiting'\?"):
        list(tables.stream([name], Reading(), (Column("Waiting", "real"),)))


# Cells.


def numbers_with(word: str) -> str:
    return "eruptions,waiting\n" + "3.6,79\n" * 13 + f"1.8,{word}\n" + "3.3,74\n" * 5


@pytest.mark.parametrize("model", ["gaussian", "gaussian(waiting)", "poisson(waiting)", "auto"])
def test_text_in_a_column_of_numbers(load, model):
    message = refusal(load(numbers_with("abc")), model)
    assert message == (
        "data.csv, row 14, column 'waiting': 'abc' is not a number; "
        "correct it, or type --na 'abc' if it means an empty cell"
    )


def test_text_in_a_column_of_numbers_on_assign(put):
    asked = (Column("waiting", "real"),)
    (piece,) = tables.stream([put("data.csv", numbers_with("abc"))], Reading(), asked)
    with pytest.raises(InputError, match=r"data.csv, row 14, column 'waiting': 'abc' is not"):
        columns.encode(piece, asked, Selecting())


def test_a_word_in_a_later_file_of_a_stream(put):
    one, two = put("one.csv", numbers_with("80")), put("two.csv", numbers_with("abc"))
    asked = (Column("waiting", "real"), Column("eruptions", "real"))
    (piece,) = tables.stream([one, two], Reading(), asked)
    with pytest.raises(InputError, match=r"two.csv, row 14, column 'waiting': 'abc' is not"):
        columns.encode(piece, asked, Selecting())


def test_text_far_down_in_a_second_file(put):
    one, two = put("one.csv", numbers_with("80")), put("two.csv", numbers_with("x y"))
    message = refusal(tables.read([one, two], Reading()))
    assert message.startswith("two.csv, row 14, column 'waiting': 'x y' is not a number")


def test_a_decimal_comma_is_recognised(load):
    message = refusal(load("a;b\n1,5;1\n2,25;2\n4,5;1\n"), columns=("a",))
    assert "data.csv, row 1, column 'a': '1,5' is not a number; type --decimal ," in message


def test_a_text_column_asked_for_as_numbers(load):
    message = refusal(load("x,species\n1,setosa\n2,virginica\n"), columns=("species",))
    assert "data.csv, row 1, column 'species': 'setosa' is not a number" in message
    assert "categorical(species)" in message


def test_text_is_shown_short_and_on_one_line(load):
    message = refusal(load('x\n"a\nb' + "c" * 100 + '"\n'), "gaussian(x)")
    assert "'a\\nbccc" in message and "…" in message


@pytest.mark.parametrize("word", ["inf", "-Infinity", "1e400", "INF"])
def test_infinity(load, word):
    message = refusal(load(f"x,y\n1.5,1\n2,3\n{word},2\n"))
    assert f"data.csv, row 3, column 'x': '{word}' is not a finite number" in message


@pytest.mark.parametrize("value", ["1e151", "-2e200"])
def test_magnitudes(load, value):
    message = refusal(load(f"x,y\n1.5,1\n{value},2\n"))
    assert "data.csv, row 2, column 'x'" in message and "above 1e150 in magnitude" in message


def test_infinity_in_parquet(put):
    name = put("p.parquet", arrow_bytes(pa.table({"x": [1.0, math.inf]}), "parquet"))
    assert "p.parquet, row 2, column 'x': inf is not a finite number" in refusal(
        tables.read([name], Reading()), "gaussian(x)"
    )


def test_values_outside_the_support(load):
    table = load("visits,y\n3,1.5\n-1,2.5\n2,3\n")
    message = refusal(table, "poisson(visits)")
    assert message.startswith("data.csv, row 2, column 'visits': -1 is outside what poisson takes")
    assert "whole numbers from 0" in message and "-x 'visits'" in message
    assert "row 2, column 'visits': -1" in refusal(table, "poisson")
    assert "row 1, column 'y': 1.5" in refusal(table, "poisson", columns=("y",))


def test_more_successes_than_trials(load):
    table = load("heads,tosses\n5,10\n11,10\n")
    assert "row 2, column 'heads': 11 successes in 10 trials (column 'tosses')" in refusal(
        table, "binomial(heads, trials=tosses)"
    )
    assert "row 2, column 'heads': 11 successes in 10 trials (n=10)" in refusal(
        table, "binomial(heads, n=10)"
    )
    table = load("heads,tosses\n5,10\n1,\n")
    assert "row 2, column 'tosses': the number of trials is missing" in refusal(
        table, "binomial(heads, trials=tosses)"
    )


def test_a_constant_column_asked_for_by_name(load):
    message = refusal(load("x,y\n1,7\n2,7\n"), "gaussian(x, y)")
    assert message.startswith("data.csv: column 'y' is 7 in every row, and gaussian needs")
    assert "is 7 in every row" in refusal(load("x,y\n1,7\n2,7\n"), columns=("y",))
    assert "column 'y' is empty" in refusal(load("x,y\n1,\n2,\n"), columns=("y",))
    assert "column 'x' is 7 in every row" in refusal(load("x\n7\n7\n7\n"))
    assert fit(load("x\n7\n7\n7\n"), "poisson").values.tolist() == [[7, 7, 7]]


def test_unknown_columns_have_their_nearest_name(load):
    table = load("eruptions,waiting\n1,2\n3,4\n")
    expected = "there is no column 'waitin'; did you mean 'waiting'?"
    assert refusal(table, columns=("waitin",)) == expected
    assert refusal(table, exclude=("waitin",)) == expected
    assert refusal(table, "gaussian(waitin)") == expected
    assert refusal(table, weight="waitin") == expected
    assert refusal(table, id="waitin") == expected


@pytest.mark.parametrize(
    ("weights", "says"),
    [
        ("1,-2,1", "row 2, column 'w': a weight is below zero"),
        ("1,,1", "row 2, column 'w': the weight is missing"),
        ("1,x,1", "row 2, column 'w': 'x' is not a number"),
        ("1,1,inf", "row 3, column 'w': 'inf' is not a finite number"),
    ],
)
def test_weights(load, weights, says):
    rows = "".join(f"{x},{w}\n" for x, w in zip("135", weights.split(","), strict=True))
    assert says in refusal(load("x,w\n" + rows), weight="w")


def test_missing_cells_refused(load):
    table = load("x,y\n1,2\n,3\n4,\n,\n5,6\n7,\n8,\n")
    message = refusal(table, missing="refuse")
    assert message.startswith("data.csv, row 2, column 'x': the cell is empty, as in 4 more rows")
    assert "(3, 4, 6, …)" in message and "--missing use or drop" in message
    assert fit(table, missing="drop").rows.tolist() == [0, 4]
    assert fit(table).rows is None
    assert fit(load("x,y\n1,\n2,\n,3\n,4\n"), missing="drop").values.shape == (2, 0)


def test_unseen_categories(put):
    asked = (Column("sex", "category", ("f", "m")), Column("n", "binary", (1, 2)))
    (piece,) = tables.stream([put("a.csv", "sex,n\nf,1\nx,2\n")], Reading(), asked)
    with pytest.raises(InputError) as caught:
        columns.encode(piece, asked, Selecting())
    assert str(caught.value) == (
        "a.csv, row 2, column 'sex': 'x' is not a category of this model; it knows f, m"
    )
    (piece,) = tables.stream([put("a.csv", "sex,n\nf,1\nm,3\n")], Reading(), asked)
    with pytest.raises(InputError, match=r"row 2, column 'n': '3' is not a category"):
        columns.encode(piece, asked, Selecting())


def test_levels_that_do_not_fit(load):
    table = load("x,y,z\n1,1.5,a\n2,2.5,b\n3,2.5,c\n5,1.5,c\n")
    assert "column 'x' has 4 levels (1, 2, 3, 5) where bernoulli takes two" in refusal(
        table, "bernoulli(x)"
    )
    assert "row 1, column 'y': '1.5' is not a category" in refusal(table, "categorical(y)")


def test_types_that_are_no_numbers():
    table = table_of(when=pa.array([1, 2], pa.date32()), nested=pa.array([[1], [2]]))
    assert "date32" in refusal(table, "gaussian(when)")
    assert "list" in refusal(table, "gaussian(nested)")
    assert "list" in refusal(table, "categorical(nested)")
    assert "no column" in refusal(table, "gaussian")


# Models.


@pytest.mark.parametrize(
    ("model", "chosen", "says"),
    [
        ("gaussian, poisson", {}, "their likelihoods cannot be compared"),
        ("gaussian(a), gaussian(a, b)", {}, "cannot be compared"),
        ("gaussian(a) + gaussian(a, b)", {}, "column 'a' is in two blocks"),
        ("gaussian(a)", {"columns": ("a", "w")}, "no block of the model takes column 'w'"),
        ("binomial(a)", {}, "binomial needs to know the trials"),
        ("binomial(a, n=0)", {}, "is not a number of trials"),
        ("gaussian(a)", {"exclude": ("a",)}, "nothing is left for 'gaussian'"),
    ],
)
def test_models_that_make_no_sense(model, chosen, says):
    table = table_of(a=[1, 4, 6], b=[2, 2, 7], w=["x", "y", "x"])
    assert says in refusal(table, model, UsageError, **chosen)


def test_a_block_that_finds_nothing(load):
    message = refusal(load("name,x\na,1.5\nb,2.5\n"), "gaussian + poisson")
    assert "no column left for poisson, which takes whole numbers from 0" in message
    assert "poisson(COLUMN, ...)" in message


def test_parquet_written_by_hand_is_still_checked(put):
    sink = io.BytesIO()
    pyarrow.parquet.write_table(pa.table({"x": ["1", "2", "oops", "4"]}), sink)
    table = tables.read([put("t.parquet", sink.getvalue())], Reading())
    assert "t.parquet, row 3, column 'x': 'oops' is not a number" in refusal(table)
