"""What was not observed: empty cells, rows of no weight, columns that a component never saw."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

import emcli
from emcli import tables
from emcli.em import e_step, m_step, steps
from emcli.errors import FitError, InputError
from emcli.families.block import Block
from emcli.families.patterns import alike, patterns
from emcli.settings import Reading
from emcli.sources.memory import MemorySource

from .table import independent_rows, masked, prepared, rough, undivided_rows
from .test_em import never_falls
from .test_statistics import same, sizes

KINDS = {
    "gaussian(x, y)": "y", "gaussian:VVI(x, y)": "y", "gaussian:EEE(x, y)": "y",
    "student(x, y)": "y", "skewnormal(x, y)": "y", "factor(x, y, count, q=1)": "y",
    "gaussian(x) + vonmises(y)": "y", "gaussian(x) + poisson(count)": "count",
    "gaussian(x) + negbinomial(count)": "count", "gaussian(x) + zip(count)": "count",
    "gaussian(x) + geometric(count)": "count", "gaussian(x) + gamma(time)": "time",
    "gaussian(x) + weibull(time)": "time", "gaussian(x) + lognormal(time)": "time",
    "gaussian(x) + categorical(word)": "word", "gaussian(x) + bernoulli(answer)": "answer",
}  # fmt: skip
N = 60


def two_groups() -> pd.DataFrame:
    """Columns of all kinds, two groups far apart in x."""
    rng = np.random.default_rng(0)
    group = np.repeat(["a", "b"], N // 2)
    return pd.DataFrame({
        "group": group, "x": rng.normal(size=N) + 20 * (group == "b"), "y": rng.normal(size=N),
        "count": rng.poisson(4, N).astype(float), "time": rng.gamma(3, 1, N),
        "word": rng.choice(["u", "v", "w"], N), "answer": rng.choice(["no", "yes"], N),
    })  # fmt: skip


def test_no_rows_have_no_patterns():
    assert len(patterns(np.empty((2, 0))).holes) == 0 and not alike(np.empty((2, 0)))


@independent_rows
def test_weight_two_is_the_row_twice_with_cells_missing(row):
    values = masked(row.draw(300, seed=12), 0.3, 12)
    weights = np.random.default_rng(12).integers(0, 4, 300).astype(float)
    weighted = MemorySource(values, row.names, weights)
    repeated = MemorySource(np.repeat(values, weights.astype(int), axis=1), row.names)
    mixture = row.mixture.seeing(values, row.names)
    one, other = e_step(mixture, weighted), e_step(mixture, repeated)
    same(one, other, sizes(mixture.at(row.names), values, weights))


@independent_rows
def test_a_row_of_which_nothing_is_known_has_the_weights(row):
    values = np.full((len(row.names), 3), np.nan)
    r, log_density = row.mixture.seeing(values, row.names).at(row.names).posterior(Block(values))
    np.testing.assert_allclose(r, np.repeat(row.mixture.weights[:, None], 3, 1), rtol=1e-12)
    np.testing.assert_allclose(log_density, 0.0, atol=1e-12)


def gapped(row, values, seed=0):
    """The values with a third of what each undivided block describes gone, and half of that gone
    with all the block reads, where no other block describes it."""
    rng, values = np.random.default_rng(seed), values.copy()
    described = {name for block in row.blocks for name in block.part.columns}
    for block in row.blocks:
        if not block.independent:
            gone = rng.random(values.shape[1]) < 1 / 3
            for name in block.part.inputs:
                beside = name not in block.part.columns
                if not (beside and name in described):
                    away = gone & (rng.random(len(gone)) < 0.5) if beside else gone
                    values[row.names.index(name), away] = np.nan
    return values


@undivided_rows
def test_rows_without_a_block_tell_the_others(row):
    """The densities are those of what is there, by SciPy."""
    values = gapped(row, row.draw(80, 13), 13)
    mixture = row.mixture.seeing(values, row.names)
    r, density = mixture.at(row.names).posterior(Block(values))
    for base in mixture.bases:
        at = [row.names.index(name) for name in base.inputs]
        density = density + base(values[at])
    np.testing.assert_allclose(density, row.log_density(values), rtol=1e-9, atol=1e-9)
    wanted = np.exp(row.expected(values) - row.log_density(values))
    np.testing.assert_allclose(r, wanted, rtol=1e-8, atol=1e-12)


@undivided_rows
def test_a_block_without_gaps_is_the_same_by_the_path_for_them(row):
    values = row.draw(300, seed=14)
    one, ready = row.mixture, row.mixture.seeing(np.full_like(values, np.nan), row.names)
    plain, gaps = one.at(row.names)(Block(values)), ready.at(row.names)(Block(values))
    bases = sum(base(values[[row.names.index(n) for n in base.inputs]]).sum() for base in one.bases)
    left = sum(base(values[[row.names.index(n) for n in base.inputs]]).sum()
               for base in ready.bases)
    assert gaps.log_likelihood + left == pytest.approx(plain.log_likelihood + bases, rel=1e-12)
    a, b = m_step(one, plain), m_step(ready, gaps)
    np.testing.assert_allclose(b.to_vector(ready), a.to_vector(one), rtol=1e-10, atol=1e-10)
    assert b.q(gaps) == pytest.approx(a.q(plain), rel=1e-12)


@undivided_rows
def test_the_likelihood_never_falls_without_some_blocks(row):
    weights = np.random.default_rng(15).integers(0, 4, 300).astype(float)
    values = gapped(row, row.draw(300, 15), 15)
    source = MemorySource(values, row.names, weights)
    start = rough(row, source, 15)
    path = never_falls(islice(steps(start, source), 30), source)
    assert path[-1] > path[0]
    repeated = MemorySource(np.repeat(values, weights.astype(int), axis=1), row.names)
    one, other = e_step(start, source), e_step(start, repeated)
    same(one, other, sizes(start.at(row.names), values, weights))
    assert prepared(row, source).name == start.name


@pytest.mark.parametrize(
    ("model", "k"), [("linear(y ~ x)", 2), ("poisson-regression(count ~ x)", 1),
                     ("logistic(answer ~ x)", 1), ("vonmisesfisher(x, y)", 2),
                     ("multinomial(count, other)", 2)],
)  # fmt: skip
def test_dropping_rows_without_a_block_changes_nothing_but_their_colours(model, k):
    """Where it is all there is to them."""
    frame = two_groups().assign(other=lambda t: np.random.default_rng(3).poisson(9, len(t)))
    for name in ("y", "count", "answer"):
        frame.loc[[4, 20, 41], name] = None
    if "~" not in model:
        frame.loc[[4, 20, 41], ["x", "other"]] = np.nan
    one = emcli.fit(frame, model=model, k=k, starts=2)
    other = emcli.fit(frame, model=model, k=k, starts=2, missing="drop")
    for name in ("log_likelihood", "bic", "rows"):
        assert one.fit[name] == pytest.approx(other.fit[name], rel=1e-9)
    blank = one.assign(frame).iloc[20, 2:].to_numpy(float)
    np.testing.assert_allclose(blank, one.mixture.weights, rtol=1e-12)
    assert one.score(frame).total == pytest.approx(one.fit["log_likelihood"], rel=1e-9)


@pytest.mark.parametrize(
    ("model", "column"), [("linear(y ~ x)", "x"), ("vonmisesfisher(x, y)", "y"),
                          ("multinomial(count, other)", "count"), ("linear(y ~ word)", "word")],
)  # fmt: skip
def test_a_part_of_what_is_told_whole_is_refused_with_its_row(model, column):
    frame = two_groups().assign(other=3)
    whole = emcli.fit(frame, model=model, k=1)
    frame.loc[[6, 9], column] = None
    said = f"row 7, column '{column}': the cell is empty, as in 1 other row, and without it"
    with pytest.raises(InputError, match=said) as refused:
        emcli.fit(frame, model=model, k=1)
    assert refused.value.hint == "fill it in, or type --missing drop"
    with pytest.raises(InputError, match=said):
        whole.assign(frame)


@pytest.mark.parametrize("model", [*KINDS, "gaussian(x, y) | uniform"])
def test_it_stays_in_the_output(model: str) -> None:
    """It counts for nothing in the fit, and is coloured by the weights alone."""
    frame = two_groups().drop(columns="group")
    blank = pd.concat([frame, pd.DataFrame({"x": [np.nan]})], ignore_index=True)
    k = 3 if "|" in model else 2
    one, other = (emcli.fit(t, model=model, k=k, starts=2) for t in (frame, blank))
    assert other.fit["rows"] == N and other.fit["bic"] == pytest.approx(one.fit["bic"], abs=1e-5)
    last = other.assign(blank).iloc[-1]
    np.testing.assert_allclose(last.iloc[2:].to_numpy(float), other.mixture.weights, rtol=1e-12)
    assert other.score(blank).log_density[-1] == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(("model", "column"), KINDS.items())
def test_a_column_that_a_component_never_saw_is_named(model: str, column: str) -> None:
    """By the label where all rows have one, and where some rows' colours are to be found too."""
    frame = two_groups()
    frame.loc[frame["group"] == "b", column] = np.nan
    with pytest.raises(FitError, match=rf"'b' holds no row .*\b{column}\b"):
        emcli.fit(frame, model=model, k=2, labels="group", starts=1)
    frame.loc[::2, "group"] = None
    with pytest.raises(FitError, match=rf"'b' holds no row .*\b{column}\b"):
        emcli.fit(frame, model=model, k=2, labels="group", starts=1)


