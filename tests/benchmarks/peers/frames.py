"""pandas and pyarrow on tables: what people read and write them with."""

from __future__ import annotations

from tests.benchmarks.peers.line import Answer, Step, serve, timed, versions


def read(path: str) -> tuple[Answer, Step]:
    """A CSV file by pyarrow."""
    from pyarrow import csv

    return {}, timed(lambda: csv.read_csv(path))


def write(shares: str, path: str) -> tuple[Answer, Step]:
    """Colours and their probabilities (k, n) as CSV by pandas."""
    import numpy as np
    import pandas as pd

    found = np.load(shares)
    names = np.array([f"c{k}" for k in range(len(found))])
    columns = {"row": np.arange(1, found.shape[1] + 1), "colour": names[found.argmax(axis=0)]}
    columns |= {f"p_{name}": p for name, p in zip(names, found, strict=True)}
    frame = pd.DataFrame(columns)
    return {}, timed(lambda: frame.to_csv(path, index=False))


serve(read=read, write=write, versions=versions("pandas", "pyarrow", "numpy"))
