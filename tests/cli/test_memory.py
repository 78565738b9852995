"""Tables larger than `--memory`: the same bytes, nothing left behind, and the limit is kept."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest

from emcli import columns, tables
from emcli.errors import InputError, OutputError, UsageError
from emcli.settings import Reading, Selecting
from emcli.settings.parsing import parse_size
from emcli.sources.memory import CHUNK
from emcli.sources.spool import OWN, Mapped, Spool, SpoolSource
from tests.cli.conftest import Run, command, environment


def table(rows: int) -> pa.Table:
    """Numbers around three centres, with a text column, a weight, a few holes and ids."""
    rng = np.random.default_rng(5)
    group = rng.integers(3, size=rows)
    x, y = group * 4 + rng.standard_normal((2, rows)).round(3)
    return pa.table({
        "id": [f"{row:07d}" for row in range(rows)],
        "x": [None if row % 9973 == 7 else value for row, value in enumerate(x.tolist())],
        "y": y.tolist(),
        "kind": [("ä", "b", "c, d")[g] for g in group],
        "w": rng.integers(1, 4, size=rows).tolist(),
    })  # fmt: skip


def write(arrow: pa.Table, path: Path) -> Path:
    if path.suffix == ".parquet":
        pyarrow.parquet.write_table(arrow, path, row_group_size=70_000)
    else:
        pyarrow.csv.write_csv(arrow, path)
    return path


class Nothing(Spool):
    """Keeps nothing in memory."""

    def keep(self, size: int) -> bool:
        return False


def test_sizes() -> None:
    assert [parse_size(text) for text in ("1000", "256M", "2G", "1.5k", "3MiB", 7)] == [
        1000, 256 << 20, 2 << 30, 1536, 3 << 20, 7,
    ]  # fmt: skip
    for text in ("", "M", "-1", "2X", "1e9", "many"):
        with pytest.raises(ValueError, match="is not a size; type 256M or 2G"):
            parse_size(text)


@pytest.mark.parametrize("missing", ["use", "drop"])
@pytest.mark.parametrize("name", ["t.csv", "t.parquet"])
def test_what_is_spooled_is_what_is_in_memory(tmp_path: Path, name: str, missing: str) -> None:
    path = str(write(table(2 * CHUNK + 1000), tmp_path / name))
    known = (columns.Column("kind", "category", ("ä", "b", "c, d")), columns.Column("x", "real"))
    selecting = Selecting(weight="w", id="id", missing=missing)
    found = []
    for spool in (Spool(), Nothing(folder=str(tmp_path))):
        read = tables.read([path], Reading(), spool=spool)
        data = columns.encode(read, known, selecting)
        assert isinstance(data.matrix, Mapped) == isinstance(spool, Nothing)
        source = data.source(2)
        assert isinstance(source, SpoolSource) == isinstance(spool, Nothing)
        sums = source.total(lambda block: block.values[0] @ block.weights, 100)
        sample = source.sample(500, 3)
        # What was let go is read again.
        again = [piece.column("id").to_pylist() for piece in tables.evenly(read, ["id"], ["id"])]
        found.append((
            data.values.tobytes(), data.weights.tobytes(), data.missing.tolist(), sums,
            None if data.rows is None else data.rows.tolist(), sample.values.tobytes(),
            [a.values.tobytes() for pair in source.folds(3, 1) for a in pair], again,
        ))  # fmt: skip
    assert found[0] == found[1]
    assert os.listdir(tmp_path) == [name]


@pytest.mark.parametrize("name", ["t.csv", "t.parquet", "-"])
def test_any_memory_gives_the_same_bytes(emcli: Run, here: Path, name: str) -> None:
    rows = table(40_000)
    path = write(rows, here / ("t.csv" if name == "-" else name))
    given = path.read_text() if name == "-" else None
    outputs = []
    for memory in ("160M", "2G", None):
        out = [f"{memory}.json", f"{memory}.csv"]
        limit = ["--memory", memory, "--spool", "."] if memory else []
        done = emcli(
            "fit", name, "-k", "3", "-m", "gaussian:VVI(x, y) + categorical(kind)", "--weight", "w",
            "--id", "id", "--append", "--starts", "2", "-o", out[0], "-a", out[1], *limit,
            input=given,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        outputs.append([(here / file).read_bytes() for file in out])
    assert outputs[0] == outputs[1] == outputs[2]


def test_limits_and_directories_that_do_not_work(emcli: Run, here: Path) -> None:
    done = emcli("fit", "faithful.csv", "--memory", "lots")
    assert done.returncode == 2
    assert done.stderr == "emcli: --memory: 'lots' is not a size; type 256M or 2G\n"
    done = emcli("fit", "faithful.csv", "--memory", "10M")
    assert done.returncode == 2
    assert done.stderr == "emcli: --memory 10M is too little for any table; type 160M or more\n"
    done = emcli("fit", "faithful.csv", "--spool", "nowhere")
    assert done.returncode == 5
    assert done.stderr.startswith("emcli: cannot write to 'nowhere': it is no directory; ")
    with pytest.raises(UsageError):
        Spool(OWN - 1)


def test_a_full_disk_is_an_error_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    spool = Nothing(folder=str(tmp_path))
    monkeypatch.setattr("os.pwrite", full)
    with pytest.raises(OutputError, match="No space left on device; name a directory with more"):
        spool.write(b"x")
    monkeypatch.setattr("os.posix_fallocate", full)
    with pytest.raises(OutputError, match=f"cannot write to '{tmp_path}': No space"):
        spool.matrix(3, 5)


def test_a_table_that_changes_meanwhile_is_noticed(tmp_path: Path) -> None:
    path = write(table(1000), tmp_path / "t.csv")
    read = tables.read([str(path)], Reading(), spool=Spool())
    columns.encode(read, (columns.Column("y", "real"),), Selecting())
    with open(path, "r+b") as file:
        file.truncate(500)
    with pytest.raises(InputError, match=r"t.csv was changed while it was read"):
        read.column("y")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_nothing_stays_in_the_spool(tmp_path: Path, number: int) -> None:
    write(table(300_000), tmp_path / "t.csv")
    spool = tmp_path / "spool"
    spool.mkdir()
    words = ["fit", "t.csv", "-m", "gaussian:VVI", "--memory", "160M", "--spool", "spool", "-q"]
    with subprocess.Popen(command(*words), cwd=tmp_path, env=environment()) as process:
        time.sleep(1.5)
        assert os.listdir(spool) == []
        process.send_signal(number)
        assert process.wait(60) == -number
    assert os.listdir(spool) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", ["t.csv", "t.parquet"])
def test_the_limit_is_kept(tmp_path: Path, name: str) -> None:
    rng = np.random.default_rng(1)
    rows = {f"x{j}": (rng.standard_normal(1_500_000) + j).round(4) for j in range(10)}
    write(pa.table(rows), tmp_path / name)
    words = command(
        "fit", name, "--memory", "160M", "--spool", ".", "-k", "2", "--starts", "1",
        "--max-iterations", "3", "-o", "p.json", "-q",
    )  # fmt: skip
    # The peak of a process begins with that of the one it was started from: a small one, here.
    launcher = (
        "import os, sys; pid = os.posix_spawn(sys.executable, sys.argv[1:], os.environ)\n"
        "_, status, usage = os.wait4(pid, 0); print(status, usage.ru_maxrss)"
    )
    done = subprocess.run(
        [sys.executable, "-c", launcher, *words], cwd=tmp_path, env=environment(),
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    status, peak = map(int, done.stdout.split())
    # The matrix alone is 114 MB, and what emcli itself takes is nearly 100.
    assert status == 0 and peak < 160 << 10, done.stderr
