"""`emcli plot` and `emcli fit --plot`: files, the terminal, and what is refused."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from emcli.cli.main import emcli as group
from emcli.errors import EmcliError
from tests.cli.conftest import ROOT, Run

ESCAPE = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture
def fitted(here: Path, params: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with the sample tables and the fit of faithful."""
    (here / "params.json").write_bytes(params.read_bytes())
    monkeypatch.chdir(here)
    return here


def plot(*words: str) -> None:
    """`emcli plot` in this process."""
    group.main(["plot", *words], standalone_mode=False)


@pytest.mark.parametrize(("name", "begins"), [("a.png", b"\x89PNG"), ("a.svg", b"<?xml"),
                                              ("a.pdf", b"%PDF"), ("A.PNG", b"\x89PNG")])
def test_the_ending_says_the_format(fitted: Path, name: str, begins: bytes) -> None:
    plot("params.json", "faithful.csv", "-o", name)
    assert (fitted / name).read_bytes().startswith(begins)
    assert not list(fitted.glob(".*.tmp"))


def test_standard_output_is_svg_and_the_same_as_a_file(emcli: Run, fitted: Path) -> None:
    done = emcli("plot", "params.json", "--kind", "criterion", "-o", "-")
    emcli("plot", "params.json", "--kind", "criterion", "-o", "a.svg")
    assert done.stdout == (fitted / "a.svg").read_text()


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["faithful.csv"], 2, "a picture needs a file; add -o clusters.png"),
        (["-o", "a.png"], 2, "--kind clusters needs the rows; type emcli plot params.json DATA"),
        (["faithful.csv", "-o", "a.jpg"], 2,
         "'a.jpg' is no picture that --kind clusters can be; end it in .svg, .png or .pdf"),
        (["faithful.csv", "-o", "a.png", "--kind", "animation"], 2, "end it in .gif or .html"),
        (["faithful.csv", "-o", "a.png", "--kind", "terminal"], 2, "end it in .txt"),
        (["faithful.csv", "-o", "png"], 2, "end it in .svg, .png or .pdf"),
        (["faithful.csv", "-o", "a.png", "--kind", "pie"], 2, "--kind takes one of clusters, "),
        (["iris.csv", "-o", "a.png"], 3, "iris.csv has no column 'eruptions'; its columns are"),
        (["nobody.csv", "-o", "a.png"], 3, "nobody.csv"),
        (["faithful.csv", "-o", "no/a.png"], 5, "there is no directory"),
        (["faithful.csv", "-o", "faithful.csv"], 2, "is no picture"),
        (["-", "-", "-o", "a.png"], 2, "standard input can be read only once"),
        (["--kind", "convergence", "-o", "a.png"], 2, "--kind convergence needs"),
        (["gaps.csv", "-o", "a.png"], 3, "no row has a value of 'eruptions'"),
        (["holes.csv", "-o", "a.png", "--missing", "drop"], 3, "no row has a value of"),
    ],
)  # fmt: skip
def test_refusals_are_one_line(fitted: Path, words: list[str], status: int, said: str) -> None:
    (fitted / "a.png").write_text("as it was")
    (fitted / "gaps.csv").write_text("eruptions,waiting\n,70\n,80\n")
    (fitted / "holes.csv").write_text("eruptions,waiting\n2,\n,80\n")
    with pytest.raises(EmcliError) as refusal:
        plot("params.json", *words)
    assert refusal.value.exit_code == status
    assert said in str(refusal.value) and "\n" not in str(refusal.value)
    assert (fitted / "a.png").read_text() == "as it was"


def without_matplotlib(folder: Path) -> dict[str, str]:
    """An environment in which matplotlib is not installed."""
    place = folder / "without"
    place.mkdir()
    (place / "matplotlib.py").write_text(
        "raise ModuleNotFoundError(\"No module named 'matplotlib'\", name='matplotlib')\n"
    )
    return {"PYTHONPATH": f"{place}:{ROOT}"}


def test_without_matplotlib_it_says_what_to_install(emcli: Run, fitted: Path) -> None:
    bare = without_matplotlib(fitted)
    done = emcli("plot", "params.json", "faithful.csv", "-o", "a.png", **bare)
    assert done.returncode == 2 and not (fitted / "a.png").exists()
    assert done.stderr == (
        "emcli: pictures need matplotlib, which is not installed; "
        "type pip install matplotlib\n"
    )
    done = emcli("plot", "params.json", "faithful.csv", "--kind", "terminal", **bare)
    assert done.returncode == 0 and "red 0.64" in done.stdout


def test_the_terminal_without_colour_has_letters(emcli: Run, fitted: Path) -> None:
    done = emcli("plot", "params.json", "faithful.csv", "--kind", "terminal", COLUMNS="60")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert max(map(len, lines)) <= 60 and "\x1b" not in done.stdout
    dots = "".join(lines[1:-3])
    assert set(dots) == {" ", "r", "b"}
    left = [line[:20] for line in lines[1:-3]]  # short eruptions
    assert "b" in "".join(left) and "r" not in "".join(left)
    assert lines[-1].split() == ["r", "red", "0.64", "b", "blue", "0.36"]
    emcli("plot", "params.json", "faithful.csv", "--kind", "terminal", "-o", "a.txt", COLUMNS="60")
    assert (fitted / "a.txt").read_text() == done.stdout


