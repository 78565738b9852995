"""assign, score, sample, show, models, completion: what they write and say."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path

import pytest

from tests.cli.conftest import Run


@pytest.fixture
def fitted(here: Path, params: Path) -> Path:
    """A directory with sample tables and the parameters of faithful."""
    (here / "params.json").write_bytes(params.read_bytes())
    return here


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(text.splitlines()))


def test_assign_repeats_what_fit_wrote(emcli: Run, fitted: Path) -> None:
    emcli("fit", "faithful.csv", "-k", "2", "-q", "-a", "colours.csv")
    done = emcli("assign", "params.json", "faithful.csv")
    assert done.returncode == 0 and done.stderr == ""
    assert done.stdout == (fitted / "colours.csv").read_text()
    assert emcli("assign", "params.json", "faithful.csv", "-a", "again.csv").stdout == ""
    assert (fitted / "again.csv").read_text() == done.stdout


def test_assign_finds_columns_by_name(emcli: Run, fitted: Path) -> None:
    table = rows((fitted / "faithful.csv").read_text())
    lines = [f"{r['waiting']},x,{r['eruptions']}" for r in table]
    (fitted / "other.csv").write_text("\n".join(["waiting,extra,eruptions", *lines]) + "\n")
    other = emcli("assign", "params.json", "other.csv")
    assert other.stdout == emcli("assign", "params.json", "faithful.csv").stdout


def test_assign_reads_standard_input_and_several_files(emcli: Run, fitted: Path) -> None:
    text = (fitted / "faithful.csv").read_text()
    once = emcli("assign", "params.json", "-", input=text).stdout
    twice = emcli("assign", "params.json", "faithful.csv", "faithful.csv").stdout
    assert twice.startswith(once)
    assert [r["row"] for r in rows(twice)] == [str(i + 1) for i in range(544)]


def test_assign_keeps_what_it_is_told_to(emcli: Run, fitted: Path) -> None:
    kept = emcli("assign", "params.json", "faithful.csv", "--append", "--no-probabilities").stdout
    assert kept.splitlines()[:2] == ["row,colour,eruptions,waiting", "1,red,3.6,79"]
    named = emcli("assign", "params.json", "faithful.csv", "--id", "waiting").stdout
    assert named.splitlines()[0] == "waiting,colour,p_red,p_blue"


def test_a_dropped_row_stays_without_a_colour(emcli: Run, fitted: Path) -> None:
    (fitted / "gap.csv").write_text("eruptions,waiting\n3.6,79\n,54\n1.8,54\n")
    words = ("gap.csv", "--missing", "drop")
    assert [r["colour"] for r in rows(emcli("assign", "params.json", *words).stdout)] == [
        "red", "", "blue",
    ]  # fmt: skip
    assert rows(emcli("score", "params.json", *words).stdout)[1] == {"row": "2", "log_density": ""}
    done = emcli("fit", "gap.csv", "-k", "1", "-a", "-", "--missing", "drop", "-c", "2")
    assert [r["colour"] for r in rows(done.stdout)] == ["red", "red", "red"]


def test_parquet_by_its_ending(emcli: Run, fitted: Path) -> None:
    import pyarrow.parquet as parquet

    for words in (("assign", "params.json", "faithful.csv", "-o"),
                  ("score", "params.json", "faithful.csv", "-o"),
                  ("sample", "params.json", "-n", "272", "-o")):  # fmt: skip
        assert emcli(*words, "x.parquet").returncode == 0
        assert parquet.read_table(fitted / "x.parquet").num_rows == 272


def test_score_writes_log_densities_and_says_their_total(emcli: Run, fitted: Path) -> None:
    done = emcli("score", "params.json", "faithful.csv", "-o", "s.csv")
    assert done.stdout == "total log density -1130.264, mean -4.155382 over 272 rows\n"
    found = rows((fitted / "s.csv").read_text())
    likelihood = json.loads((fitted / "params.json").read_text())["fit"]["log_likelihood"]
    assert sum(float(r["log_density"]) for r in found) == pytest.approx(likelihood, abs=1e-9)
    assert emcli("score", "params.json", "faithful.csv", "-o", "s.csv", "-q").stdout == ""


def test_score_lists_the_strangest_rows(emcli: Run, fitted: Path) -> None:
    done = emcli("score", "params.json", "faithful.csv", "--below", "0.01")
    assert done.returncode == 0 and done.stderr == ""
    quantiles = json.loads((fitted / "params.json").read_text())["fit"]["log_density_quantiles"]
    every = rows(emcli("score", "params.json", "faithful.csv").stdout)
    strange = [r for r in every if float(r["log_density"]) <= quantiles["0.01"]]
    assert rows(done.stdout) == strange and 2 < len(strange) < 5


def test_outliers_of_one_density_are_all_listed(emcli: Run, here: Path) -> None:
    cloud = [f"{math.sin(i) * 2:.6f},{math.cos(1.7 * i) * 2:.6f}" for i in range(200)]
    far = [f"{20 * math.cos(i):.4f},{20 * math.sin(i):.4f}" for i in range(20)]
    (here / "far.csv").write_text("\n".join(["x,y", *cloud, *far]) + "\n")
    assert emcli("fit", "far.csv", "--noise", "-k", "1", "-q", "-o", "n.json").returncode == 0
    listed = rows(emcli("score", "n.json", "far.csv", "--below", "0.01").stdout)
    assert [int(r["row"]) for r in listed] == [*range(201, 221)]


def test_sample_is_repeated_by_its_seed(emcli: Run, fitted: Path) -> None:
    words = ("sample", "params.json", "-n", "500")
    first = emcli(*words).stdout
    assert first == emcli(*words).stdout == emcli(*words, EMCLI_SEED="0").stdout
    assert first != emcli(*words, "--seed", "1").stdout
    found = rows(first)
    assert list(found[0]) == ["eruptions", "waiting", "colour"]
    assert 0.55 < sum(r["colour"] == "red" for r in found) / 500 < 0.75


def test_show_prints_what_fit_printed(emcli: Run, fitted: Path) -> None:
    shown = emcli("show", "params.json")
    assert shown.returncode == 0
    assert "waiting        79.97 ± 6.00    54.48 ± 5.80" in shown.stdout
    assert "log-likelihood -1130.264   BIC 2322.19   11 free parameters" in shown.stdout
    piped = emcli("show", "-", input=(fitted / "params.json").read_text())
    assert piped.stdout.splitlines()[1:] == shown.stdout.splitlines()[1:]


def test_the_summary_says_what_to_type_next(emcli: Run) -> None:
    done = emcli("fit", "faithful.csv", "-k", "1-3")
    assert "To save this fit:  emcli fit faithful.csv -k 1-3 -o params.json" in done.stdout
    assert "-m 'gaussian:*'" in done.stdout
    saved = emcli("fit", "faithful.csv", "-m", "gaussian:EEE", "-k", "3", "-o", "p", "-a", "c")
    assert "To save" not in saved.stdout and "Not tried" not in saved.stdout


def test_models_describe_every_family(emcli: Run) -> None:
    from emcli.families import catalogue

    table = emcli("models").stdout
    for name in catalogue.names():
        assert f"\n{name} " in table
        told = emcli("models", name).stdout
        for word in ("density", "parameters", "support", "M step", "source", "emcli fit"):
            assert word in told


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_the_shipped_script(emcli: Run, shell: str) -> None:
    import emcli as package

    script = Path(package.__file__).parent / "completions" / f"emcli.{shell}"
    assert emcli("completion", shell).stdout == script.read_text()


def test_bash_completes(emcli: Run, here: Path) -> None:
    import subprocess

    (here / "emcli.bash").write_text(emcli("completion", "bash").stdout)
    lines = ["emcli s", "emcli fit --missing ", "emcli fit --start", "emcli models g"]
    script = ". ./emcli.bash\n"
    for line in lines:
        words = " ".join(f"'{w}'" for w in line.split(" "))
        script += f"COMP_WORDS=({words}); COMP_CWORD={line.count(' ')}; _emcli\n"
        script += 'echo "${COMPREPLY[*]}"\n'
    done = subprocess.run(["bash", "-c", script], cwd=here, capture_output=True, text=True)
    assert done.stdout.splitlines() == [
        "score sample show", "use drop refuse", "--start --starts", "gaussian gamma geometric",
    ]  # fmt: skip