@pytest.mark.parametrize(
    "model", ["gaussian(x, empty)", "poisson(empty)", "categorical(empty)", "student(empty)",
              "bernoulli(empty)", "linear(empty ~ x)"],
)  # fmt: skip
def test_a_column_without_a_value_is_refused(model: str) -> None:
    frame = two_groups().assign(empty=np.nan)
    with pytest.raises(InputError, match="column 'empty' is empty"):
        emcli.fit(frame, model=model, k=1)


@pytest.mark.parametrize(
    "model", ["gaussian", "gaussian:VVI", "student(x, y)", "gaussian(x, y) | uniform",
              "poisson(count)", "weibull(time)", "gaussian(x) + negbinomial(count)"],
)  # fmt: skip
def test_a_row_of_no_weight_is_as_if_absent_and_has_a_colour(model: str) -> None:
    """However far off, and wherever it stands: so are starts, ranges and roundings."""
    frame = two_groups()[["x", "y", "count", "time"]]
    far = pd.DataFrame({"x": [900.0, 20.001, 0.5], "y": [0.0, -700.0, 0.1],
                        "count": [90.0, 0.0, 4.0], "time": [1e-9, 4000.0, 3.0]})
    both = pd.concat([frame.assign(w=0.5), far.assign(w=0.0)], ignore_index=True)
    k = 3 if "|" in model else 2
    one = emcli.fit(frame.assign(w=0.5), model=model, k=k, starts=2, weight="w")
    other = emcli.fit(both, model=model, k=k, starts=2, weight="w")
    for name in ("log_likelihood", "bic", "weight_total"):
        assert other.fit[name] == pytest.approx(one.fit[name], abs=1e-6)
    assert "weights add up to 30, less than the number of rows" in " ".join(one.fit["warnings"])
    assert (other.assign(both)["colour"] != "").all() and len(other.assign(both)) == N + 3


