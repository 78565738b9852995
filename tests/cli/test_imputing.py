"""--impute and --draws: the table as it was read, its empty cells filled."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import emcli as library
from tests.cli.conftest import SAMPLES, Run

BILLS = ("-c", "bill_length_mm..body_mass_g", "-k", "2")
BILL_COLUMNS = ["bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g"]
MIXED = (
    "gaussian(bill_length_mm..body_mass_g) + categorical(island) + bernoulli(female) + poisson(n)"
)


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines()


def test_only_the_empty_cells_of_the_model_are_written(emcli: Run, here: Path) -> None:
    done = emcli("fit", "penguins.csv", *BILLS, "--impute", "whole.csv", "-o", "p.json")
    assert done.returncode == 0, done.stderr
    assert "--impute leaves empty cells in 'sex', of which the model cannot tell" in done.stdout
    before, after = lines(here / "penguins.csv"), lines(here / "whole.csv")
    changed = [(old, new) for old, new in zip(before, after, strict=True) if old != new]
    assert [old for old, _ in changed] == [
        "Adelie,Torgersen,NA,NA,NA,NA,NA,2007", "Gentoo,Biscoe,NA,NA,NA,NA,NA,2009"
    ]  # fmt: skip
    fitted = library.load(str(here / "p.json"))
    (normal,) = fitted.mixture.families
    for old, new in changed:
        cells = new.split(",")
        assert (cells[0], cells[6:]) == (old.split(",")[0], old.split(",")[6:])
        # Nothing is there of them, so that it is the mixture's mean.
        wanted = fitted.mixture.weights @ normal.means
        np.testing.assert_allclose(np.array(cells[2:6], float), wanted, rtol=1e-12)


def test_draws_are_tables_under_each_other_and_the_same_on_any_threads(
    emcli: Run, here: Path
) -> None:
    for threads, seed in (("1", "0"), ("2", "0"), ("1", "5")):
        done = emcli(
            "fit", "penguins.csv", *BILLS, "--impute", f"{threads}{seed}.csv", "--draws", "3",
            "--threads", threads, "--seed", seed, "-q",
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    assert (here / "10.csv").read_bytes() == (here / "20.csv").read_bytes()
    assert (here / "10.csv").read_bytes() != (here / "15.csv").read_bytes()
    header, *rows = csv.reader(lines(here / "10.csv"))
    first, *whole = csv.reader(lines(here / "penguins.csv"))
    assert header == ["draw", *first]
    assert [row[0] for row in rows] == [n for n in "123" for _ in whole]
    filled = [row[1:] for row in rows]
    for old, new in zip(whole * 3, filled, strict=True):
        assert all(a in (b, "NA") for a, b in zip(old, new, strict=True))
    assert len({filled[3 + len(whole) * draw][2] for draw in range(3)}) == 3


@pytest.fixture(scope="module")
def mixed() -> pd.DataFrame:
    """Every kind of column in the types a Parquet file has, some cells empty."""
    frame = pd.read_csv(SAMPLES / "penguins.csv").drop(columns=["species", "sex", "year"])
    frame["female"] = (frame.bill_depth_mm < 17).astype("boolean")
    frame["n"] = (frame.flipper_length_mm // 10).astype("Int64")
    frame["body_mass_g"] = frame.body_mass_g.astype("float32")
    frame.loc[5:20, "island"] = None
    frame.loc[15:30, ["female", "n"]] = pd.NA
    return frame


def test_a_frame_is_imputed_in_its_own_types(mixed: pd.DataFrame) -> None:
    fitted = library.fit(mixed, model=MIXED, k=2, starts=2)
    expected, drawn = fitted.impute(mixed), fitted.impute(mixed, draws=2)
    assert not expected.isna().any().any() and not drawn.isna().any().any()
    assert expected.dtypes["body_mass_g"] == "float32" and expected.dtypes["female"] == "bool"
    assert drawn.dtypes["n"] == "int64" and list(drawn.columns) == ["draw", *mixed.columns]
    assert set(expected.island) == set(mixed.island.dropna())
    there = mixed.notna().to_numpy()
    assert (expected.to_numpy()[there] == mixed.to_numpy()[there]).all()
    rates = fitted.mixture.families[3].means[:, 0]
    assert rates.min() <= expected.n[20] <= rates.max()
    assert expected.n[20] % 1 != 0  # an expectation is no count
    with pytest.raises(library.errors.UsageError, match="--draws: 0 is out of range"):
        fitted.impute(mixed, draws=0)


def test_parquet_in_and_out(emcli: Run, here: Path, mixed: pd.DataFrame) -> None:
    mixed.to_parquet(here / "mixed.parquet")
    done = emcli("fit", "mixed.parquet", "-m", MIXED, "-k", "2", "--impute", "whole.parquet", "-q")
    assert done.returncode == 0, done.stderr
    whole = pd.read_parquet(here / "whole.parquet")
    assert len(whole) == len(mixed) and not whole.isna().any().any()
    assert whole.dtypes["body_mass_g"] == "float32"


def test_from_a_pipe_to_a_pipe_with_a_decimal_comma(emcli: Run) -> None:
    table = "name;x;y\na;1,5;2\nb;;3\nc;2,5;4,25\n" + "d;3,5;7\ne;5,25;1\n" * 3
    done = emcli("fit", "-", "-d", ";", "--decimal", ",", "-c", "x,y", "-k", "1", "--impute", "-",
                 input=table)  # fmt: skip
    assert done.returncode == 0, done.stderr
    rows = list(csv.DictReader(done.stdout.splitlines()))
    assert [row["name"] for row in rows] == [*"abc", *"de" * 3]
    assert (rows[0]["x"], rows[2]["y"]) == ("1.5", "4.25") and 1.5 < float(rows[1]["x"]) < 5.25


def test_a_column_between_two_others_follows_at_the_end(emcli: Run) -> None:
    done = emcli("fit", "waiting_binned.csv", "--interval", "waiting=lower,upper", "--weight",
                 "count", "-k", "2", "--impute", "-")  # fmt: skip
    assert done.returncode == 0, done.stderr
    for row in csv.DictReader(done.stdout.splitlines()):
        assert float(row["lower"]) < float(row["waiting"]) < float(row["upper"])


def test_known_colours_are_used_and_masked_ones_are_no_cells(emcli: Run, here: Path) -> None:
    """A row of which nothing but its colour is known gets that colour's mean."""
    frame = pd.read_csv(here / "penguins_known.csv", dtype=str)
    own = int(frame.known.notna().to_numpy().nonzero()[0][0])
    frame.iloc[own, frame.columns.get_indexer(BILL_COLUMNS)] = None
    frame.to_csv(here / "known.csv", index=False)
    done = emcli("fit", "known.csv", "--labels", "known", *BILLS[:2], "--impute", "w.csv", "-o",
                 "p.json", "-q", "--starts", "3")  # fmt: skip
    assert done.returncode == 0, done.stderr
    fitted = library.load(str(here / "p.json"))
    after = pd.read_csv(here / "w.csv", dtype=str)
    pd.testing.assert_series_equal(after.known, frame.known)
    colour = fitted.mixture.colours.index(frame.known[own])
    wanted = fitted.mixture.families[0].means[colour]
    np.testing.assert_allclose(after.loc[own, BILL_COLUMNS].astype(float), wanted, rtol=1e-9)


