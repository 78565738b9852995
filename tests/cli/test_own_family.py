"""A distribution of your own, as the README shows it, through every command that meets it."""

from __future__ import annotations

import csv
import json
import math
import os
import pickle
import re
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import optimize, stats

import emcli as library
from emcli.families import catalogue
from tests.cli.conftest import ROOT, Run, command, environment

# The README's own class.
README = (ROOT / "README.md").read_text()
GOMPERTZ = re.findall(r"```python\n(import numpy as np\n+class Gompertz.*?)```", README, re.S)[0]
FILE = ("--family-file", "lifetimes.py:Gompertz")


def ages(n: int, seed: int = 0) -> np.ndarray:
    """Lifetimes of two kinds, in years."""
    rng = np.random.default_rng(seed)
    short = stats.gompertz(0.3, scale=3).rvs(n, random_state=rng)
    long = stats.gompertz(5e-4, scale=10).rvs(n, random_state=rng)
    return np.where(rng.random(n) < 0.65, short, long).round(4)


@pytest.fixture
def place(here: Path) -> Path:
    """A folder with the class and a table of lifetimes."""
    (here / "lifetimes.py").write_text(GOMPERTZ)
    pd.DataFrame({"age": ages(500)}).to_csv(here / "life.csv", index=False)
    return here


@pytest.fixture
def fitted(emcli: Run, place: Path) -> Path:
    """Its parameters file."""
    done = emcli("fit", "life.csv", *FILE, "-m", "gompertz", "-k", "1-3", "-o", "p.json", "-q")
    assert done.returncode == 0, done.stderr
    return place / "p.json"


def own(place: Path, text: str, name: str = "Mine") -> str:
    """A file with a class of that name, whose body is this; its option's value."""
    body = "\n".join(f"    {line}" for line in text.splitlines())
    (place / "mine.py").write_text(f"import math\nimport numpy as np\n\nclass {name}:\n{body}\n")
    return f"mine.py:{name}"


RATE = """\
parameters = {"rate": (0, None)}
support = (0, None)
"""
EXPONENTIAL = RATE + """\
def log_density(self, x, rate):
    return np.log(rate) - rate * x
"""


def test_the_fit_is_the_maximum_likelihood_fit(emcli: Run, fitted: Path) -> None:
    """Against SciPy's optimiser on SciPy's own density."""
    content = json.loads(fitted.read_text())
    assert content["k"] == 2 and content["fit"]["free_parameters"] == 5
    assert content["fit"]["converged"]
    x = ages(500)

    def loss(theta: np.ndarray) -> float:
        share = 1 / (1 + math.exp(-theta[0]))
        one, two = (
            stats.gompertz(np.exp(a - b), scale=np.exp(-b)).logpdf(x)
            for a, b in (theta[1:3], theta[3:5])
        )
        return -float(np.logaddexp(np.log(share) + one, np.log1p(-share) + two).sum())

    found = [component["distributions"][0] for component in content["components"]]
    start = np.log([v for one in found for v in (one["rate"][0], one["ageing"][0])])
    weight = content["components"][0]["weight"]
    at = np.array([math.log(weight / (1 - weight)), *start])
    assert content["fit"]["log_likelihood"] == pytest.approx(-loss(at), rel=1e-12)
    best = optimize.minimize(loss, at + 0.05, method="Nelder-Mead",
                             options={"maxiter": 4000, "fatol": 1e-10, "xatol": 1e-8})
    assert content["fit"]["log_likelihood"] == pytest.approx(-best.fun, abs=1e-6)
    np.testing.assert_allclose(best.x, at, atol=1e-3)


def test_every_command_takes_it(emcli: Run, fitted: Path) -> None:
    colours = emcli("assign", "p.json", "life.csv", *FILE)
    assert colours.stdout.startswith("row,colour,p_red,p_blue\n") and not colours.stderr
    assert colours.stdout.count("\n") == 501
    scores = emcli("score", "p.json", "life.csv", *FILE)
    total = sum(float(row["log_density"]) for row in csv.DictReader(scores.stdout.splitlines()))
    assert total == pytest.approx(json.loads(fitted.read_text())["fit"]["log_likelihood"])
    shown = emcli("show", "p.json", *FILE)
    assert "age ageing" in shown.stdout
    listed = emcli("models", *FILE).stdout
    assert "Lifetimes whose risk grows exponentially with age" in listed
    described = emcli("models", "gompertz", *FILE).stdout
    for words in ("rate above 0, ageing above 0", "numbers from 0", "lifetimes.py:Gompertz"):
        assert words in described
    again = emcli("fit", "life.csv", *FILE, "-m", "gompertz", "--start", "p.json", "-q", "-o", "-")
    assert json.loads(again.stdout)["fit"]["log_likelihood"] == pytest.approx(total, abs=1e-6)


