"""The formulas of regressions: what they mean, how they are spelt, and what is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import emcli
from emcli.columns.selection import single
from emcli.errors import EmcliError, UsageError
from emcli.families.formula import Design, Formula, parse

COLUMNS = ("y", "x", "x1", "x2", "z.a", "my site", "bill-length", "1", "é", "a:b")


def read(text: str) -> Formula:
    return parse(text, lambda name: single(COLUMNS, name))


@pytest.mark.parametrize(
    ("text", "terms", "intercept"),
    [
        ("y ~ x", [[("x", 1)]], True),
        ("y~x1+x2", [[("x1", 1)], [("x2", 1)]], True),
        ("y ~ x + x^2 - 1", [[("x", 1)], [("x", 2)]], False),
        ("y ~ -1 + x", [[("x", 1)]], False),
        ("y ~ 0 + x", [[("x", 1)]], False),
        ("y ~ 1 + x", [[("x", 1)]], True),
        ("y ~ 1", [], True),
        ("y ~ x:x2", [[("x", 1), ("x2", 1)]], True),
        ("y ~ x^2:x2 + x ^ 9", [[("x", 2), ("x2", 1)], [("x", 9)]], True),
        ('y ~ "my site" + z.a + é', [[("my site", 1)], [("z.a", 1)], [("é", 1)]], True),
        ('y ~ "bill-length"^2:"1"', [[("bill-length", 2), ("1", 1)]], True),
        ('"y" ~ "a:b" + "x"', [[("a:b", 1)], [("x", 1)]], True),
    ],
)
def test_what_a_formula_means(text, terms, intercept):
    found = read(text)
    assert found.response == "y" and found.intercept == intercept
    assert [list(term) for term in found.terms] == terms
    assert read(str(found)) == found


@given(
    st.lists(
        st.lists(st.tuples(st.sampled_from(COLUMNS[1:]), st.integers(1, 9)), min_size=1, max_size=3,
                 unique_by=lambda factor: factor[0]),
        min_size=1, max_size=4, unique_by=frozenset,
    ),
    st.booleans(),
)  # fmt: skip
def test_as_it_is_spelt_it_is_read(terms, intercept):
    one = Formula("y", tuple(map(tuple, terms)), intercept)
    assert read(str(one)) == one


@pytest.mark.parametrize(
    ("text", "complaint", "hint"),
    [
        ("y ~", "nothing stands on its right", "y ~ x"),
        ("~ x", "on its left stands one column", "y ~ x"),
        ("y ~ -1", "nothing is left", "y ~ x"),
        ("y ~ x ~ x1", "one ~", "y ~ x"),
        ("y + x1 ~ x", "on its left stands one column", "y ~ x"),
        ("log(y) ~ x", "on its left stands one column", "y ~ x"),
        ("y ~ log(x)", "'log(x)' is not in the language", "make a column of it in the table"),
        ("y ~ x1 * x2", "'x1 * x2' is not in the language", "a + b + a:b"),
        ("y ~ x - x1", "'-x1' is not in the language", "y ~ x"),
        ("y ~ x/x1", "'x/x1' is no term", "y ~ x"),
        ("y ~ .", "'.' is no column", "one by one"),
        ("y ~ x + + x1", "a sign with nothing behind it", "y ~ x"),
        ("y ~ x +", "a sign with nothing behind it", "y ~ x"),
        ("y ~ x: + x1", "'x:' is no term", "y ~ x"),
        ("y ~ 2", "'2' is no term", "double quotes"),
        ("y ~ my site", "'my site' is no term", "double quotes"),
        ("y ~ x + x", "'x' stands there twice", "y ~ x"),
        ("y ~ x1:x2 + x2:x1", "'x2:x1' stands there twice", "y ~ x"),
        ("y ~ x:x", "has a column twice", "x^2"),
        ("y ~ x^0", "'x^0' is no power", "x^2"),
        ("y ~ x^0.5", "'x^0.5' is no power", "x^2"),
        ("y ~ x^10", "'x^10' is no power", "x^2"),
        ("y ~ x^x1", "'x^x1' is no power", "x^2"),
        ("y ~ x^", "no term", "y ~ x"),
        ("y ~ x + y", "'y' cannot depend on itself", "y ~ x"),
        ("y ~ bill-length", "no column 'bill'", "bill-length"),
        ("y ~ x3", "no column 'x3'", "did you mean"),
    ],
)
def test_what_is_refused(text, complaint, hint):
    with pytest.raises(EmcliError) as caught:
        read(text)
    assert complaint in caught.value.sentence and hint in caught.value.hint


# Designs

INPUTS = ("y", "x", "g", "h")
LEVELS = (None, None, ("a", "b", "c"), (1, 2))
ROWS = np.array([[0.0] * 6, [2.0, 3, 5, 7, 11, 13], [0.0, 1, 2, 0, 1, 2], [0.0, 1, 0, 1, 0, 1]])
X, B, C, TWO = ROWS[1], ROWS[2] == 1, ROWS[2] == 2, ROWS[3] == 1
A, ONE = ROWS[2] == 0, ROWS[3] == 0


@pytest.mark.parametrize(
    ("text", "labels", "rows"),
    [
        ("y ~ x", ["x"], [X]),
        ("y ~ x^3", ["x^3"], [X**3]),
        ("y ~ g", ["g=b", "g=c"], [B, C]),
        ("y ~ g - 1", ["g=a", "g=b", "g=c"], [A, B, C]),
        ("y ~ x + h + g - 1", ["x", "h=1", "h=2", "g=b", "g=c"], [X, ONE, TWO, B, C]),
        ("y ~ x + x:g", ["x", "x:g=b", "x:g=c"], [X, X * B, X * C]),
        ("y ~ x:g", ["x:g=a", "x:g=b", "x:g=c"], [X * A, X * B, X * C]),
        ("y ~ x^2:h + x^2", ["x^2:h=2", "x^2"], [X * X * TWO, X * X]),
        ("y ~ g + h + g:h", ["g=b", "g=c", "h=2", "g=b:h=2", "g=c:h=2"],
         [B, C, TWO, B & TWO, C & TWO]),
        ("y ~ 1", [], []),
    ],
)  # fmt: skip
def test_designs(text, labels, rows):
    """Treatment coding, and all levels where nothing else describes the first."""
    formula = parse(text, str)
    design = Design.of(formula, INPUTS, LEVELS)
    assert list(design.labels) == labels
    found = design.fill(ROWS, np.empty((design.size, 6)))
    wanted = [np.ones(6)] * formula.intercept + rows
    np.testing.assert_array_equal(found, np.array(wanted, float))
    assert np.linalg.matrix_rank(np.vstack([found, np.zeros(6)])) == min(len(wanted), 6)


# What a table makes of them

FRAME = pd.DataFrame({
    "y": np.linspace(0, 1, 40) ** 2, "x": np.linspace(-1, 1, 40), "word": list("ab") * 20,
    "typo": ["12x", *map(str, range(39))], "many": [f"n{i}" for i in range(40)], "same": 1.0,
    "count": np.arange(40) % 7, "of three": np.arange(40) % 3, "gap": [np.nan, *range(39)],
    "copy": np.linspace(-2, 2, 40),
})  # fmt: skip


@pytest.mark.parametrize(
    ("model", "complaint"),
    [
        ("linear", "needs to know what depends on what; type linear(y ~ x1 + x2)"),
        ("linear(y)", "takes a formula, not the column 'y'"),
        ("linear(y ~ x, count)", "takes a formula, not the column 'count'"),
        ("linear(y ~ x, y ~ count)", "given 'formula' twice"),
        ("gaussian(y ~ x)", "does not take a formula"),
        ("linear(y ~ x, offset=count)", "does not take 'offset='"),
        ("linear(y ~ x, sigma=0)", "sigma=0 is not above 0"),
        ("linear(y ~ x, sigma=(1, 2))", "2 values for 1 column"),
        ("linear(y ~ x, sigma=shared)", "'shared' is no value for sigma="),
        ("linear(y ~ word^2)", "'word' holds categories, which have no powers; type word"),
        ("linear(word ~ x)", "column 'word': 'a' is not a number"),
        ("linear(y ~ typo)", "column 'typo': '12x' is not a number"),
        ("linear(y ~ gap)", "column 'gap': the cell is empty, and without it linear can say "
                            "nothing of the others; fill it in, or type --missing drop"),
        ("linear(same ~ x)", "column 'same' is 1 in every row"),
        ("linear(y ~ same)", "in y ~ same, 'same' follows from the other terms"),
        ("linear(y ~ x + copy)", "in y ~ x + copy, 'copy' follows from the other terms"),
        ("poisson-regression(count ~ copy + x)", "'x' follows from the other terms"),
        ("linear(y ~ many)", "rows, equal ones once, are too few for linear(y ~ many)"),
        ("linear(copy ~ x)", "narrower than the rounding|lie on copy ~ x"),
        ("logistic(count ~ x)", "'count' has 7 levels (0, 1, 2, 3, …) where logistic takes two"),
        ("logistic(y ~ x)", "is not a category"),
        ("poisson-regression(y ~ x)", "is outside what poisson-regression takes: whole numbers"),
        ("poisson-regression(count ~ x, offset=word)", "'word' holds categories, not numbers"),
        ("poisson-regression(count ~ x, offset=typo)", "column 'typo': '12x' is not a number"),
        ("poisson-regression(count ~ x, offset=count)", "cannot be its own offset"),
        ("poisson-regression(count ~ x, offset=none)", "there is no column 'none'"),
        ("linear(y ~ x) + linear(x ~ y)", "'y' and 'x' depend on each other"),
        ("linear(y ~ x) + gaussian(y)", "column 'y' is in two blocks"),
    ],
)
def test_what_a_table_refuses(model, complaint):
    with pytest.raises(EmcliError) as caught:
        emcli.fit(FRAME, model=model, k=1)
    assert any(piece in str(caught.value) for piece in complaint.split("|")), caught.value
    assert "\n" not in str(caught.value)


def test_an_open_block_takes_what_a_formula_leaves():
    frame = FRAME[["y", "x", "count"]]
    fitted = emcli.fit(frame, model="linear(y ~ x) + gaussian", k=1)
    assert fitted.mixture.name == "linear(y ~ x) + gaussian:V(count)"
    fitted = emcli.fit(frame, model="linear(y ~ x)", k=1, columns=("y", "x"))
    assert fitted.names == ("y", "x")
    with pytest.raises(UsageError, match="no block of the model takes column 'count'"):
        emcli.fit(frame, model="linear(y ~ x)", k=1, columns=("y", "x", "count"))
