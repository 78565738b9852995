"""What came of a search: the fit in numbers, its criterion table, and what there is to say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from emcli import densities
from emcli.cell import Cell
from emcli.columns import Data
from emcli.criteria import Criteria
from emcli.environment import give_back
from emcli.fitted import Fitted
from emcli.frozen import frozen
from emcli.mixture import Mixture, Model
from emcli.numerics import distinct
from emcli.settings import STARTS, FitSettings, changed
from emcli.sources.memory import MemorySource

QUANTILES = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99)


@frozen
class Outcome:
    """What came of `fit_table`: the fit, the same that knows the labels of the rows it saw, the
    rows, and what there is to say."""

    fitted: Fitted
    labelled: Fitted
    data: Data
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def described(
    mixture: Mixture, cell: Cell, cells: Sequence[Cell], data: Data, source: MemorySource,
    asked: FitSettings,
) -> Fitted:
    criteria = cell.criteria
    assert criteria is not None and cell.start is not None
    # What the file says is what is reported: the same numbers as a reader of the file gets.
    same = Mixture.from_dict(mixture.to_dict(), mixture.name)
    own = [family for family in mixture.families if family.written]
    read = [type(f).around(g, f.options) for f, g in zip(own, same.families, strict=True)]
    labels = [family for family in mixture.families if not family.written]
    same = replace(same, equal_weights=mixture.equal_weights, families=(*read, *labels))
    written = Fitted(same, data.columns, {})
    look, width = written.looking(data.missing > 0)
    give_back()  # of the search: the log densities take as much again
    with np.errstate(all="ignore"):
        seen = densities.spread(look, source, width)
        marks = densities.quantiles(look, source, width, seen, QUANTILES)
    name = asked.searching.criterion
    found = {
        "log_likelihood": cell.log_likelihood,
        "free_parameters": criteria.free,
        **({"equal_weights": True} if mixture.equal_weights else {}),
        "rows": source.rows - len(data.blank),
        **({"rows_empty": len(data.blank)} if len(data.blank) else {}),
        "weight_total": _whole(source.weight_total),
        **({} if data.rows is None else {"rows_dropped": data.total_rows - source.rows}),
        "missing_cells": int(data.missing.sum()),
        "bic": criteria.value("bic"),
        "aic": criteria.value("aic"),
        "icl": criteria.value("icl"),
        **({} if name in ("bic", "aic", "icl") else {name: criteria.value(name)}),
        "entropy": criteria.entropy,
        "criterion": name,
        "converged": cell.converged,
        "stopped": cell.stopped,
        "iterations": cell.iterations,
        "remaining_gain": cell.remaining,
        "start": cell.start.recorded(asked.searching.seed),
        "starts": cell.starts,
        "starts_finished": cell.finished,
        "starts_at_best": cell.at_best,
        "seed": asked.searching.seed,
        "log_density_quantiles": {f"{q:g}": v for q, v in zip(QUANTILES, marks, strict=True)},
        "diagnostics": {
            "sizes": [_whole(x) for x in seen.sizes],
            "at_a_limit": [
                f"{colour}: {what}"
                for k, colour in enumerate(mixture.colours)
                for f in mixture.families for what in f.boundary(k)
            ],
        },
        "warnings": _warnings(cell, cells, source, asked),
    }
    selection = tuple(_row(c, name) for c in cells)
    return replace(written, fit=found, selection=selection)


def recorded(asked: FitSettings) -> dict[str, Any]:
    """What was asked of the fit beside the defaults, by option; no paths, as the SPEC has it."""
    bundles = (asked.modelling, asked.selecting, asked.searching, asked.stopping)
    found = {name: value for one in bundles for name, value in changed(one).items()}
    found["component"] = [one for one in found.get("component", ()) if ".json" not in one]
    if found.get("start") not in STARTS:
        found["start"] = None
    left = {name: [*value] if isinstance(value, tuple) else value
            for name, value in found.items() if name not in ("family_file", "id")}
    return {name: value for name, value in left.items() if value not in (None, [])}


def _whole(x: float) -> int | float:
    """A whole number as one, so that counts are written as counts."""
    return int(x) if float(x).is_integer() else float(x)


def _row(cell: Cell, criterion: str) -> dict[str, Any]:
    """A line of the criterion table."""
    found = cell.criteria
    names = dict.fromkeys(("bic", criterion))
    return {
        "model": cell.model,
        "k": cell.k,
        "log_likelihood": cell.log_likelihood,
        "free_parameters": found.free if found else None,
        **{name: found.value(name) if found else None for name in names},
        "status": cell.status,
    }


def _warnings(
    best: Cell, cells: Sequence[Cell], source: MemorySource, asked: FitSettings
) -> list[str]:
    """What a careful user should know, one sentence each."""
    found = []
    if not best.converged:
        left = "" if best.remaining is None else f", about {best.remaining:.1g} nats short"
        found.append(
            f"not converged: {best.model} with {best.k} components stopped at "
            f"{best.stopped.replace('_', ' ')}{left}; raise --max-iterations or --max-time"
        )
    if source.weights is not None and source.weight_total < int((source.weights > 0).sum()):
        found.append(
            f"the weights add up to {source.weight_total:.6g}, less than the number of rows: they "
            "are taken as frequencies, and criteria depend on their sum"
        )
    tied = [
        c for c in cells
        if c is not best and c.criteria
        and rounded(c.criteria, asked.searching.criterion)
        == rounded(best.criteria, asked.searching.criterion)
    ]
    if tied:
        others = ", ".join(f"{c.model} with {c.k}" for c in tied[:3])
        found.append(f"a tie: {others} has the same {asked.searching.criterion.upper()}")
    ks = asked.modelling.components
    whole = all(cell.status != "not run" for cell in cells)
    if whole and len(ks) > 1 and best.k == max(ks):
        found.append(f"the largest k asked for was chosen; try -k {ks[0]}-{2 * best.k}")
    return found
def notes_on(data: Data, models: Sequence[Model], noise: bool) -> list[str]:
    """What the data did to the fit, what may suit them better, and what the tables count."""
    found = ["the table's k counts grey, the background; -k counts the others"] if noise else []
    dropped = data.total_rows - data.values.shape[1]
    if dropped:
        found.append(f"{dropped} of {data.total_rows} rows have an empty cell and were dropped")
    parts = [part for model in models for part in model.parts]
    found += dict.fromkeys(remark for part in parts for remark in part.family.remarks(part))
    normal = all(part.family.name == "gaussian" for part in parts)
    head = data.values[:, :1000]
    if normal and all(len(distinct(row[~np.isnan(row)])) <= 2 for row in head):
        found.append("every column has two values at most: -m bernoulli may suit better")
    return found


def rounded(criteria: Criteria | None, name: str) -> float:
    """The criterion to 10 digits: what differs by less is a tie."""
    value = criteria.value(name) if criteria else None
    return float("inf") if value is None else float(f"{value:.10g}")