def test_an_option_may_come_from_the_environment(emcli: Run, fitted: Path) -> None:
    done = emcli("show", "p.json", EMCLI_FAMILY_FILE="lifetimes.py:Gompertz")
    assert done.returncode == 0 and "age ageing" in done.stdout


def test_nothing_is_written_beside_the_file(emcli: Run, fitted: Path) -> None:
    assert not (fitted.parent / "__pycache__").exists()


def test_what_is_drawn_has_the_density(emcli: Run, fitted: Path) -> None:
    """Nobody said how to draw from it: the density is integrated."""
    done = emcli("sample", "p.json", "-n", "4000", "--seed", "3", *FILE)
    drawn = pd.read_csv(pd.io.common.StringIO(done.stdout))
    content = json.loads(fitted.read_text())
    for component in content["components"]:
        rate, ageing = (component["distributions"][0][key][0] for key in ("rate", "ageing"))
        twin = stats.gompertz(rate / ageing, scale=1 / ageing)
        x = drawn.age[drawn.colour == component["colour"]]
        assert stats.kstest(x, twin.cdf).pvalue > 1e-3


def test_a_parameters_file_alone_runs_nothing(emcli: Run, fitted: Path) -> None:
    """Not even where the file lies beside it."""
    (fitted.parent / "gompertz.py").write_text("raise SystemExit('it ran')")
    for words in (["assign", "p.json", "life.csv"], ["score", "p.json", "life.csv"],
                  ["sample", "p.json", "-n", "3"], ["show", "p.json"]):
        done = emcli(*words)
        assert done.returncode == 3 and not done.stdout
        assert done.stderr == (
            "emcli: p.json: there is no model family 'gompertz'; if it is one of your own, add "
            "--family-file FILE.py:NAME\n"
        )
    done = emcli("fit", "life.csv", "-m", "gompertz")
    assert done.returncode == 2 and "--family-file FILE.py:NAME" in done.stderr


def test_a_family_that_no_model_asks_for_is_remarked_on(emcli: Run, place: Path) -> None:
    done = emcli("fit", "life.csv", *FILE, "-k", "1")
    assert "gaussian" in done.stdout
    assert "--family-file knows gompertz; -m does not ask for it" in done.stdout


def test_a_file_of_a_class_that_has_changed_is_refused(emcli: Run, fitted: Path) -> None:
    changed = GOMPERTZ.replace('"ageing"', '"growth"').replace("ageing", "growth")
    (fitted.parent / "lifetimes.py").write_text(changed)
    done = emcli("show", "p.json", *FILE)
    assert done.returncode == 3
    assert "p.json: components: 'growth' of gompertz is missing" in done.stderr


def installed(place: Path, value: str) -> dict[str, str]:
    """An environment in which a package has an entry point for gompertz."""
    folder = place / "site"
    folder.mkdir()
    (folder / "lifetimes.py").write_text(GOMPERTZ)
    info = folder / "lives-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: lives\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[emcli.families]\ngompertz = {value}\n")
    return {"PYTHONPATH": os.pathsep.join([environment()["PYTHONPATH"], str(folder)])}


def test_an_installed_package_needs_no_option(emcli: Run, place: Path) -> None:
    there = installed(place, "lifetimes:Gompertz")
    done = emcli("fit", "life.csv", "-m", "gompertz", "-k", "2", "-o", "p.json", "-q", **there)
    assert done.returncode == 0, done.stderr
    assert emcli("show", "p.json", **there).returncode == 0
    assert "gompertz" in emcli("models", **there).stdout
    assert emcli("show", "p.json").returncode == 3


