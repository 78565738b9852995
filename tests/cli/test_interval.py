"""--interval, --censored and --truncated: columns of which only a part was seen."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pandas as pd
import pytest

import emcli as package
from tests.cli.conftest import Run

WAITING = ("waiting_binned.csv", "--interval", "waiting=lower,upper", "--weight", "count")
TIMES = """id,time,died,alive,age
a,1.5,1,false,60
b,4,0,true,71
c,2.5,1,false,
d,9,0,true,55
e,3,1,false,64
f,7,1,false,58
g,,1,false,70
h,5.5,0,true,66
"""


def likelihood(path: Path) -> float:
    found: float = json.loads(path.read_text())["fit"]["log_likelihood"]
    return found


def test_binned_values_and_the_file_of_exact_ones(emcli: Run, here: Path) -> None:
    done = emcli("fit", *WAITING, "-k", "2", "-o", "p.json", "-a", "c.csv")
    assert done.returncode == 0, done.stderr
    found = json.loads((here / "p.json").read_text())
    assert found["fit"]["log_likelihood"] == pytest.approx(-597.9547188, abs=1e-4)
    assert found["columns"] == [{"name": "waiting", "kind": "real"}]
    assert found["model"] == "gaussian:V"
    assert list(found["components"][0]["distributions"][0]) == [
        "family", "columns", "mean", "variance"
    ]  # fmt: skip
    rows = list(csv.DictReader((here / "c.csv").read_text().splitlines()))
    assert len(rows) == 12 and [row["colour"] for row in rows] == ["blue"] * 5 + ["red"] * 7
    # Exact values of the same column are coloured, scored and drawn.
    assert emcli("assign", "p.json", "faithful.csv").stdout.count("\n") == 273
    assert emcli("score", "p.json", "faithful.csv").returncode == 0
    assert emcli("sample", "p.json", "-n", "2").stdout.startswith("waiting,colour\n")
    assert "waiting" in emcli("show", "p.json").stdout
    done = emcli("fit", *WAITING, "--start", "p.json", "-o", "q.json", "-q")
    assert done.returncode == 0, done.stderr
    assert likelihood(here / "q.json") == pytest.approx(likelihood(here / "p.json"), abs=1e-6)


def test_censoring_is_an_interval_without_an_end(emcli: Run, here: Path) -> None:
    """By status of numbers or of truths, and written as intervals: the same fit."""
    (here / "t.csv").write_text(TIMES.replace("alive", "seen").replace("true", "FALSE ")
                                .replace("false", "TRUE").replace("FALSE ", "FALSE"))
    sides = [line.split(",") for line in TIMES.splitlines()[1:]]
    lines = [f"{time},{time if died == '1' else ''}" for _, time, died, *_ in sides]
    (here / "i.csv").write_text("\n".join(["from,to", *lines]) + "\n")
    found = []
    for words in (
        ("t.csv", "-c", "time", "--censored", "time=died"),
        ("t.csv", "-c", "time", "--censored", "time=seen"),
        ("i.csv", "--interval", "time=from,to"),
    ):
        done = emcli("fit", *words, "-m", "exponential", "-k", "1", "-o", "p.json", "-q")
        assert done.returncode == 0, done.stderr
        found.append(likelihood(here / "p.json"))
        entry = json.loads((here / "p.json").read_text())
        assert entry["fit"]["missing_cells"] == 1
        # Deaths over the time at risk.
        (rate,) = entry["components"][0]["distributions"][0]["rate"]
        assert rate == pytest.approx(4 / 32.5, rel=1e-3)
    assert found[0] == found[1] == pytest.approx(found[2], rel=1e-12)
    done = emcli("fit", "t.csv", "-c", "time", "--censored", "time=died:left", "-k", "1", "-q",
                 "-o", "p.json")  # fmt: skip
    assert done.returncode == 0 and likelihood(here / "p.json") != found[0]


def test_beside_other_columns(emcli: Run, here: Path) -> None:
    """A block of independent columns is one for each; rows of which something is known count."""
    (here / "t.csv").write_text(TIMES)
    done = emcli("fit", "t.csv", "-m", "gaussian:VVI(time, age)", "--censored", "time=died",
                 "-k", "1", "-o", "p.json")  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "gaussian:V(time) + gaussian:V(age)" in done.stdout
    done = emcli("fit", "t.csv", "-m", "weibull(time) + gaussian(age)", "--censored", "time=died",
                 "--missing", "drop", "-k", "1", "-o", "p.json")  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads((here / "p.json").read_text())["fit"]["rows"] == 6


def test_a_range_outside_which_nothing_was_recorded(emcli: Run, here: Path) -> None:
    done = emcli("fit", "death_notices.csv", "-m", "poisson(deaths)", "--weight", "frequency",
                 "--truncated", "0,", "-k", "2", "-o", "p.json")  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert likelihood(here / "p.json") == pytest.approx(-1989.945859883, abs=1e-6)
    lines = (here / "death_notices.csv").read_text().splitlines()
    (here / "d.csv").write_text("\n".join(line for line in lines if not line.startswith("0,")))
    done = emcli("fit", "d.csv", "-m", "poisson(deaths)", "--weight", "frequency",
                 "--truncated", "1,", "-k", "1", "-o", "p.json")  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "truncated below" in emcli("show", "p.json").stdout
    entry = json.loads((here / "p.json").read_text())["components"][0]["distributions"][0]
    assert entry["truncated_below"] == [1] and "truncated_above" not in entry
    # The mean of what was recorded is the rate over the share that is.
    rows = list(csv.DictReader((here / "d.csv").read_text().splitlines()))
    total = sum(float(row["frequency"]) for row in rows)
    mean = sum(float(row["deaths"]) * float(row["frequency"]) for row in rows) / total
    (rate,) = entry["rate"]
    assert rate / (1 - 2.718281828459045**-rate) == pytest.approx(mean, rel=1e-4)
    drawn = emcli("sample", "p.json", "-n", "200").stdout.splitlines()[1:]
    assert min(int(line.split(",")[0]) for line in drawn) >= 1
    assert emcli("assign", "p.json", "d.csv").returncode == 0
    assert emcli("score", "p.json", "death_notices.csv").returncode == 3


@pytest.mark.parametrize(
    ("table", "fit", "seen", "weight"),
    [
        ("waiting_binned.csv", ["-k", "2"], ["--interval", "waiting=lower,upper"], "count"),
        ("t.csv", ["-m", "weibull(time) + gaussian(age)", "-k", "1", "--truncated", "time=,20"],
         ["--censored", "time=alive:left"], "weight"),
        ("waiting_binned.csv", ["-k", "2", "--noise"], ["--interval", "waiting=lower,upper"],
         "count"),
        ("t.csv", ["-c", "time", "-m", "weibull | exponential", "-k", "2", "--truncated", "1,"],
         ["--censored", "time=died"], "weight"),
        ("t.csv", ["-c", "time", "-m", "exponential", "-k", "1", "--missing", "drop"],
         ["--censored", "time=died"], "weight"),
    ],
)  # fmt: skip
def test_new_rows_tell_a_part_as_the_fitted_ones_did(
    emcli: Run, here: Path, table: str, fit: list[str], seen: list[str], weight: str
) -> None:
    """assign repeats the colours of fit, and score its likelihood, byte for byte."""
    lines = TIMES.splitlines()
    counts = ["weight", *map(str, range(1, 9))]
    (here / "t.csv").write_text("".join(f"{a},{b}\n" for a, b in zip(lines, counts, strict=True)))
    missing = [word for word in fit[-2:] if "--missing" in fit]
    done = emcli("fit", table, *fit, *seen, "--weight", weight, "-o", "p.json", "-a", "c.csv",
                 "--append", "-q")  # fmt: skip
    assert done.returncode == 0, done.stderr
    again = emcli("assign", "p.json", table, *seen, *missing, "--append")
    assert again.returncode == 0, again.stderr
    assert again.stdout == (here / "c.csv").read_text()
    scored = emcli("score", "p.json", table, *seen, *missing, "--weight", weight, "-o", "s.csv")
    assert scored.returncode == 0, scored.stderr
    assert f"log density {likelihood(here / 'p.json'):.3f}, mean" in scored.stdout
    total = sum(map(int, counts[1:])) if table == "t.csv" and not missing else None
    assert total is None or f"over 8 rows of weight {total}" in scored.stdout


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["--interval", "x=lower,upper"], 2, "the model has no column 'x'; its"),
        (["--interval", "waiting=lower,high"], 3, "has no column 'high'"),
        (["--interval", "waiting=upper,lower"], 3, "row 1, column 'upper': 44.5 is above 39.5"),
        (["--interval", "waiting"], 2, "NAME=LOWER,UPPER"),
        ([], 3, "has no column 'waiting'"),
    ],
)
def test_what_new_rows_cannot_tell_is_said(
    emcli: Run, here: Path, words: list[str], status: int, said: str
) -> None:
    emcli("fit", *WAITING, "-k", "1", "-o", "p.json", "-q")
    done = emcli("assign", "p.json", "waiting_binned.csv", *words)
    assert done.returncode == status and said in done.stderr, done.stderr
    assert len(done.stderr.splitlines()) == 1 and not done.stdout


def test_of_columns_described_together_no_part_can_be_used(emcli: Run, here: Path) -> None:
    (here / "t.csv").write_text(TIMES)
    emcli("fit", "t.csv", "-c", "time,age", "-m", "gaussian:VVI", "-k", "1", "-o", "p.json", "-q")
    done = emcli("assign", "p.json", "t.csv", "--censored", "time=died")
    assert done.returncode == 2 and "describes 'time' together with" in done.stderr
    emcli("fit", "t.csv", "-c", "time", "-m", "student", "-k", "1", "-o", "p.json", "-q")
    done = emcli("score", "p.json", "t.csv", "--censored", "time=died")
    assert done.returncode == 2 and "student cannot describe" in done.stderr


def test_in_python_too(here: Path) -> None:
    table = pd.read_csv(here / "waiting_binned.csv")
    fitted = package.fit(table, k=2, interval="waiting=lower,upper", weight="count")
    ready = fitted.in_part(interval="waiting=lower,upper")
    assert ready.score(table, weight="count").total == pytest.approx(
        fitted.fit["log_likelihood"], rel=1e-12
    )
    binned = list(ready.assign(table)["colour"])
    assert binned == sorted(binned) and set(binned) == {"blue", "red"}
    assert list(fitted.assign(pd.DataFrame({"waiting": [50.0, 80.0]}))["colour"]) == ["blue", "red"]


def test_a_score_of_the_fitted_rows_is_their_likelihood(emcli: Run, here: Path) -> None:
    done = emcli("fit", "faithful.csv", "-c", "waiting", "--truncated", "43,", "-k", "2", "-q",
                 "-o", "p.json")  # fmt: skip
    assert done.returncode == 0, done.stderr
    scored = emcli("score", "p.json", "faithful.csv").stdout.splitlines()[1:]
    total = sum(float(line.split(",")[1]) for line in scored)
    assert total == pytest.approx(likelihood(here / "p.json"), rel=1e-10)


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        ([*WAITING[:2], "waiting=upper,lower", *WAITING[3:]], 3, "row 1, column 'upper': 44.5 is"),
        ([*WAITING[:2], "waiting=lower"], 2, "NAME=LOWER,UPPER"),
        ([*WAITING[:2], "waiting=lower,nobody"], 3, "nobody"),
        ([*WAITING[:2], "count=lower,upper"], 2, "'count' already"),
        ([*WAITING, "--interval", "waiting=lower,upper"], 2, "twice"),
        ([*WAITING, "-m", "student"], 2, "student cannot"),
        ([*WAITING, "-m", "categorical(waiting)"], 2, "categorical cannot"),
        ([*WAITING, "-m", "gaussian(lower)"], 2, "excluded"),
        ([*WAITING, "--truncated", "60,"], 3, "39.5 to 44.5 is outside"),
        (["t.csv", "-c", "time", "--censored", "time"], 2, "COL=STATUS"),
        (["t.csv", "-c", "time", "--censored", "time=age"], 3, "'60' is not"),
        (["t.csv", "-c", "time", "--censored", "nobody=died"], 3, "nobody"),
        (["t.csv", "--censored", "time=died"], 2, "gaussian:VVI"),
        (["t.csv", "-c", "age", "--censored", "time=died"], 2, "'time'"),
        (["t.csv", "-c", "time", "--truncated", "5,2"], 2, "not a range"),
        (["t.csv", "-c", "time", "--truncated", ","], 2, "not a range"),
        (["t.csv", "-c", "time", "--truncated", "2,"], 3, "row 1, column 'time': 1.5 is"),
        (["t.csv", "-c", "time,age", "--truncated", "2,"], 2, "--truncated time=2,"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_said(
    emcli: Run, here: Path, words: list[str], status: int, said: str
) -> None:
    (here / "t.csv").write_text(TIMES)
    done = emcli("fit", *words)
    assert done.returncode == status and said in done.stderr, done.stderr
    assert len(done.stderr.splitlines()) == 1 and not done.stdout


def test_an_empty_status_is_named(emcli: Run, here: Path) -> None:
    (here / "t.csv").write_text(TIMES.replace("b,4,0", "b,4,"))
    done = emcli("fit", "t.csv", "-c", "time", "--censored", "time=died", "-k", "1")
    assert done.returncode == 3 and "row 2, column 'died': the status is empty" in done.stderr


def test_a_truncation_far_from_what_is_likely_can_be_drawn_from(emcli: Run, here: Path) -> None:
    emcli("fit", "faithful.csv", "-m", "gaussian(waiting)", "-k", "1", "-q", "-o", "p.json")
    found = json.loads((here / "p.json").read_text())
    found["components"][0]["distributions"][0]["truncated_below"] = [500]
    (here / "p.json").write_text(json.dumps(found))
    done = emcli("sample", "p.json", "-n", "100")
    drawn = [float(line.split(",")[0]) for line in done.stdout.splitlines()[1:]]
    assert done.stderr == "" and len(drawn) == 100 and 500 < min(drawn) < max(drawn) < 510
