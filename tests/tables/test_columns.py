"""Selection, kinds and categories: learnt once, replayed on new rows."""

from __future__ import annotations

import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emcli import columns, grammar, tables
from emcli.columns import Column, select
from emcli.errors import InputError
from emcli.settings import Reading, Selecting

from .conftest import table_of
from .test_bad_input import fit
from .test_reading import arrow_bytes

NAMES = ("id", "bill_length", "bill_depth", "mass", "a,b", "1", "x..y", "a-b")


@pytest.mark.parametrize(
    ("spec", "found"),
    [
        (["mass"], ["mass"]),
        (["mass,id"], ["mass", "id"]),
        ([" mass , id "], ["mass", "id"]),
        (["2"], ["bill_length"]),
        (["2..4"], ["bill_length", "bill_depth", "mass"]),
        (["bill_length..mass"], ["bill_length", "bill_depth", "mass"]),
        (["..3"], ["id", "bill_length", "bill_depth"]),
        (["7.."], ["x..y", "a-b"]),
        (["bill_*"], ["bill_length", "bill_depth"]),
        (["*s,bill_?????"], ["mass", "bill_depth"]),
        (["a,b"], ["a,b"]),
        (['"a,b",mass'], ["a,b", "mass"]),
        (["1"], ["1"]),  # a name comes before a position
        (["x..y"], ["x..y"]),
        (["a-b"], ["a-b"]),
        (["mass", "mass,bill_*"], ["mass", "bill_length", "bill_depth"]),
    ],
)
def test_select(spec, found):
    assert select(NAMES, spec) == found


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("1-4", "a range is typed 1..4"),
        ("id-mass", "a range is typed id..mass"),
        ("Mass", "did you mean 'mass'?"),
        ("bill_lenght", "did you mean 'bill_length'?"),
        ("zzz", "the columns are id, bill_length"),
        ("99", "there is no column 99; the table has 8"),
        ("0", "there is no column 0"),
        ("q*", "no column matches 'q*'"),
        ("mass..id", "type id..mass"),
        ("id..zz", "there is no column 'zz'"),
    ],
)
def test_select_refuses(spec, says):
    with pytest.raises(InputError) as caught:
        select(NAMES, [spec])
    assert says in str(caught.value)


@given(st.lists(st.text(min_size=1), min_size=1, unique=True))
def test_any_name_selects_itself(names):
    for name in names:
        assert select(names, [name]) == [name]


def plan(table: tables.Table, model: str, **chosen) -> columns.Plan:
    return columns.plan(table, grammar.parse(model), Selecting(**chosen))


def taken(table: tables.Table, model: str, **chosen) -> list[tuple[str, tuple[str, ...]]]:
    (claims,) = plan(table, model, **chosen).models
    return [(claim.term.family, claim.columns) for claim in claims]


PENGUINS = {
    "row": [1, 2, 3, 4, 5, 6],
    "name": ["ann", "bob", "cas", "dee", "eve", "fay"],
    "species": ["A", "A", "B", "C", "B", "B"],
    "bill": [39.1, 39.5, math.nan, 36.7, 39.3, 38.9],
    "mass": [3750, 3800, 3250, None, 3650, 3625],
    "visits": [0, 3, 1, 2, 0, 1],
    "sex": ["f", "m", None, "f", "m", "m"],
    "alive": [True, False, True, True, True, None],
    "site": [7, 7, 7, 7, 7, 7],
    "none": pa.nulls(6),
}


@pytest.mark.parametrize(
    ("model", "found"),
    [
        ("gaussian", [("gaussian", ("bill", "mass", "visits"))]),
        ("poisson", [("poisson", ("mass", "visits"))]),
        ("bernoulli", [("bernoulli", ("sex", "alive"))]),
        ("categorical", [("categorical", ("species", "sex", "alive"))]),
        (
            "gaussian + categorical",
            [("gaussian", ("bill", "mass", "visits")),
             ("categorical", ("species", "sex", "alive"))],
        ),
        (
            "bernoulli + categorical + poisson(visits) + gaussian",
            [("bernoulli", ("sex", "alive")), ("categorical", ("species",)),
             ("poisson", ("visits",)), ("gaussian", ("bill", "mass"))],
        ),
        (
            "auto",
            [("categorical", ("species",)), ("gaussian", ("bill", "mass")),
             ("poisson", ("visits",)), ("bernoulli", ("sex", "alive"))],
        ),
        ("gaussian(mass, bill)", [("gaussian", ("mass", "bill"))]),
        ("gaussian(row)", [("gaussian", ("row",))]),
        ("categorical(visits)", [("categorical", ("visits",))]),
        ("poisson(site)", [("poisson", ("site",))]),
    ],
)  # fmt: skip
def test_what_a_block_takes(model, found):
    assert taken(table_of(**PENGUINS), model) == found


