"""Colours, widths and the live display: what a terminal, a dumb one and a pipe get."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import subprocess
from pathlib import Path

import pytest

from tests.cli.conftest import SAMPLES, Run, command, environment

FIT = ("fit", "faithful.csv", "-k", "2")
ESCAPE = "\x1b["


def on_a_terminal(
    words: tuple[str, ...], here: Path, stdout: bool = True, **env: str
) -> tuple[str, str]:
    """(what the terminal shows, what a pipe on standard output got)."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        command(*words), cwd=here, env=environment(TERM="xterm-256color") | env, stdin=theirs,
        stdout=theirs if stdout else subprocess.PIPE, stderr=theirs,
    )  # fmt: skip
    os.close(theirs)
    seen = b""
    while True:
        if not select.select([ours], [], [], 60)[0]:
            break
        try:
            piece = os.read(ours, 65536)
        except OSError:  # the other side is closed
            break
        if not piece:
            break
        seen += piece
    piped = process.stdout.read() if process.stdout else b""
    process.wait(60)
    os.close(ours)
    return seen.decode(), piped.decode()


def test_a_terminal_gets_the_components_own_colours(here: Path) -> None:
    seen, _ = on_a_terminal(FIT, here)
    assert re.search(r"\x1b\[[\d;]*m *● red", seen)
    assert "To save this fit:" in seen


@pytest.mark.parametrize("env", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_no_colour_where_it_is_unwanted(here: Path, env: dict[str, str]) -> None:
    seen, _ = on_a_terminal(FIT, here, **env)
    assert ESCAPE not in seen and "● red" in seen


def test_a_pipe_gets_no_colour_unless_forced(emcli: Run) -> None:
    assert ESCAPE not in emcli(*FIT).stdout
    forced = emcli(*FIT, FORCE_COLOR="1")
    assert ESCAPE in forced.stdout and forced.stderr == ""
    assert ESCAPE not in emcli(*FIT, FORCE_COLOR="1", NO_COLOR="1").stdout


def test_colours_change_nothing_else(emcli: Run) -> None:
    words = ("fit", "faithful.csv", "-k", "1-3")
    forced = emcli(*words, FORCE_COLOR="1", TERM="xterm-256color").stdout
    plain = re.sub(r"\x1b\[[\d;]*m", "", forced)
    assert [line.rstrip() for line in plain.splitlines()] == emcli(*words).stdout.splitlines()


def test_an_encoding_without_our_characters(emcli: Run) -> None:
    done = emcli(*FIT, PYTHONIOENCODING="ascii")
    assert done.returncode == 0, done.stderr
    assert "4.290 +- 0.412" in done.stdout and "* red" in done.stdout and "?" not in done.stdout


@pytest.mark.parametrize("width", [60, 80, 120])
def test_tables_keep_to_the_width(emcli: Run, width: int) -> None:
    words = ("fit", "iris.csv", "-x", "species", "-m", "gaussian:EII,gaussian:VVI", "-k", "1-9")
    done = emcli(*words, COLUMNS=str(width))
    table = done.stdout.split("\nTo save")[0]
    assert max(map(len, table.splitlines())) <= width


def test_commands_are_never_broken_over_lines(emcli: Run) -> None:
    done = emcli(*FIT, "--colours", "first,second", "--tolerance", "1e-8", COLUMNS="60")
    assert any(
        line.endswith("--tolerance 1e-8 -o params.json -a colours.csv")
        for line in done.stdout.splitlines()
    )


def slow_table(here: Path) -> str:
    """A table whose fit takes a second or so."""
    lines = (SAMPLES / "faithful.csv").read_text().splitlines()
    rows = [f"{line.split(',')[0]}{i % 10},{line.split(',')[1]}.{i % 7}"
            for i in range(150) for line in lines[1:]]
    (here / "slow.csv").write_text("\n".join(["a,b", *rows]) + "\n")
    return "slow.csv"


def test_the_live_display_comes_and_goes(here: Path) -> None:
    words = ("fit", slow_table(here), "-k", "3-6", "-o", "-")
    seen, piped = on_a_terminal(words, here, stdout=False)
    assert "gaussian:VVV, k = " in seen and "log-likelihood" in seen
    assert seen.count(f"{ESCAPE}?25l") == seen.count(f"{ESCAPE}?25h") == 1
    assert json.loads(piped)["schema"] == "emcli/model/1"


def test_a_signal_gives_the_cursor_back(here: Path) -> None:
    words = ("fit", slow_table(here), "-k", "3-9", "--starts", "50", "-o", "p.json")
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        command(*words), cwd=here, env=environment(TERM="xterm"), stderr=theirs
    )
    seen = b""
    while b"iteration" not in seen:
        seen += os.read(ours, 65536)
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == -signal.SIGINT
    while select.select([ours], [], [], 0.2)[0]:
        seen += os.read(ours, 65536)
    assert seen.count(b"\x1b[?25l") == seen.count(b"\x1b[?25h") == 1
    assert b"Traceback" not in seen
    assert [path.name for path in here.glob("*p.json*")] == []


@pytest.mark.parametrize(("words", "env"), [(("-q",), {}), ((), {"TERM": "dumb"}),
                                            (("--progress", "never"), {})])
def test_no_live_display_where_it_is_unwanted(
    here: Path, words: tuple[str, ...], env: dict[str, str]
) -> None:
    fit = ("fit", slow_table(here), "-k", "3", "--starts", "4", "-o", "p.json", *words)
    seen, _ = on_a_terminal(fit, here, stdout=False, **env)
    assert f"{ESCAPE}?25l" not in seen and "iteration" not in seen


def test_force_color_does_not_animate_into_a_file(emcli: Run, here: Path) -> None:
    done = emcli("fit", slow_table(here), "-k", "3", "--starts", "4", "-q", FORCE_COLOR="1")
    assert done.stderr == ""


def test_progress_as_json_lines(emcli: Run) -> None:
    done = emcli(*FIT, "--progress", "json")
    events = [json.loads(line) for line in done.stderr.splitlines()]
    assert events[0]["event"] == "cell started" and events[-1]["event"] == "cell finished"
    assert "start finished" in {event["event"] for event in events}


def test_progress_as_lines(emcli: Run) -> None:
    done = emcli(*FIT, "--progress", "lines")
    assert done.returncode == 0
    assert all(line.startswith("emcli: ") for line in done.stderr.splitlines())