def test_a_broken_installed_family_is_one_line(emcli: Run, place: Path) -> None:
    there = installed(place, "lifetimes:Nothing")
    done = emcli("fit", "life.csv", "-m", "gompertz", **there)
    assert done.returncode == 2 and done.stderr.count("\n") == 1
    assert "lifetimes:Nothing (entry point 'gompertz') cannot be imported" in done.stderr
    assert emcli("fit", "life.csv", "-k", "1", "-q", **there).returncode == 0  # nobody looks there


@pytest.mark.parametrize(("n", "k"), [(2000, "2-4"), (250_000, "2")])
def test_other_processes_know_it_and_bytes_stay(emcli: Run, place: Path, n: int, k: str) -> None:
    """Few rows: one process fits cells beside this one. Many: it sums over some of the rows."""
    pd.DataFrame({"age": ages(n, 1)}).to_csv(place / "many.csv", index=False)
    words = ("fit", "many.csv", *FILE, "-m", "gompertz", "-k", k, "-q", "-o", "-")
    one, two = (emcli(*words, "--threads", threads) for threads in "12")
    assert one.returncode == 0, one.stderr
    assert one.stdout == two.stdout


def test_the_class_travels_as_its_place(place: Path) -> None:
    catalogue.use([f"{place / 'lifetimes.py'}:Gompertz"])
    family = catalogue.family("gompertz")
    assert pickle.loads(pickle.dumps(family)) is family
    script = "import pickle, sys; print(pickle.load(sys.stdin.buffer).name)"
    done = subprocess.run(
        [*command()[:1], "-c", script], input=pickle.dumps(family), env=environment(),
        capture_output=True, check=True,
    )
    assert done.stdout == b"gompertz\n"


def test_the_library_takes_it_too(place: Path) -> None:
    path = f"{place / 'lifetimes.py'}:Gompertz"
    frame = pd.read_csv(place / "life.csv")
    fit = library.fit(frame, model="gompertz(ageing=0.3)", k=2, family_file=path)
    assert [c["distributions"][0]["ageing"] for c in fit.mixture.to_dict()] == [[0.3], [0.3]]
    assert fit.fit["free_parameters"] == 3
    (place / "held.json").write_text(fit.to_json())
    again = library.load(str(place / "held.json"), family_file=path)
    assert again.mixture.name == "gompertz(ageing=0.3)"
    assert again.score(frame).total == pytest.approx(fit.fit["log_likelihood"])


def test_what_is_held_is_held_from_the_start(emcli: Run, place: Path) -> None:
    """A rate that suits another ageing would be a thousand times too high here."""
    done = emcli("fit", "faithful.csv", *FILE, "-m", "gompertz(waiting, ageing=0.2)", "-k", "2",
                 "-q", "-o", "-")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["fit"]["log_likelihood"] == pytest.approx(-1057.447, abs=1e-3)


def test_it_is_a_block_like_any_other_and_uses_rows_with_empty_cells(
    emcli: Run, place: Path
) -> None:
    rng = np.random.default_rng(5)
    frame = pd.DataFrame({"age": ages(400), "visits": rng.poisson(3, 400)})
    frame.loc[::7, "age"] = np.nan
    frame.to_csv(place / "both.csv", index=False)
    done = emcli("fit", "both.csv", *FILE, "-m", "gompertz(age) + poisson(visits)", "-k", "2",
                 "-o", "-", "-q")
    assert done.returncode == 0, done.stderr
    content = json.loads(done.stdout)
    assert content["model"] == "gompertz(age) + poisson(visits)"
    assert content["fit"]["missing_cells"] == 58 and content["fit"]["converged"]


def test_a_column_outside_its_support_is_refused(emcli: Run, place: Path) -> None:
    (place / "life.csv").write_text("age\n3\n-1\n5\n")
    done = emcli("fit", "life.csv", *FILE, "-m", "gompertz(age)", "-k", "1")
    assert done.returncode == 3
    assert "life.csv, row 2, column 'age': -1 is outside what gompertz takes: numbers from 0" in (
        done.stderr
    )


DISCRETE = """\
name = "logseries"
discrete = True
support = (1, None)
parameters = {"p": (0, 1)}
def log_density(self, x, p):
    return x * np.log(p) - np.log(x) - np.log(-np.log1p(-p))
"""