def test_the_terminal_in_colour(emcli: Run, fitted: Path) -> None:
    words = ("plot", "params.json", "faithful.csv", "--kind", "terminal")
    done = emcli(*words, FORCE_COLOR="1", COLORTERM="truecolor", TERM="xterm")
    assert "\x1b[38;2;214;39;40m" in done.stdout and "●" in done.stdout  # red, as in pictures
    plain = emcli(*words, FORCE_COLOR="1", NO_COLOR="1")
    assert "\x1b" not in plain.stdout
    narrow = emcli(*words, FORCE_COLOR="1", PYTHONIOENCODING="ascii")
    assert narrow.returncode == 0 and ESCAPE.sub("", narrow.stdout).isascii()


def test_a_histogram_stands_on_its_axis(emcli: Run) -> None:
    done = emcli("fit", "death_notices.csv", "--weight", "frequency", "-m", "poisson", "-k", "2",
                 "-q", "--plot")  # fmt: skip
    assert done.returncode == 0, done.stderr
    title, *bars, axis, below, key = done.stdout.splitlines()
    assert title.strip() == "rows, up to 271 in a bar" and len(bars) == 18
    heights = [sum(row[2 + 6 * i : 3 + 6 * i].strip() != "" for row in bars) for i in range(11)]
    told = [162, 267, 271, 185, 111, 61, 27, 8, 3, 1, 0]
    assert heights == pytest.approx([18 * n / 271 for n in told], abs=0.95)
    assert below.split() == ["0", "deaths", "10"] and set(axis.strip()) == {"─"}
    assert "red 0.64" in key


def test_levels_are_shown_as_bars(emcli: Run) -> None:
    done = emcli("fit", "carcinoma.csv", "-m", "bernoulli", "-k", "2", "-q", "--plot")
    lines = done.stdout.splitlines()
    assert lines[0].strip() == "probability of 2"
    assert [line.split()[0] for line in lines[1:8]] == [*"ABCDEFG"]


def test_fit_says_how_to_see_it(emcli: Run, here: Path) -> None:
    done = emcli("fit", "waiting_binned.csv", "--interval", "waiting=lower,upper", "--weight",
                 "count", "-k", "2", "--na", "NA,none", "-o", "p q.json")  # fmt: skip
    command = next(line for line in done.stdout.splitlines() if line.startswith("To see it:"))
    assert command.split(":", 1)[1].strip() == (
        "emcli plot 'p q.json' waiting_binned.csv --na NA,none -o clusters.png"
    )
    plain = ("plot", "p q.json", "waiting_binned.csv", "--na", "NA,none", "-o")
    told = ("--weight", "count", "--interval", "waiting=lower,upper")
    for name, options in {"clusters.png": (), "told.png": told}.items():
        seen = emcli(*plain, name, *options)
        assert seen.returncode == 0, seen.stderr
    # The parameters file knows how the rows were seen.
    assert (here / "clusters.png").stat().st_size > 10_000
    assert (here / "clusters.png").read_bytes() == (here / "told.png").read_bytes()


def test_fit_plot_comes_after_the_summary(emcli: Run) -> None:
    done = emcli("fit", "faithful.csv", "-k", "2", "--plot")
    page, _, picture = done.stdout.partition("\n\n  waiting, from ")
    assert "To see it:" in page and "r red 0.64" in picture
    refused = emcli("fit", "faithful.csv", "-k", "2", "--plot", "-o", "-")
    assert refused.returncode == 2 and "--plot" in refused.stderr


@pytest.mark.parametrize("kind", ["clusters", "uncertainty", "scree", "terminal"])
@pytest.mark.parametrize("rows", ["3.1,74\n", "2,\n,80\n,\n", "2,50\n2,50\n2,50\n"])
def test_hardly_any_rows_can_be_drawn(fitted: Path, kind: str, rows: str) -> None:
    (fitted / "few.csv").write_text("eruptions,waiting\n" + rows)
    name = "few.txt" if kind == "terminal" else "few.png"
    plot("params.json", "few.csv", "--kind", kind, "-o", name)
    assert (fitted / name).stat().st_size > 300


def test_names_out_of_a_table_cannot_command_the_terminal(fitted: Path, emcli: Run) -> None:
    rows = (fitted / "faithful.csv").read_text().split("\n", 1)[1]
    (fitted / "esc.csv").write_text('x\x1b[31m,"new\nline"\n' + rows)
    assert emcli("fit", "esc.csv", "-k", "2", "-q", "-o", "e.json").returncode == 0
    shown = emcli("plot", "e.json", "esc.csv", "--kind", "terminal").stdout
    assert "\x1b" not in shown and r"x\x1b[31m" in shown and r"new\nline" in shown
