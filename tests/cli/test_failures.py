"""What goes wrong: one line, the right exit status, and outputs as they were."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from emcli.cli import fit
from emcli.settings import FitSettings, build
from tests.cli.conftest import Run

#: What is typed after `emcli`, the exit status, and words of the one line on standard error.
USAGE = [
    (["fit"], "missing argument"),
    (["fit", "faithful.csv", "--nonsense"], "no such option"),
    (["fit", "faithful.csv", "-k", "two"], "'two' is not a number of components; type 3, 1-9"),
    (["fit", "faithful.csv", "-k", "0"], "from 1 up"),
    (["fit", "faithful.csv", "--missing", "guess"], "use, drop, refuse"),
    (["fit", "faithful.csv", "--starts", "0"], "must be 1 or more"),
    (["fit", "faithful.csv", "--max-time", "soon"], "type 90s, 5m or 1h30m"),
    (["fit", "faithful.csv", "-m", "gausian"], "did you mean 'gaussian'?"),
    (["fit", "faithful.csv", "-m", "gaussian:XYZ"], "XYZ"),
    (["fit", "faithful.csv", "-o", "-", "-a", "-"], "two outputs cannot both go to '-'"),
    (["fit", "faithful.csv", "-o", "x", "-a", "./x"], "two outputs"),
    (["fit", "faithful.csv", "-a", "faithful.csv"], "is also read"),
    (["fit", "faithful.csv", "-a", "a.csv.gz"], "end it in .csv or .parquet"),
    (["fit", "faithful.csv", "--impute", "a.xz"], "would not be compressed"),
    (["fit", "faithful.csv", "--impute", "a.csv", "--draws", "20000"], "must be 10000 or less"),
    (["fit", "carcinoma.csv", "-m", "bernoulli", "--noise"], "bernoulli describes none"),
    (["report", "params.json", "faithful.csv", "-o", "a.pdf"], "end it in .html"),
    (["plot", "params.json", "faithful.csv", "-o", "a.png", "--iteration", "3"],
     "--iteration is for --kind bound, not clusters"),
    (["fit", "faithful.csv", "-o", ""], "'' is not the name of a file"),
    (["fit", "faithful.csv", "-a", "new/"], "'new/' is not the name of a file"),
    (["fit", "faithful.csv", "--encoding", "base64"], "no character encoding 'base64'"),
    (["fit", "faithful.csv", "-m", f"binomial(waiting, n={10**30})"], "not a number of trials"),
    (["fit", "faithful.csv", "-m", "binomial(waiting, n=99, trials=waiting)"], "not both"),
    (["sample", "params.json", "-n", str(10**30)], "do not fit in memory"),
    (["fit", "faithful.csv", "--append"], "--append changes the assignments"),
    (["fit", "faithful.csv", "--trace-parameters"], "add --trace FILE"),
    (["faithful.csv"], "type 'emcli fit faithful.csv'"),
    (["fitt", "x"], "no such command"),
    (["sample", "params.json"], "type -n 1000"),
    (["score", "params.json", "faithful.csv", "--below", "2"], "not between 0 and 1"),
    (["score", "params.json", "faithful.csv", "--below", "0.33"], "type one of 0.001"),
    (["assign", "-", "-"], "standard input can be read only once"),
    (["models", "nosuch"], "there is no model family 'nosuch'"),
    (["completion", "tcsh"], "tcsh"),
]

TABLES = {
    "empty.csv": "",
    "header.csv": "a,b\n",
    "ragged.csv": "a,b\n1,2\n3\n",
    "text.csv": "a,b\n" + "1,2\n" * 20 + "3,abc\n" + "4,5\n" * 20,
    "one.csv": "a,b\n1,2\n",
    "escape.csv": "a\x1b[31m,b\n1,2\n3,4\n",
    "twice.csv": "a,a\n1,2\n3,4\n",
    "inf.csv": "a,b\n1,2\n3,inf\n4,5\n",
    "huge.csv": "a,b\n1,2\n3,1e200\n4,5\n",
    "negative.csv": "n\n3\n1\n-2\n4\n",
    "same.csv": "a,b\n" + "".join(f"{i * i % 7},5\n" for i in range(30)),
    "weights.csv": "a,w\n1,1\n2,-1\n3,1\n",
    "zero.csv": "a,w\n1,0\n2,0\n3,0\n",
    "nan.json": '{"schema": NaN}',
    "foreign.json": '{"a": 1}',
    "broken.json": '{"schema": "emcli/model/1",\n "k": }',
    "later.json": '{"schema": "emcli/model/9"}',
}
INPUT = [
    (["fit", "nosuch.csv"], "nosuch.csv"),
    (["fit", "empty.csv"], "empty.csv is empty"),
    (["fit", "header.csv"], "header.csv"),
    (["fit", "ragged.csv"], "row 2"),
    (["fit", "text.csv", "-c", "a,b"], r"text.csv, row 21, column 'b': 'abc' is not a number"),
    (["fit", "one.csv"], "one.csv has one row only"),
    (["fit", "escape.csv", "-c", "z"], r"the columns are a\x1b[31m, b"),
    (["fit", "twice.csv"], "'a'"),
    (["fit", "inf.csv"], "row 2, column 'b'"),
    (["fit", "huge.csv"], "row 2, column 'b'"),
    (["fit", "negative.csv", "-m", "poisson(n)"], "row 3, column 'n'"),
    (["fit", "same.csv", "-c", "a,b"], "'b'"),
    (["fit", "weights.csv", "--weight", "w"], "row 2"),
    (["fit", "zero.csv", "--weight", "w"], "the weights in column 'w' are all zero"),
    (["fit", "faithful.csv", "-c", "waitng"], "did you mean 'waiting'?"),
    (["fit", "faithful.csv", "-k", "200"], "too few"),
    (["fit", "faithful.csv", "--start", "foreign.json"], "not written by 'emcli fit'"),
    (["show", "nosuch.json"], "nosuch.json"),
    (["show", "nan.json"], "'NaN' is not a number of JSON"),
    (["show", "foreign.json"], "foreign.json: it was not written by 'emcli fit'"),
    (["show", "broken.json"], "broken.json, line 2, column 7: broken JSON"),
    (["show", "later.json"], "its schema is 'emcli/model/9'"),
    (["show", "faithful.csv"], "broken JSON"),
    (["assign", "params.json", "iris.csv"], "eruptions"),
    (["score", "params.json", "nosuch.csv"], "nosuch.csv"),
]
OUTPUT = [
    (["fit", "faithful.csv", "-k", "2", "-o", "no/such/p.json"], "there is no directory"),
    (["fit", "faithful.csv", "-k", "2", "-o", "."], "it is a directory"),
    (["fit", "faithful.csv", "-k", "2", "-o", "/dev/full"], "No space left"),
    (["fit", "faithful.csv", "-k", "2", "-a", "/dev/full"], "No space left"),
    (["sample", "params.json", "-n", "9", "-o", "/dev/full"], "No space left"),
]
CASES = [
    (words, status, said)
    for status, cases in ((2, USAGE), (3, INPUT), (5, OUTPUT))
    for words, said in cases
]


@pytest.mark.parametrize(("words", "status", "said"), CASES, ids=[" ".join(c[0]) for c in CASES])
def test_one_line_and_the_right_status(
    emcli: Run, here: Path, params: Path, words: list[str], status: int, said: str
) -> None:
    for name, content in TABLES.items():
        (here / name).write_text(content)
    (here / "params.json").write_bytes(params.read_bytes())
    before = sorted(path.name for path in here.iterdir())
    done = emcli(*words)
    assert done.returncode == status, done.stderr
    assert re.fullmatch(r"emcli: [^\n]*\n", done.stderr), done.stderr
    assert said in done.stderr
    assert done.stdout == ""
    assert sorted(path.name for path in here.iterdir()) == before


def test_a_failed_fit_leaves_both_outputs_as_they_were(emcli: Run, here: Path) -> None:
    for name in ("p.json", "c.csv"):
        (here / name).write_text("precious")
    words = ["-k", "2", "--max-iterations", "2", "-o", "p.json", "-a", "c.csv"]
    done = emcli("fit", "faithful.csv", "--strict", *words)
    assert done.returncode == 4 and done.stderr.count("\n") == 1
    assert "not converged" in done.stderr
    assert {(here / name).read_text() for name in ("p.json", "c.csv")} == {"precious"}
    assert not list(here.glob(".*.tmp"))


def test_one_bad_output_keeps_the_other_from_appearing(emcli: Run, here: Path) -> None:
    done = emcli("fit", "faithful.csv", "-k", "2", "-o", "p.json", "-a", "/dev/full")
    assert done.returncode == 5
    assert not (here / "p.json").exists()


def test_not_converged_without_strict_is_a_warning(emcli: Run, here: Path) -> None:
    done = emcli("fit", "faithful.csv", "-k", "2", "--max-iterations", "2", "-o", "p.json")
    assert done.returncode == 0
    assert done.stderr.count("\n") == 1 and "warning: not converged" in done.stderr
    assert '"warnings": ["not converged' in (here / "p.json").read_text()
    quiet = emcli("fit", "faithful.csv", "-k", "2", "--max-iterations", "2", "-q", "-o", "p.json")
    assert (quiet.stdout, quiet.stderr) == ("", "")


def test_nothing_typed_prints_the_help_and_fails(emcli: Run) -> None:
    done = emcli()
    assert done.returncode == 2
    assert done.stderr.startswith("Usage: emcli") and not done.stdout


def test_a_bug_is_called_one(emcli: Run, here: Path) -> None:
    (here / "sitecustomize.py").write_text("import emcli.api as a\na.load = lambda *given: 1 / 0\n")
    root = str(Path(__file__).parents[2])
    done = emcli("show", "x.json", PYTHONPATH=f"{here}:{root}")
    assert done.returncode == 1
    assert "a bug in emcli (ZeroDivisionError: division by zero)" in done.stderr
    assert done.stderr.count("\n") == 1
    shown = emcli("show", "x.json", PYTHONPATH=f"{here}:{root}", EMCLI_DEBUG="1")
    assert "Traceback" in shown.stderr


def test_a_file_whose_name_is_not_utf8(emcli: Run, here: Path) -> None:
    name = os.fsdecode(b"\xff.csv")
    (here / name).write_bytes((here / "faithful.csv").read_bytes())
    done = emcli("fit", name, "-k", "2", "-q")
    assert (done.returncode, done.stderr) == (0, "")


def test_columns_of_tiny_numbers_have_a_summary(emcli: Run, here: Path) -> None:
    lines = (here / "faithful.csv").read_text().splitlines()
    tiny = "\n".join([lines[0]] + [line.replace(",", "e-90,") + "e-90" for line in lines[1:]])
    (here / "tiny.csv").write_text(tiny + "\n")
    done = emcli("fit", "tiny.csv", "-k", "2", "-o", "p.json")
    assert (done.returncode, done.stderr) == (0, "")
    assert "correlation" in done.stdout and "nan" not in done.stdout


def test_a_summary_that_cannot_be_made_leaves_no_outputs(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> str:
        raise ZeroDivisionError

    monkeypatch.chdir(here)
    monkeypatch.setattr(fit, "_summary", fail)
    searching = build(FitSettings, {"components": (2,), "params": "p.json"})
    with pytest.raises(ZeroDivisionError):
        fit.run(searching, ["faithful.csv"])
    assert not (here / "p.json").exists() and not list(here.glob(".*.tmp"))