def test_counts_with_a_parameter_between_two_bounds(emcli: Run, place: Path) -> None:
    rng = np.random.default_rng(4)
    x = np.where(rng.random(2000) < 0.5, rng.logseries(0.3, 2000), rng.logseries(0.98, 2000))
    pd.DataFrame({"species": x}).to_csv(place / "counts.csv", index=False)
    option = ("--family-file", own(place, DISCRETE))
    done = emcli("fit", "counts.csv", *option, "-m", "logseries", "-k", "1", "-o", "p.json", "-q")
    assert done.returncode == 0, done.stderr
    content = json.loads((place / "p.json").read_text())
    assert content["columns"] == [{"name": "species", "kind": "count"}]
    (p,) = content["components"][0]["distributions"][0]["p"]
    best = optimize.minimize_scalar(lambda p: -stats.logser(p).logpmf(x).sum(), (0.1, 0.99),
                                    method="bounded", bounds=(0.01, 0.999))
    assert content["fit"]["log_likelihood"] == pytest.approx(-best.fun, abs=1e-6)
    drawn = emcli("sample", "p.json", "-n", "3000", *option).stdout.splitlines()[1:]
    values = np.array([int(line.split(",")[0]) for line in drawn])
    assert values.min() == 1
    assert values.mean() == pytest.approx(stats.logser(p).mean(), rel=0.1)


LOCATED = """\
parameters = {"location": (None, None), "scale": (0, None)}
def log_density(self, x, location, scale):
    z = (x - location) / scale
    return -z - 2 * np.log1p(np.exp(-z)) - np.log(scale)
"""


@pytest.mark.parametrize(("shift", "scale"), [(0, 1), (1e6, 1e-3), (-3e5, 1e7), (0, 1e-9)])
def test_a_location_is_found_in_any_units(place: Path, shift: float, scale: float) -> None:
    """The differences of the M step are taken in the family's own units, not the table's."""
    path = place / own(place, LOCATED, "Logistic2")
    rng = np.random.default_rng(6)
    x = np.where(rng.random(800) < 0.6, rng.logistic(0, 1, 800), rng.logistic(9, 2, 800))
    found = [
        library.fit(pd.DataFrame({"x": values}), model="logistic2", k=2, family_file=str(path))
        for values in (x, shift + scale * x)
    ]
    jacobian = 800 * math.log(scale)
    one, other = (fit.fit["log_likelihood"] for fit in found)
    assert other + jacobian == pytest.approx(one, abs=1e-4)