def test_a_column_is_judged_by_all_its_pieces(monkeypatch):
    monkeypatch.setattr("emcli.tables.table.LARGE", 4)
    table = table_of(
        varies=[7.0] * 11 + [8], same=[math.nan] * 5 + [7.0] * 7, none=[math.nan] * 12,
        row=range(1, 13), steps=[*range(1, 12), 13], late=[math.nan] * 11 + [1],
    )  # fmt: skip
    found = plan(table, "gaussian")
    assert [column.name for column in found.columns] == ["varies", "steps"]
    assert [note for note in found.notes if "left out" in note] == [
        "left out 'same', 'late': constant", "left out 'none': empty",
        "left out 'row': only counts rows",
    ]  # fmt: skip


def test_roles_and_selections_are_kept_apart():
    table = table_of(**PENGUINS)
    assert taken(table, "gaussian", weight="visits") == [("gaussian", ("bill", "mass"))]
    assert taken(table, "gaussian", id="2", exclude=("mass",)) == [("gaussian", ("bill", "visits"))]
    assert taken(table, "gaussian", columns=("row,bill",)) == [("gaussian", ("row", "bill"))]
    assert taken(table, "gaussian(bill..visits)", weight="mass") == [
        ("gaussian", ("bill", "visits"))
    ]
    assert taken(table, "gaussian + poisson(visits)", columns=("bill", "visits")) == [
        ("gaussian", ("bill",)),
        ("poisson", ("visits",)),
    ]


def test_what_is_left_out_is_said():
    notes = plan(table_of(**PENGUINS), "gaussian").notes
    assert notes == (
        "left out 'row': only counts rows",
        "left out 'name': every row has another text",
        "left out 'species', 'sex', 'alive': not numbers",
        "left out 'site': constant",
        "left out 'none': empty",
    )
    notes = plan(table_of(**PENGUINS), "auto", columns=("bill", "visits")).notes
    assert notes == ("auto: bill -> gaussian, visits -> poisson",)


def test_columns_are_in_the_tables_order_and_know_their_levels():
    found = plan(
        table_of(**PENGUINS), "categorical(sex, species) + bernoulli(alive) + poisson(mass)"
    )
    assert found.columns == (
        Column("species", "category", ("A", "B", "C")),
        Column("mass", "count"),
        Column("sex", "category", ("f", "m")),
        Column("alive", "binary", ("false", "true")),
    )


def test_a_column_that_counts_is_used_when_it_is_all_there_is(load):
    table = load("deaths,frequency\n0,162\n1,267\n2,271\n")
    assert taken(table, "poisson", weight="frequency") == [("poisson", ("deaths",))]
    assert taken(load("x\n1\n2\n3\n"), "gaussian") == [("gaussian", ("x",))]
    assert taken(table, "poisson") == [("poisson", ("frequency",))]


def test_counting_starts_again_in_each_file(put):
    paths = [put("a.csv", "i,x\n1,5\n2,3\n3,3\n"), put("b.csv", "i,x\n1,4\n2,5\n")]
    assert taken(tables.read(paths, Reading()), "gaussian") == [("gaussian", ("x",))]


def test_whole_numbers_are_categories_where_nothing_else_is_left():
    table = table_of(a=[1, 2, 2, 1], b=[5, 6, 5, 5], c=[0.5, 1, 2, 3])
    assert taken(table, "categorical") == [("categorical", ("a", "b"))]
    assert taken(table, "bernoulli") == [("bernoulli", ("a", "b"))]
    assert taken(table, "categorical(a) + gaussian") == [
        ("categorical", ("a",)),
        ("gaussian", ("b", "c")),
    ]


