"""--labels, --label-trust and --truth: colours that are known of some rows."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from tests.cli.conftest import Run

BILLS = ("-c", "bill_length_mm..body_mass_g", "--missing", "drop")


def rows(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text().splitlines()))


def test_penguins_of_which_some_are_known(emcli: Run, here: Path) -> None:
    """The log-likelihood and accuracy of a second implementation (41 starts, one end)."""
    done = emcli(
        "fit", "penguins_known.csv", "--labels", "known", "--truth", "species", *BILLS,
        "-o", "p.json", "-a", "c.csv",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads((here / "p.json").read_text())
    assert found["fit"]["log_likelihood"] == pytest.approx(-5152.2605296, abs=1e-5)
    assert found["fit"]["free_parameters"] == 44
    truth = found["fit"]["truth"]
    assert truth["accuracy_of_masked"] == pytest.approx(0.987012987, abs=1e-9)
    assert truth["adjusted_rand_index"] == pytest.approx(0.9680690601, abs=1e-9)
    assert [c["colour"] for c in found["components"]] == ["Adelie", "Gentoo", "Chinstrap"]
    shares = {c["colour"]: c["weight"] for c in found["components"]}
    assert shares["Chinstrap"] == pytest.approx(0.19838107, abs=1e-5)
    assert [c["name"] for c in found["columns"]] == [
        "bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g"
    ]  # fmt: skip
    assert "accuracy 0.988" in emcli("show", "p.json").stdout
    # Known rows keep their colour; the file colours new rows without any label.
    known = rows(here / "penguins_known.csv")
    for row, given in zip(rows(here / "c.csv"), known, strict=True):
        if given["known"] != "NA" and row["colour"]:
            assert row["colour"] == given["known"] and float(row[f"p_{given['known']}"]) == 1
    assert emcli("assign", "p.json", "penguins.csv", "--missing", "drop").returncode == 0


def test_labels_that_are_not_trusted_can_be_overruled(emcli: Run, here: Path) -> None:
    """Two wrong labels: kept when trusted, overruled when they may be wrong."""
    lines = (here / "faithful.csv").read_text().splitlines()
    labels = [""] * 272
    values = [tuple(map(float, line.split(","))) for line in lines[1:]]
    short = [i for i, (eruption, _) in enumerate(values) if eruption < 3]
    long = [i for i, (eruption, _) in enumerate(values) if eruption > 4]
    for i in short[:20]:
        labels[i] = "short"
    for i in long[:20]:
        labels[i] = "long"
    labels[short[0]], labels[long[0]] = "long", "short"
    table = [f"{line},{label}" for line, label in zip(lines, ["known", *labels], strict=True)]
    (here / "f.csv").write_text("\n".join(table) + "\n")
    found = {}
    for trust in ("1", "0.9"):
        done = emcli(
            "fit", "f.csv", "--labels", "known", "--label-trust", trust, "-q", "-a", "c.csv",
            "-m", "gaussian:VVI", "-o", "p.json",
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        found[trust] = rows(here / "c.csv")
    assert found["1"][short[0]]["colour"] == "long"
    assert found["0.9"][short[0]]["colour"] == "short"
    assert found["0.9"][long[0]]["colour"] == "long"


def test_more_components_than_labels_and_noise(emcli: Run, here: Path) -> None:
    done = emcli(
        "fit", "penguins_known.csv", "--labels", "known", "-k", "4", *BILLS, "-o", "p.json", "-q"
    )
    assert done.returncode == 0, done.stderr
    colours = {c["colour"] for c in json.loads((here / "p.json").read_text())["components"]}
    assert colours == {"Adelie", "Gentoo", "Chinstrap", "red"}
    done = emcli(
        "fit", "penguins_known.csv", "--labels", "known", "--noise", *BILLS, "-o", "p.json", "-q"
    )
    assert done.returncode == 0, done.stderr
    colours = {c["colour"] for c in json.loads((here / "p.json").read_text())["components"]}
    assert colours == {"Adelie", "Gentoo", "Chinstrap", "grey"}


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["--labels", "nobody"], 3, "nobody"),
        (["--labels", "known", "-k", "2"], 2, "type -k 3"),
        (["--labels", "known", "--label-trust", "1.5"], 2, "--label-trust"),
        (["--labels", "known", "--label-trust", "0"], 2, "--label-trust"),
        (["--truth", "nobody", "-k", "2"], 3, "nobody"),
        (["-m", "known"], 2, "no model family 'known'"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_said(
    emcli: Run, words: list[str], status: int, said: str
) -> None:
    done = emcli("fit", "penguins_known.csv", *BILLS, *words)
    assert done.returncode == status and said in done.stderr
    assert len(done.stderr.splitlines()) == 1 and not done.stdout