@pytest.mark.parametrize(
    ("body", "status", "complaint"),
    [
        (RATE, 2, "Mine in mine.py has no method log_density; write log_density(self, x, rate)"),
        ("def log_density(self, x):\n    return -x", 2, "Mine in mine.py does not say its para"),
        (EXPONENTIAL + "parameters = {'rate': (3, 1)}", 2, "has (3, 1) as the bounds of rate"),
        (EXPONENTIAL + "parameters = {'rate': 0}", 2, "has 0 as the bounds of rate"),
        (EXPONENTIAL + "parameters = {'2': (0, 1)}", 2, "has a parameter '2'"),
        (EXPONENTIAL + "support = (0, 0)", 2, "has (0, 0) as the bounds of support"),
        (EXPONENTIAL + "name = 'poisson'", 2, "there is a family 'poisson' already"),
        (EXPONENTIAL + "name = 'a b'", 2, "Mine in mine.py has the name 'a b'"),
        (EXPONENTIAL + "def __init__(self, a):\n    pass", 2, "Mine in mine.py cannot be made"),
        (RATE + "def log_density(self, x):\n    return -x", 2,
         "log_density of Mine in mine.py cannot be called"),
        (RATE + "def log_density(self, x, rate):\n    return np.sum(rate * x)", 2,
         "log_density of Mine in mine.py returned an array of shape () where"),
        (RATE + "def log_density(self, x, rate):\n    return math.log(rate) - rate * x", 2,
         "(line 8); x and the parameters are NumPy arrays"),
        (RATE + "def log_density(self, x, rate):\n    return -rate * x", 2,
         "the density of Mine in mine.py adds up to"),
        (RATE + "def log_density(self, x, rate):\n    return np.log(rate) - rate * x + "
         "np.where(x < 1, np.nan, 0)", 3, "log_density of Mine in mine.py is NaN at x = "),
        (RATE + "def log_density(self, x, rate):\n    return np.log(rate) - rate * x - "
         "np.where(x < 1, np.inf, 0)", 3, "Mine in mine.py has no finite log density at x = "),
        (EXPONENTIAL + "def gradient(self, x, rate):\n    return [1 / rate + x]", 2,
         "gradient of Mine in mine.py says"),
        (EXPONENTIAL + "def gradient(self, x, rate):\n    return 1", 2,
         "gradient of Mine in mine.py must return rate"),
        (EXPONENTIAL + "def start(self, x, w):\n    return [-1]", 2,
         "start of Mine in mine.py says rate is -1, which is not above 0"),
        (EXPONENTIAL + "def start(self, x, w):\n    return 1 / 0", 2,
         "start of Mine in mine.py failed: ZeroDivisionError: division by zero (line 10)"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_class_is_one_sentence(
    emcli: Run, place: Path, body: str, status: int, complaint: str
) -> None:
    done = emcli("fit", "life.csv", "--family-file", own(place, body), "-m", "mine", "-o", "p.json")
    assert complaint in done.stderr
    assert done.returncode == status
    assert done.stderr.count("\n") == 1 and not done.stdout
    assert not (place / "p.json").exists()


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        ("mine.py", "--family-file takes FILE.py:NAME, not 'mine.py'; type my.py:Gompertz"),
        (":Mine", "--family-file takes FILE.py:NAME"),
        ("none.py:Mine", "cannot read none.py: No such file or directory"),
        (".:Mine", "cannot read .: Is a directory"),
        ("mine.py:Mime", "mine.py has no class 'Mime'; did you mean mine.py:Mine?"),
        ("mine.py:math", "math in mine.py is not a class"),
        ("broken.py:Mine", "broken.py cannot be imported: SyntaxError: '(' was never closed (line"),
        ("needy.py:Mine", "needy.py cannot be imported: ModuleNotFoundError: No module named"),
        ("leaving.py:Mine", "leaving.py cannot be imported: SystemExit: 0 (line 2)"),
    ],
)
def test_what_is_wrong_with_a_file_is_one_sentence(
    emcli: Run, place: Path, value: str, complaint: str
) -> None:
    own(place, EXPONENTIAL)
    (place / "broken.py").write_text("x = (\n")
    (place / "needy.py").write_text("import nothing_of_that_name\n")
    (place / "leaving.py").write_text("import sys\nsys.exit(0)\n")
    done = emcli("fit", "life.csv", "--family-file", value, "-m", "mine")
    assert complaint in done.stderr
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and not done.stdout


def test_two_of_one_name_are_refused(emcli: Run, place: Path) -> None:
    done = emcli("fit", "life.csv", *FILE, *FILE, "-m", "gompertz")
    assert done.returncode == 2 and "there is a family 'gompertz' already" in done.stderr


def test_what_cannot_be_drawn_says_what_to_write(emcli: Run, place: Path) -> None:
    body = EXPONENTIAL + "def sample(self, rng, n, rate):\n    return -rng.random(n)"
    option = ("--family-file", own(place, body))
    done = emcli("fit", "life.csv", *option, "-m", "mine", "-k", "1", "-q", "-o", "p.json")
    assert done.returncode == 0, done.stderr
    done = emcli("sample", "p.json", "-n", "5", *option)
    assert done.returncode == 2
    assert "sample of Mine in mine.py must return 5 values of its support" in done.stderr


def test_debug_shows_where_it_happened(emcli: Run, place: Path) -> None:
    body = RATE + "def log_density(self, x, rate):\n    return self.nothing(x)"
    words = ("fit", "life.csv", "--family-file", own(place, body), "-m", "mine")
    assert "Traceback" not in emcli(*words).stderr
    done = emcli(*words, EMCLI_DEBUG="1")
    assert done.returncode == 2 and "Traceback" in done.stderr
    assert "return self.nothing(x)" in done.stderr


def test_a_gradient_changes_nothing_but_the_way(place: Path) -> None:
    gradient = EXPONENTIAL + "def gradient(self, x, rate):\n    return [1 / rate - x]"
    frame = pd.read_csv(place / "life.csv")
    found = [
        library.fit(frame, model="mine", k=2, family_file=str(place / own(place, body)))
        for body in (EXPONENTIAL, gradient)
    ]
    one, other = (fit.fit["log_likelihood"] for fit in found)
    assert other == pytest.approx(one, abs=1e-6)
