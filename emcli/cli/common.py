"""What several commands do the same way: formats by ending, warnings, totals."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import click

from emcli.errors import UsageError
from emcli.report.terminal import is_terminal

DATA = click.Argument(["data"], nargs=-1, required=True, metavar="DATA...")
PARAMS = click.Argument(["params"], metavar="PARAMS")


@contextmanager
def importing() -> Iterator[None]:
    """For large imports: modules leave no garbage, and looking for it takes 15 ms."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def format_of(path: str) -> str:
    """How a table is written to `path`: "parquet" by its ending, else "csv"."""
    if path.lower().endswith((".gz", ".bz2", ".zst", ".xz", ".zip")):
        raise UsageError(f"'{path}' would not be compressed: emcli writes tables as CSV or Parquet",
                         "end it in .csv or .parquet")
    return "parquet" if path.lower().endswith((".parquet", ".pq")) else "csv"


def warn(sentences: Iterable[str], quiet: bool) -> None:
    """One line each on standard error."""
    if not quiet and sys.stderr is not None:
        for sentence in sentences:
            print(f"emcli: warning: {one_line(sentence)}", file=sys.stderr)


def one_line(sentence: str) -> str:
    """The sentence on one line; names out of a table cannot command the terminal."""
    words = " ".join(sentence.split())
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in words)


def someone_looks() -> bool:
    """Is standard error a terminal, so that a remark is read and not logged?"""
    return is_terminal(sys.stderr)


def inputs_of(data: Iterable[str], *others: str | None) -> list[str]:
    """Every path a command reads, the files of a directory among them."""
    paths = [path for path in (*data, *others) if path and path != "-"]
    inside = [
        os.path.join(folder, name)
        for path in paths
        for folder, _, names in os.walk(path)
        for name in names
        if name.endswith((".parquet", ".parq", ".pq"))
    ]
    return [*paths, *inside]
