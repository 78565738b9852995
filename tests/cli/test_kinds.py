"""Components of different kinds: '|', --component and --noise."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.cli.conftest import Run


def document(path: Path) -> dict:
    return json.loads(path.read_text())


def test_noise_finds_the_outliers_and_leaves_the_clusters(emcli: Run, here: Path) -> None:
    rng = np.random.default_rng(1)
    clusters = [rng.normal([0, 0], [1, 1], (300, 2)), rng.normal([8, 3], [0.5, 1], (200, 2))]
    points = np.vstack([*clusters, rng.uniform(-30, 30, (60, 2))])
    lines = [f"{x:.4f},{y:.4f}" for x, y in points]
    (here / "noisy.csv").write_text("\n".join(["x,y", *lines]) + "\n")
    emcli("fit", "noisy.csv", "-k", "1-4", "--noise", "-o", "p.json", "-a", "c.csv", "-q")
    found = document(here / "p.json")
    assert found["model"] == "gaussian:VVV | uniform" and found["k"] == 3
    red, blue, grey = found["components"]
    assert [c["colour"] for c in (red, blue, grey)] == ["red", "blue", "grey"]
    assert grey["weight"] == pytest.approx(60 / 560, abs=0.02)
    np.testing.assert_allclose(red["distributions"][0]["mean"], [0, 0], atol=0.2)
    np.testing.assert_allclose(blue["distributions"][0]["mean"], [8, 3], atol=0.2)
    box = grey["distributions"][0]
    np.testing.assert_allclose(box["lower"], points.min(axis=0), atol=1e-4)
    np.testing.assert_allclose(box["upper"], points.max(axis=0), atol=1e-4)
    colours = [line.split(",")[1] for line in (here / "c.csv").read_text().splitlines()[1:]]
    assert colours[:500].count("grey") < 15 and colours[500:].count("grey") > 45
    again = emcli("assign", "p.json", "noisy.csv")
    assert again.stdout == (here / "c.csv").read_text()
    assert "grey" in emcli("show", "p.json").stdout
    assert "grey" in emcli("sample", "p.json", "-n", "200").stdout


def test_no_outlier_leaves_the_fit_as_it_was(emcli: Run, here: Path) -> None:
    emcli("fit", "faithful.csv", "-k", "2", "--noise", "-o", "p.json", "-q")
    found = document(here / "p.json")
    assert found["fit"]["log_likelihood"] == pytest.approx(-1130.26396, abs=1e-4)
    assert found["components"][2]["weight"] < 1e-6


def test_named_components_keep_their_colour(emcli: Run, here: Path) -> None:
    done = emcli(
        "fit", "faithful.csv", "--component", "red=gaussian:VVI", "--component",
        "blue=gaussian:VVV", "-o", "p.json", "-q",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = document(here / "p.json")
    models = {c["colour"]: c["model"] for c in found["components"]}
    assert models == {"red": "gaussian:VVI", "blue": "gaussian:VVV"}
    assert found["model"] == "gaussian:VVI | gaussian:VVV"
    assert found["fit"]["free_parameters"] == 1 + 4 + 5
    # Between both on their own; the better of the two ways round.
    ends = []
    for model in ("gaussian:VVI", "gaussian:VVV"):
        emcli("fit", "faithful.csv", "-k", "2", "-m", model, "-o", "q.json", "-q")
        ends.append(document(here / "q.json")["fit"]["log_likelihood"])
    assert ends[0] < found["fit"]["log_likelihood"] < ends[1]


def test_a_component_held_where_a_file_has_it(emcli: Run, here: Path) -> None:
    emcli("fit", "faithful.csv", "-k", "2", "-o", "p.json", "-q")
    held = document(here / "p.json")["components"][1]
    done = emcli(
        "fit", "faithful.csv", "-k", "3", "--component", "blue=p.json", "-o", "q.json", "-q"
    )
    assert done.returncode == 0, done.stderr
    found = document(here / "q.json")
    (blue,) = (c for c in found["components"] if c["colour"] == "blue")
    assert blue["distributions"] == held["distributions"]
    assert found["fit"]["free_parameters"] == 2 + 2 * 5
    assert found["fit"]["log_likelihood"] > document(here / "p.json")["fit"]["log_likelihood"]
    other = emcli("fit", "faithful.csv", "-k", "2", "--component", "pink=p.json:red", "-q")
    assert other.returncode == 0, other.stderr


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["--component", "red"], 2, "is not COLOUR=MODEL"),
        (["--component", "red=nonsense"], 2, "no model family 'nonsense'"),
        (["--component", "red=poisson", "--component", "red=gaussian"], 2, "given twice"),
        (["--component", "red=poisson", "--component", "blue=gaussian"], 2, "cannot be compared"),
        (["--component", "red=none.json"], 3, "none.json"),
        (["-k", "1", "--component", "red=gaussian", "--component", "blue=gaussian"], 2, "-k 2"),
        (["-k", "1", "-m", "gaussian | uniform"], 2, "2 kinds"),
        (["-m", "gaussian | "], 2, "nothing on one side of '|'"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_said(
    emcli: Run, words: list[str], status: int, said: str
) -> None:
    done = emcli("fit", "faithful.csv", *words)
    assert done.returncode == status and said in done.stderr
    assert len(done.stderr.splitlines()) == 1 and not done.stdout


@pytest.mark.parametrize("broken", ["no kind", "another kind", "another family"])
def test_a_file_whose_components_do_not_fit_their_kinds(
    emcli: Run, here: Path, broken: str
) -> None:
    emcli("fit", "faithful.csv", "-k", "2", "--noise", "-o", "p.json", "-q")
    content = document(here / "p.json")
    if broken == "no kind":
        del content["components"][2]["model"]
    elif broken == "another kind":
        content["components"][2]["model"] = "gaussian:VVV"
    else:
        content["components"][2]["distributions"] = content["components"][0]["distributions"]
    (here / "p.json").write_text(json.dumps(content))
    done = emcli("assign", "p.json", "faithful.csv")
    assert done.returncode == 3 and len(done.stderr.splitlines()) == 1
