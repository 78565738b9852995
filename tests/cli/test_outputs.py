"""Where files go, what they look like when a signal comes, and what goes to which stream."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import threading
import time
from pathlib import Path

import pytest

from tests.cli.conftest import Run, command, environment

FIT = ("fit", "faithful.csv", "-k", "2")


def shell(line: str, here: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """Run a line in bash where `emcli` is the command under test."""
    script = f"emcli() {{ {' '.join(command())} \"$@\"; }}\n{line}"
    return subprocess.run(
        ["bash", "-c", script], cwd=here, env=environment(**env), capture_output=True, text=True,
        timeout=120,
    )  # fmt: skip


@pytest.mark.parametrize("mask", ["022", "077", "002"])
def test_new_files_get_the_mode_the_umask_says(here: Path, mask: str) -> None:
    shell(f"umask {mask}; emcli fit faithful.csv -k 2 -q -o p.json", here)
    assert stat.S_IMODE((here / "p.json").stat().st_mode) == 0o666 & ~int(mask, 8)


def test_a_link_stays_a_link(emcli: Run, here: Path) -> None:
    (here / "real").mkdir()
    (here / "p.json").symlink_to("real/params.json")
    assert emcli(*FIT, "-o", "p.json").returncode == 0
    assert (here / "p.json").is_symlink() and (here / "real" / "params.json").stat().st_size


def test_a_fifo_is_written_directly(emcli: Run, here: Path) -> None:
    os.mkfifo(here / "fifo")
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append((here / "fifo").read_text()))
    reader.start()
    assert emcli(*FIT, "-q", "-a", "fifo").returncode == 0
    reader.join(10)
    assert read[0].startswith("row,colour,p_red,p_blue\n")
    assert stat.S_ISFIFO((here / "fifo").stat().st_mode)


def test_dev_stdout_appends_where_the_shell_appends(here: Path) -> None:
    (here / "log").write_text("before\n")
    shell("emcli fit faithful.csv -k 2 -q -a /dev/stdout >> log", here)
    lines = (here / "log").read_text().splitlines()
    assert lines[:2] == ["before", "row,colour,p_red,p_blue"] and len(lines) == 274


def test_process_substitution(here: Path) -> None:
    done = shell("emcli fit faithful.csv -k 2 -q -a >(wc -l) | cat", here)
    assert done.stdout.strip() == "273"


def test_no_summary_beside_a_result_on_standard_output(emcli: Run) -> None:
    done = emcli(*FIT, "-o", "-")
    assert json.loads(done.stdout)["k"] == 2
    assert done.stderr == ""


def test_success_off_a_terminal_says_nothing_on_standard_error(emcli: Run) -> None:
    done = emcli(*FIT)
    assert done.stderr == "" and "log-likelihood -1130.264" in done.stdout
    assert emcli(*FIT, "-q").stdout == ""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_kills_by_itself_and_leaves_nothing(here: Path, number: int) -> None:
    (here / "p.json").write_text("precious")
    process = subprocess.Popen(
        command("fit", "iris.csv", "-m", "gaussian:*", "-c", "1..4", "-o", "p.json", "-a", "c.csv"),
        cwd=here, env=environment(), stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    while not list(here.glob(".p.json.*.tmp")) and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(number)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == -number
    assert errors == ""
    assert (here / "p.json").read_text() == "precious"
    assert not list(here.glob(".*.tmp")) and not (here / "c.csv").exists()


def test_a_closed_pipe_is_a_death_by_sigpipe(here: Path, params: Path) -> None:
    done = shell(f"emcli sample {params} -n 300000 | head -1; echo ${{PIPESTATUS[0]}}", here)
    assert done.stdout == "eruptions,waiting,colour\n141\n"
    assert done.stderr == ""


@pytest.mark.parametrize("words", ["fit faithful.csv -k 2", "--help", "models", "fit --help"])
def test_a_full_disk_under_standard_output(here: Path, words: str) -> None:
    done = shell(f"emcli {words} > /dev/full", here)
    assert done.returncode == 5
    assert done.stderr.count("\n") == 1 and "No space left on device" in done.stderr


def test_a_closed_standard_output(here: Path) -> None:
    done = shell("emcli fit faithful.csv -k 2 >&-", here)
    assert done.returncode == 5 and done.stderr.count("\n") == 1


def test_trace_has_a_line_a_step(emcli: Run, here: Path) -> None:
    done = emcli(*FIT, "--starts", "2", "--trace", "t.jsonl", "--trace-parameters", "-q")
    assert done.returncode == 0, done.stderr
    steps = [json.loads(line) for line in (here / "t.jsonl").read_text().splitlines()]
    assert {"start", "iteration", "log_likelihood", "gain", "remaining_gain"} <= set(steps[0])
    assert sorted({step["start"] for step in steps}) == [0, 1]
    assert steps[-1]["parameters"] and steps[0]["iteration"] <= 1


def test_provenance_only_when_asked_for(emcli: Run, here: Path) -> None:
    plain = json.loads(emcli(*FIT, "-o", "-").stdout)
    told = json.loads(emcli(*FIT, "--provenance", "-o", "-").stdout)
    assert "provenance" not in plain
    assert told.pop("provenance")["inputs"] == [str(here / "faithful.csv")]
    assert told == plain


def test_a_closed_standard_output_is_no_other_file(here: Path) -> None:
    done = shell("emcli fit faithful.csv -k 2 -o p.json -a - >&-; echo $? >&2", here)
    assert done.stderr.endswith("cannot write standard output: it is closed\n5\n")
    assert not (here / "p.json").exists() and not list(here.glob(".*.tmp"))


def test_a_closed_standard_input(here: Path, params: Path) -> None:
    done = shell(f"emcli fit - <&-; echo $? >&2; emcli show - <&-; echo $? >&2; "
                 f"emcli assign {params} - <&-; echo $? >&2", here)  # fmt: skip
    assert done.stderr.count("cannot read standard input: it is closed") == 3
    assert done.stderr.split("\n")[1::2] == ["3", "3", "3"]


def test_the_status_stands_when_nothing_can_be_said(here: Path) -> None:
    assert shell("emcli fit nosuch.csv 2>/dev/full", here).returncode == 3
    assert shell("emcli fit faithful.csv -k x 2>&-", here).returncode == 2


def test_a_result_may_go_into_a_folder_that_is_read(emcli: Run, here: Path) -> None:
    (here / "parts").mkdir()
    assert emcli(*FIT, "-a", "parts/one.parquet", "-q").returncode == 0
    for _ in range(2):  # the second time it is there already
        done = emcli("score", "-o", "parts/s.csv", "nosuch.json", "parts")
        assert "also read" not in done.stderr
        (here / "parts/s.csv").write_text("")
    assert "also read" in emcli("fit", "parts", "-a", "parts/one.parquet").stderr


def test_every_row_dropped_is_no_fit_but_can_be_assigned(here: Path, params: Path) -> None:
    (here / "holes.csv").write_text("eruptions,waiting\n1.5,\n2.5,\n,60\n,70\n")
    done = shell("emcli fit holes.csv --missing drop", here)
    assert done.returncode == 3 and "leaves none" in done.stderr
    done = shell(f"emcli assign {params} holes.csv --missing drop", here)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[1:] == [f"{row},,," for row in range(1, 5)]


def test_dropped_rows_are_told(here: Path) -> None:
    (here / "few.csv").write_text((here / "faithful.csv").read_text() + "1.5,\n")
    done = shell("emcli fit few.csv --missing drop -k 1", here)
    assert "1 of 273 rows have an empty cell and were dropped" in done.stdout
    done = shell("emcli fit few.csv --missing drop -k 1 -q -o -", here)
    assert json.loads(done.stdout)["fit"]["rows_dropped"] == 1