@pytest.mark.parametrize(
    ("values", "family"),
    [
        ([0, 1, 1, 0], "bernoulli"),
        ([5, 9, 9, 5], "bernoulli"),
        (["no", "yes", "no", "no"], "bernoulli"),
        (["a", "b", "c", "a"], "categorical"),
        ([0, 5, 1000, 2], "poisson"),
        ([9.0, 12, 13, 15], "poisson"),
        ([10, 12, 13, 15], "gaussian"),
        ([0, 5, 1001, 2], "gaussian"),
        ([-1, 5, 3, 2], "gaussian"),
        ([0.5, 1.5, 0.5, 1.5], "gaussian"),
        (["1.5", "2.5", "3.5", "7"], "gaussian"),
    ],
)
def test_auto(values, family):
    assert taken(table_of(x=values), "auto") == [(family, ("x",))]


def test_models_compared_share_their_columns():
    table = table_of(**PENGUINS)
    found = plan(table, "gaussian:VVV, gaussian:EEE(bill, mass)")
    assert [claims[0].columns for claims in found.models] == [("bill", "mass")] * 2
    found = plan(table, "categorical, bernoulli")
    assert [claims[0].columns for claims in found.models] == [("sex", "alive")] * 2
    assert [column.kind for column in found.columns] == ["binary", "binary"]


def test_trials_are_read_but_not_taken():
    table = table_of(heads=[5, 9, 8], tosses=[10, 10, 12], spare=[4, 1, 0])
    found = plan(table, "binomial(trials=tosses)")
    assert found.models[0][0].columns == ("heads", "spare")
    assert found.models[0][0].options == {"trials": "tosses"}
    assert [column.name for column in found.columns] == ["heads", "tosses", "spare"]
    assert found.trials == {"heads": "tosses", "spare": "tosses"}
    assert plan(table, "binomial(heads, n=10)").models[0][0].options == {"trials": 10}
    assert [family.name for family in found.checks["heads"]] == ["binomial"]


# The same column in whatever way it is stored.

