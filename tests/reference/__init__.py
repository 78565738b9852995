"""Values that other programs and papers give for the tables in sample_data.

`cases.json` holds one fit a line: the table, model and k, the highest log-likelihood known without
a spurious component, where the source gives them the weights and each component's means (largest
component first; for Poisson, Bernoulli and binomial the mean is the rate or probability), and who
computed it. `peer_default` is what the peer reaches with its default options. `within` is how
close the log-likelihood must come, 1e-3 when not given.

`mclust_tables.json` holds mclust 6.0.0's 14 structures x k = 1..9 on faithful and iris: for each
cell k, the log-likelihood with its default options, the same run to convergence, and the expected
number of rows of its smallest component; null where it gives none.

Both were taken from the programs' own output; every log-likelihood was recomputed from the stored
parameters by a second implementation.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

HERE = Path(__file__).parent
SAMPLE_DATA = HERE.parent.parent / "sample_data"


@dataclass(frozen=True)
class Case:
    """One fit and what is known of it."""

    table: str
    model: str
    k: int
    log_likelihood: float
    free_parameters: int
    source: str
    columns: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    peer_default: float | None = None
    weights: tuple[float, ...] = ()
    means: tuple[tuple[float, ...], ...] = ()
    within: float = 1e-3

    def __str__(self) -> str:
        return " ".join([self.table, self.model, str(self.k), *map(str, self.options.values())])


def cases() -> list[Case]:
    """Every case, in the file's order."""
    return [Case(**entry) for entry in json.loads((HERE / "cases.json").read_text())]


def mclust_tables() -> dict[str, dict[str, list[list[float | None]]]]:
    """table -> structure -> rows of k, default, converged, smallest component."""
    return json.loads((HERE / "mclust_tables.json").read_text())


@cache
def table(name: str) -> pd.DataFrame:
    """A table of sample_data by its stem, or one derived from it."""
    if name == "faithful_waiting_counted":  # equal waiting times once, with how often they occur
        counts = table("faithful")["waiting"].value_counts().sort_index()
        return counts.rename_axis("waiting").reset_index(name="weight")
    if name == "faithful_weights_123":  # the rows count 1, 2, 3, 1, 2, 3, ... times
        faithful = table("faithful")
        return faithful.assign(weight=1 + np.arange(len(faithful)) % 3)
    return pd.read_csv(SAMPLE_DATA / f"{name}.csv")
