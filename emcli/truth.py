"""`--truth COL`: the colours of a fit beside a column that was not looked at."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from emcli import columns, tables
from emcli.agreement import accuracy, adjusted_rand, crosstab
from emcli.columns import Data
from emcli.columns.facts import Facts
from emcli.columns.selection import single
from emcli.errors import InputError
from emcli.fitted import Fitted
from emcli.settings import Selecting


def compared(table: tables.Table, spec: str, fitted: Fitted, data: Data) -> Fitted:
    """The fit with its colours beside the column in its numbers; where that is empty, rows do not
    count.

    Raises `InputError` where the column is not there, or empty.
    """
    name = single(table.names, spec)
    column = Facts(table).learn(name, "category")
    codes = columns.encode(table, (column,), Selecting()).values[0]
    seen = np.where(np.isnan(codes), -1, codes).astype(np.intp)
    if data.rows is not None:
        seen = seen[data.rows]
    if not (seen >= 0).any():
        raise InputError(f"{table.label}: column '{name}' is empty", "leave out --truth")
    colours = fitted.posterior(data.values).argmax(axis=0)
    levels = [str(level) for level in column.levels or ()]
    shape = len(levels), fitted.mixture.k
    whole = crosstab(seen, colours, shape, data.weights)
    found: dict[str, Any] = {
        "column": name,
        "accuracy": accuracy(whole),
        "adjusted_rand_index": adjusted_rand(whole),
        "levels": levels,
        "crosstab": whole.tolist(),
    }
    labels = [family.columns[0] for family in fitted.mixture.families if not family.written]
    if labels:
        masked = np.isnan(data.values[fitted.names.index(labels[0])])
        some = crosstab(np.where(masked, seen, -1), colours, shape, data.weights)
        if some.any():
            found["accuracy_of_masked"] = accuracy(some)
    return replace(fitted, fit=fitted.fit | {"truth": found})