def test_a_table_that_does_not_fit_is_the_same_table(emcli: Run, here: Path) -> None:
    rng = np.random.default_rng(0)
    cells = np.round(rng.normal(size=(70_000, 2)), 3)
    cells[rng.random(cells.shape) < 0.02] = np.nan
    pd.DataFrame(cells, columns=["a", "b"]).to_csv(here / "long.csv", index=False)
    for name, *more in (("one",), ("two", "--memory", "160M")):
        done = emcli("fit", "long.csv", "-m", "gaussian:VVI", "-k", "1", "--draws", "2", "-q",
                     "--impute", f"{name}.csv", *more)  # fmt: skip
        assert done.returncode == 0, done.stderr
    assert (here / "one.csv").read_bytes() == (here / "two.csv").read_bytes()
    assert len(lines(here / "one.csv")) == 140_001


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["--draws", "3"], 2, "--draws needs a table to write; add --impute FILE"),
        (["--draws", "0", "--impute", "w.csv"], 2, "--draws: 0 is out of range"),
        (["--impute", "penguins.csv"], 2, "'penguins.csv' is also read"),
        (["--impute", "-", "-o", "-"], 2, "two outputs cannot both go to '-'"),
        (["--impute", "nowhere/w.csv"], 5, "there is no directory"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_said(
    emcli: Run, here: Path, words: list[str], status: int, said: str
) -> None:
    done = emcli("fit", "penguins.csv", *BILLS, *words)
    assert done.returncode == status and said in done.stderr
    assert done.stderr.count("\n") == 1 and not (here / "w.csv").exists()


def test_a_column_called_draw_is_in_the_way(mixed: pd.DataFrame) -> None:
    frame = mixed.assign(draw=1)
    fitted = library.fit(frame, model="gaussian(bill_length_mm)", k=1)
    with pytest.raises(library.errors.InputError, match="has a column 'draw' already"):
        fitted.impute(frame, draws=2)


def test_a_row_without_a_density_is_named() -> None:
    frame = pd.DataFrame({"x": [3.0, 1, 4, 2, 5], "y": [2.0, 4, 1, 5, 3]})
    fitted = library.fit(frame, model="uniform", k=1)
    frame.loc[3] = 9.0, None
    with pytest.raises(library.errors.InputError, match="row 4: it has no computable density"):
        fitted.impute(frame)


@pytest.mark.parametrize("model", ["poisson | bernoulli", "bernoulli | poisson"])
def test_a_level_stays_a_level_where_one_kind_counts(model: str) -> None:
    rng = np.random.default_rng(0)
    likely = np.where(rng.random((80, 1)) < 0.5, 0.9, 0.1)
    cells = (rng.random((80, 2)) < likely).astype(float)
    cells[::9, 0] = np.nan
    frame = pd.DataFrame(cells, columns=["a", "b"])
    fitted = library.fit(frame, model=model, k=2, starts=2)
    for whole in (fitted.impute(frame), fitted.impute(frame, draws=1)):
        assert set(whole.a) == {0, 1}