def test_na_nan_nothing_and_null_are_the_same(tmp_path: Path) -> None:
    """In numbers, counts and words, from CSV and from Parquet: the same file, byte for byte."""
    frame = two_groups().drop(columns="group")
    rng = np.random.default_rng(1)
    for name in frame:
        frame.loc[rng.random(N) < 0.2, name] = None
    files = []
    for word in ("", "NA", "NaN", "null"):
        files.append(tmp_path / f"{word or 'nothing'}.csv")
        frame.to_csv(files[-1], na_rep=word, index=False)
    files.append(tmp_path / "t.parquet")
    arrow = pa.Table.from_pandas(frame, preserve_index=False)
    assert arrow.column("x").null_count and arrow.column("word").null_count
    parquet.write_table(arrow, files[-1])
    model = "gaussian(x, y) + poisson(count) + gamma(time) + categorical(word)"
    found = {
        emcli.fit(tables.read([str(file)], Reading()), model=model, k=2, starts=2).to_json()
        for file in files
    }
    found.add(emcli.fit(frame, model=model, k=2, starts=2).to_json())
    assert len(found) == 1


def test_a_component_that_is_held_need_not_have_seen_a_column(tmp_path: Path) -> None:
    frame = two_groups()
    held = tmp_path / "held.json"
    second = frame[frame["group"] == "b"]
    held.write_text(emcli.fit(second, model="gaussian:VVI(x, y)", k=1, columns="x,y").to_json())
    frame.loc[frame["group"] == "b", "y"] = np.nan
    components = (f"blue={held}", "red=gaussian:VVI(x, y)")
    fitted = emcli.fit(frame, component=components, k=2, starts=1)
    assert fitted.fit["log_likelihood"] < 0 and sorted(fitted.mixture.colours) == ["blue", "red"]
    with pytest.raises(FitError, match=r"holds no row .*\by\b"):
        emcli.fit(frame, model="gaussian:VVI(x, y)", k=2, starts=1)
