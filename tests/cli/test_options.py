"""Options: the contract, the help, the man pages and the completions all name the same ones."""

from __future__ import annotations

import re

import click
import pytest

from emcli.cli.main import emcli as group
from emcli.families import catalogue
from emcli.settings import Reading
from tests.cli.conftest import ROOT, Run

READING = set(Reading.__dataclass_fields__)
#: What scripts may rely on; a name here is never taken away.
CONTRACT = {
    "fit": """-m --model -k --components -c --columns -x --exclude --id --weight --missing
        --labels --label-trust --truth --interval --censored --truncated
        -o --params -a --assignments --impute --draws --append --no-probabilities
        --trace --trace-parameters
        --criterion --folds --start --starts --seed --acceleration --tolerance --max-iterations
        --max-time --component --noise --equal-weights --family-file --colours --threads
        --memory --spool --strict --progress
        -q --quiet -v --verbose
        --plot --provenance --show-config --config
        -d --delimiter --decimal --encoding --na --no-header""",
    "assign": """-a -o --assignments --append --no-probabilities --id --interval --censored
        --missing --family-file --threads -q --quiet
        -d --delimiter --decimal --encoding --na --no-header""",
    "score": """-o --output --below --id --interval --censored --weight --missing --family-file
        --threads -q --quiet
        -d --delimiter --decimal --encoding --na --no-header""",
    "sample": "-n --rows --seed --given --family-file -o --output",
    "show": "--family-file",
    "plot": """--kind -o --output --iteration --trace --weight --interval --censored --missing
        --family-file --threads -d --delimiter --decimal --encoding --na --no-header""",
    "report": """-o --output --iteration --trace --weight --interval --censored --missing
        --family-file --threads -d --delimiter --decimal --encoding --na --no-header""",
    "models": "--family-file",
    "completion": "",
}
COMMANDS = sorted(CONTRACT)


def flags(name: str) -> set[str]:
    """The options a command takes."""
    parent = click.Context(group, **group.context_settings)
    command = group.commands[name]
    context = click.Context(command, parent=parent)
    return {flag for p in command.get_params(context) for flag in p.opts if flag.startswith("-")}


def man_page(name: str) -> str:
    """The page's source as plain text."""
    source = (ROOT / "man" / f"emcli-{name}.1").read_text()
    return re.sub(r"\\f.", "", source).replace("\\-", "-").replace("\\(aq", "'")


def test_every_command_is_in_the_contract() -> None:
    assert set(group.commands) == set(CONTRACT)


@pytest.mark.parametrize("name", COMMANDS)
def test_options_are_those_of_the_contract(name: str) -> None:
    assert flags(name) == {*CONTRACT[name].split(), "-h", "--help"}


@pytest.mark.parametrize("name", COMMANDS)
def test_man_page_names_every_option_and_no_other(name: str) -> None:
    options = man_page(name).split(".SH OPTIONS")[1].split(".SH ")[0]
    headings = re.findall(r"^\.TP\n(-.*)$", options, re.MULTILINE)
    named = {word for line in headings for word in re.findall(r"(?<!\S)--?[a-z-]+", line)}
    assert named == flags(name)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
@pytest.mark.parametrize("name", COMMANDS)
def test_completions_name_every_long_option(name: str, shell: str) -> None:
    text = (ROOT / "emcli" / "completions" / f"emcli.{shell}").read_text()
    if shell == "fish":
        text = "\n".join(line for line in text.splitlines() if f"from {name}'" in line)
        found = {f"--{word}" for word in re.findall(r" -l ([a-z-]+)", text)}
    elif shell == "bash":
        text = text.split(f"{name}:-*)")[1].split(";;")[0]
        found = set(re.findall(r"--[a-z-]+", text))
    else:
        text = text.split(f"    {name})\n")[1].split(";;")[0]
        found = set(re.findall(r"(?<=[',{*])--[a-z-]+(?=[\[}])", text))
    assert found == {flag for flag in flags(name) if flag.startswith("--")}


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completions_name_every_family(shell: str) -> None:
    text = (ROOT / "emcli" / "completions" / f"emcli.{shell}").read_text()
    assert " ".join(catalogue.names()) in " ".join(text.split())