WAYS = {
    "whole numbers": (
        (1, 2, 10),
        "10,2,1,,2",
        [
            pa.array([10, 2, 1, None, 2], pa.int64()),
            pa.array([10, 2, 1, None, 2], pa.uint8()),
            pa.array([10.0, 2, 1, math.nan, 2]),
            pa.array(["10", "2", "1", None, "2"]),
            pa.array(["10", "2.0", " 1", "", "2"]),
            pa.array([10, 2, 1, None, 2], pa.decimal128(5, 1)),
            pa.array([10, 2, 1, None, 2]).dictionary_encode(),
            pa.array(["10", "2", "1", None, "2"]).dictionary_encode(),
        ],
    ),
    "truth values": (
        ("false", "true"),
        "TRUE,false,True,,FALSE",
        [
            pa.array([True, False, True, None, False]),
            pa.array(["true", "False", "TRUE", None, "false"]),
            pa.array(["true", "False", "TRUE", None, "false"]).dictionary_encode(),
        ],
    ),
    "text": (
        ("9", "10", "a", "b"),
        "b,a,9,,10",
        [
            pa.array(["b", "a", "9", None, "10"]),
            pa.array(["b", "a", "9", None, "10"], pa.large_string()),
            pa.array(["b", "a", "9", None, "10"], pa.string_view()),
            pa.array(["b", "a", "9", "", "10"]).dictionary_encode(),
        ],
    ),
    "dates": (
        ("2024-01-02", "2024-02-01"),
        "2024-02-01,2024-01-02,2024-01-02,,2024-02-01",
        [
            pa.array([19754, 19724, 19724, None, 19754], pa.date32()),
            pa.array(["2024-02-01", "2024-01-02", "2024-01-02", None, "2024-02-01"]),
        ],
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_levels_and_codes_do_not_depend_on_the_format(put, way):
    levels, text, arrays = WAYS[way]
    column = Column("x", "category", levels)
    name = put("a.csv", "x,y\n" + "".join(f"{word},1\n" for word in text.split(",")))
    stored = [tables.read([name], Reading()), *tables.stream([name], Reading(), (column,))]
    for number, array in enumerate(arrays):
        binary = put(f"{number}.parquet", arrow_bytes(pa.table({"x": array}), "parquet"))
        stored += [tables.from_arrow(pa.table({"x": array})), tables.read([binary], Reading())]
        stored += tables.stream([binary], Reading(), (column,))
    expected = columns.encode(stored[0], (column,), Selecting()).values
    assert np.isnan(expected[0, 3])
    for table in stored:
        assert plan(table, "categorical(x)").columns == (column,)
        assert np.array_equal(
            columns.encode(table, (column,), Selecting()).values, expected, equal_nan=True
        )


def test_categories_above_two_to_the_53rd_stay_apart(load):
    table = load("x,y\n9007199254740993,1\n9007199254740992,1\n")
    assert plan(table, "categorical(x)").columns[0].levels == (9007199254740992, 9007199254740993)
    assert fit(table, "categorical(x)").values.tolist() == [[1, 0]]


def test_hexadecimal_words_are_the_same_category_read_at_once_or_streamed(put):
    name = put("a.csv", "x,y\n0x10,1\n0x1A,2\n")
    found = plan(tables.read([name], Reading()), "categorical(x)").columns
    (piece,) = tables.stream([name], Reading(), found)
    assert columns.encode(piece, found, Selecting()).values.tolist() == [[0, 1]]


def test_numbers_seen_as_text_levels_on_assign():
    column = Column("x", "category", ("1", "2", "x"))
    data = columns.encode(table_of(x=[2, 1, None]), (column,), Selecting())
    assert data.values[0, :2].tolist() == [1, 0]


@pytest.mark.parametrize(
    "array",
    [
        pa.array([1, 2, None], pa.int8()),
        pa.array([1, 2, None], pa.uint64()),
        pa.array([1, 2, None], pa.decimal128(10, 2)),
        pa.array([1, 2, None], pa.float32()),
        pa.array([1.0, 2.0, math.nan]),
        pa.array([1, 2, None]).dictionary_encode(),
        pa.array(["1", " 2.0 ", "NA"]),
        pa.chunked_array([["1", "2e0"], [None]]),
        pa.array(np.array([1, 2, math.nan], np.float16)),
    ],
)
def test_numbers_of_every_type(array):
    data = columns.encode(table_of(x=array), (Column("x", "real"),), Selecting())
    assert np.array_equal(data.values, [[1, 2, math.nan]], equal_nan=True)
    sliced = tables.from_arrow(pa.table({"x": array}).slice(1))
    data = columns.encode(sliced, (Column("x", "real"),), Selecting())
    assert np.array_equal(data.values, [[2, math.nan]], equal_nan=True)


def test_truth_values_are_numbers_where_that_is_asked_for(load):
    table = load("x,y\ntrue,1\nFALSE,2\n")
    assert fit(table, "gaussian(x)").values.tolist() == [[1, 0]]


def test_data_has_what_the_fit_needs(load):
    table = load("id,w,x,y\n07,1,1.5,3\n08,0.5,,4\n09,2,3.5,\n10,1,4,6\n")
    data = fit(table, id="id", weight="w", missing="drop")
    assert data.values.tolist() == [[1.5, 4], [3, 6]]
    assert data.weights.tolist() == [1, 1]
    assert data.rows.tolist() == [0, 3] and data.total_rows == 4
    data = fit(table, id="1", weight="2")
    assert data.rows is None and data.weights.tolist() == [1, 0.5, 2, 1]
    assert np.isnan(data.values).sum() == 2


def test_decode_gives_back_what_was_encoded():
    table = table_of(**PENGUINS)
    model = "gaussian(bill) + poisson(visits) + categorical(species, site) + bernoulli(alive)"
    found = plan(table, model)
    data = columns.encode(table, found.columns, Selecting())
    cells = columns.decode(found.columns, data.values)
    assert list(cells) == ["species", "bill", "visits", "alive", "site"]
    again = tables.from_arrow(pa.Table.from_arrays(list(cells.values()), names=list(cells)))
    assert np.array_equal(
        columns.encode(again, found.columns, Selecting()).values, data.values, equal_nan=True
    )
    assert cells["visits"].to_pylist() == PENGUINS["visits"]
    assert cells["site"].to_pylist() == PENGUINS["site"]


def test_the_decimal_mark_reaches_text_that_is_numbers(put):
    name = put("a.csv", "x;w\n1,5;2\n2,5;3\n")
    asked = (Column("x", "real"),)
    (piece,) = tables.stream([name], Reading(decimal=","), asked)
    assert columns.encode(piece, asked, Selecting()).values.tolist() == [[1.5, 2.5]]