@pytest.mark.parametrize("name", COMMANDS)
def test_help_shows_every_option(emcli: Run, name: str) -> None:
    done = emcli(name, "--help")
    assert done.returncode == 0 and not done.stderr
    assert flags(name) <= set(re.findall(r"(?<![\w-])--?[a-zA-Z-]+", done.stdout))


def test_defaults_are_shown(emcli: Run) -> None:
    text = " ".join(emcli("fit", "--help").stdout.split())
    for default in ("gaussian", "1-9", "use", "bic", "10", "0", "1e-07", "10000", "auto"):
        assert f"[default: {default}]" in text


@pytest.mark.parametrize("words", ["-k 2", "-k2", "-k=2", "--components=2", "-qk2"])
def test_short_options_are_spelt_in_every_usual_way(emcli: Run, words: str) -> None:
    shown = emcli("fit", "x.csv", *words.split(), "--show-config").stdout
    assert "components = \"2\"" in shown


@pytest.mark.parametrize("word", ["-z", "-qz", "--sarts"])
def test_unknown_options_are_refused(emcli: Run, word: str) -> None:
    run = emcli("fit", "x.csv", word)
    assert run.returncode == 2 and "no such option" in run.stderr
    assert ("--starts" in run.stderr) == (word == "--sarts")


def test_precedence_command_line_environment_config_default(emcli: Run, here) -> None:
    (here / "c.toml").write_text('starts = 5\nseed = 5\ntolerance = 1e-5\ncomponents = "2-4"\n')
    done = emcli("fit", "x.csv", "--config", "c.toml", "--starts", "7", "--show-config",
                 EMCLI_STARTS="6", EMCLI_SEED="6")  # fmt: skip
    lines = {line.split(" ")[0]: " ".join(line.split()) for line in done.stdout.splitlines()}
    assert lines["starts"] == "starts = 7 # command line"
    assert lines["seed"] == "seed = 6 # environment"
    assert lines["tolerance"] == "tolerance = 1e-05 # config c.toml"
    assert lines["components"] == 'components = "2-4" # config c.toml'
    assert lines["criterion"] == 'criterion = "bic" # default'


def test_show_config_is_a_config(emcli: Run, here) -> None:
    first = emcli("fit", "x.csv", "-k", "2,4", "-c", "a b", "-c", "c", "--colours", "red,mauve",
                  "--strict", "-v", "--show-config")  # fmt: skip
    (here / "again.toml").write_text(first.stdout)
    again = emcli("fit", "x.csv", "--config", "again.toml", "--show-config")
    assert again.returncode == 0, again.stderr

    def values(text: str) -> list[str]:
        return [line.split("  #")[0].rstrip() for line in text.splitlines() if line[0] != "#"]

    assert values(again.stdout) == values(first.stdout)
    assert 'columns = ["a b", "c"]' in first.stdout and "strict = true" in first.stdout


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("toleranz = 3\n", "there is no option 'toleranz'; did you mean 'tolerance'?"),
        ("starts = \n", "is not TOML"),
        ("starts = 0\n", "--starts: 0 is out of range; it must be 1 or more (config c.toml)"),
        ("strict = 'yes'\n", "'strict' takes true or false"),
        ("[fit]\nstarts = 3\n", "there is no option 'fit'"),
    ],
)
def test_bad_config_is_refused_in_one_line(emcli: Run, here, content: str, complaint: str) -> None:
    (here / "c.toml").write_text(content)
    done = emcli("fit", "faithful.csv", "--config", "c.toml")
    assert done.returncode == 2 and done.stderr.count("\n") == 1
    assert complaint in done.stderr


def test_a_bad_variable_is_named(emcli: Run) -> None:
    done = emcli("fit", "faithful.csv", EMCLI_STARTS="many")
    assert done.returncode == 2
    assert "environment variable EMCLI_STARTS" in done.stderr


def test_an_empty_variable_is_not_set(emcli: Run) -> None:
    done = emcli("fit", "x.csv", "--show-config", EMCLI_STARTS="", EMCLI_STRICT="no")
    assert done.returncode == 0
    assert "strict = false" in done.stdout
