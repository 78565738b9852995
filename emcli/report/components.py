"""The table of components: weight, size and parameters, each component in its own colour."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any, NamedTuple

from emcli.report import numbers
from emcli.report.sheet import Column, Sheet, width_of

Distribution = Mapping[str, Any]
_PAIRS_SHOWN = 15


class Row(NamedTuple):
    """One line of the table: what it is, and its cell for each component."""

    label: str
    cells: list[str]


def component_rows(
    components: Sequence[Mapping[str, Any]],
    total: float,
    levels: Mapping[str, Sequence[Any]],
    full: bool,
) -> list[Row]:
    """Weight, expected rows and parameters of all components.

    total: weight of all rows; levels: by column, for binary columns; full: correlations too.
    """
    weights = [component["weight"] for component in components]
    rows = [
        Row("weight", [f"{weight:.3f}" for weight in weights]),
        Row("rows", numbers.counts([round(weight * total, 1) for weight in weights])),
    ]
    kinds = {component.get("model"): None for component in components}
    if len(kinds) > 1:
        rows.append(Row("model", [_without_columns(c["model"]) for c in components]))
    merged: dict[str, list[str]] = {}
    for kind in kinds:
        own = [k for k, component in enumerate(components) if component.get("model") == kind]
        blocks = zip(*(components[k]["distributions"] for k in own), strict=True)
        for row in (row for block in blocks for row in _block_rows(block, levels, full)):
            cells = merged.setdefault(row.label, [""] * len(components) if row.cells else [])
            for k, cell in zip(own, row.cells, strict=False):
                cells[k] = cell
    return rows + [Row(label, cells) for label, cells in merged.items()]


def _without_columns(model: str) -> str:
    return re.sub(r"\([^)]*\)", "", model)


def _block_rows(
    block: Sequence[Distribution], levels: Mapping[str, Sequence[Any]], full: bool
) -> list[Row]:
    """The parameters of one block of columns, in words that fit its parameters' names."""
    first = block[0]
    shown = {"family", "columns", "levels"}
    rows: list[Row] = []
    if "levels" in first and "probabilities" in first:
        shown.add("probabilities")
        rows += _shares(block)
    if "terms" in first:
        shown |= {"formula", "offset", "terms", "intercept", "coefficients"}
        rows += _coefficients(block)
    spread = next((key for key in ("variance", "covariance", "scale") if key in first), None)
    if "mean" in first and spread and isinstance(first[spread], list):
        shown |= {"mean", spread}
        rows += _means(block, spread)
        if isinstance(first[spread][0], list) and (full or len(first["columns"]) == 2):
            rows += _correlations(block, spread)
    if "loadings" in first:
        shown |= {"mean", "loadings", "uniquenesses"}
        rows += _factors(block, full)
    for key in first:
        if key not in shown:
            rows += _others(block, key, levels)
    return rows


def _shares(block: Sequence[Distribution]) -> list[Row]:
    """One row for each level of each categorical column."""
    return [
        Row(f"{column} = {level}", [f"{some['probabilities'][j][i]:.3f}" for some in block])
        for j, column in enumerate(block[0]["columns"])
        for i, level in enumerate(block[0]["levels"][j])
    ]


def _coefficients(block: Sequence[Distribution]) -> list[Row]:
    """A regression's intercept and coefficients, one row each."""
    response = block[0]["columns"][0]
    found = {}
    if "intercept" in block[0]:
        found[f"{response} intercept"] = [some["intercept"] for some in block]
    for j, term in enumerate(block[0]["terms"]):
        found[f"{response} ~ {term}"] = [some["coefficients"][j] for some in block]
    return [Row(label, numbers.alike(values)) for label, values in found.items()]


def _means(block: Sequence[Distribution], spread: str) -> list[Row]:
    """Mean ± standard deviation, one row a column."""
    rows = []
    for j, column in enumerate(block[0]["columns"]):
        deviations = [math.sqrt(_diagonal(some[spread], j)) for some in block]
        rows.append(Row(column, numbers.spreads([some["mean"][j] for some in block], deviations)))
    return rows


def _diagonal(spread: Sequence[Any], j: int) -> float:
    entry = spread[j]
    return float(entry[j] if isinstance(entry, Sequence) else entry)


def _correlations(block: Sequence[Distribution], spread: str) -> list[Row]:
    columns = block[0]["columns"]
    pairs = list(combinations(range(len(columns)), 2))
    if len(pairs) > _PAIRS_SHOWN:
        return [Row(f"(the {len(pairs)} covariances are in the parameters file)", [])]
    rows = []
    for i, j in pairs:
        values = []
        for some in block:
            s = some[spread]
            values.append(s[i][j] / math.sqrt(s[i][i]) / math.sqrt(s[j][j]))
        name = "correlation" if len(pairs) == 1 else f"correlation {columns[i]}, {columns[j]}"
        rows.append(Row(name, [f"{value:.3f}" for value in values]))
    return rows


def _factors(block: Sequence[Distribution], full: bool) -> list[Row]:
    """Of factor analysers: mean ± standard deviation, and correlations with the factors.

    full: also what share of a column's variance is its own.
    """
    columns = block[0]["columns"]
    variances = [
        [sum(x * x for x in row) + own
         for row, own in zip(some["loadings"], some["uniquenesses"], strict=True)]
        for some in block
    ]  # fmt: skip
    rows = _means(
        [{**some, "variance": own} for some, own in zip(block, variances, strict=True)], "variance"
    )
    if len(columns) > _PAIRS_SHOWN:
        return [*rows, Row(f"(the loadings of {len(columns)} columns are in the parameters file)",
                           [])]
    word = "factors" if len(block[0]["loadings"][0]) > 1 else "factor"
    for j, column in enumerate(columns):
        cells = [
            " ".join(f"{x / math.sqrt(own[j]):6.3f}" for x in some["loadings"][j])
            for some, own in zip(block, variances, strict=True)
        ]
        rows.append(Row(f"correlation {column}, {word}", cells))
    for j, column in enumerate(columns if full else ()):
        cells = [f"{some['uniquenesses'][j] / own[j]:.3f}"
                 for some, own in zip(block, variances, strict=True)]
        rows.append(Row(f"unique share of {column}", cells))
    return rows


def _others(
    block: Sequence[Distribution], key: str, levels: Mapping[str, Sequence[Any]]
) -> list[Row]:
    """A parameter with one number a column, or one in all; tables are left to the file.

    Of a matrix of scale the roots of the diagonal are shown.
    """
    columns, word = block[0]["columns"], key.replace("_", " ").replace("ities", "ity")
    values = [some[key] for some in block]
    if key == "scale" and isinstance(values[0], list) and isinstance(values[0][0], list):
        values = [[math.sqrt(row[j]) for j, row in enumerate(matrix)] for matrix in values]
    tiny = "probabilit" not in key
    if all(isinstance(value, list) and len(value) == len(columns) for value in values):
        if not all(isinstance(v, (int, float, type(None))) for value in values for v in value):
            return []
        return [
            Row(
                _named(column, word, levels),
                numbers.alike([value[j] for value in values], tiny=tiny),
            )
            for j, column in enumerate(columns)
        ]
    if all(isinstance(value, (int, float, type(None))) for value in values):
        label = f"{columns[0]} {word}" if "terms" in block[0] else word
        return [Row(label, numbers.alike(values, tiny=tiny))]
    if all(isinstance(value, str) for value in values):
        return [Row(word, values)]
    return []


def _named(column: str, word: str, levels: Mapping[str, Sequence[Any]]) -> str:
    """`smoker = yes` for the probability of a binary column's second level, else `deaths rate`."""
    if word == "probability" and column in levels:
        return f"{column} = {levels[column][-1]}"
    return f"{column} {word}"


def draw_components(
    sheet: Sheet, colours: Sequence[str], rows: Sequence[Row], most: int | None = None
) -> None:
    """Print the table: components side by side while they fit, else one a line, else in turns.

    most: rows to print before the rest is only counted; all when None.
    """
    if most is not None and len(rows) > most:
        left = len(rows) - most
        rows = [*rows[:most], Row(f"… and {left} more lines, which -v shows", [])]
    told = [row for row in rows if row.cells]
    label = min(max(width_of(row.label) for row in told), sheet.width // 2)
    widths = [
        max(width_of(colour) + 2, *(width_of(row.cells[k]) for row in told)) + 3
        for k, colour in enumerate(colours)
    ]
    if label + sum(widths) <= sheet.width:
        _across(sheet, colours, rows)
    elif _down_width(colours, told) <= sheet.width:
        _down(sheet, colours, told)
    else:
        room = max(1, (sheet.width - label) // max(widths))
        for at in range(0, len(colours), room):
            part = [Row(row.label, row.cells[at : at + room]) for row in rows]
            _across(sheet, colours[at : at + room], part)
            if at + room < len(colours):
                sheet.line()


def _across(sheet: Sheet, colours: Sequence[str], rows: Sequence[Row]) -> None:
    """A column for each component."""
    columns = [Column(f"● {colour}", right=True, style=f"of:{colour}") for colour in colours]
    told = [[row.label, *row.cells] for row in rows if row.cells]
    sheet.table([Column(), *columns], told)
    for row in rows:
        if not row.cells:
            sheet.whole((row.label, "dim"))


def _down_width(colours: Sequence[str], rows: Sequence[Row]) -> int:
    cells = [max(width_of(row.label), *map(width_of, row.cells)) + 3 for row in rows]
    return max(map(width_of, colours)) + 5 + sum(cells)


def _down(sheet: Sheet, colours: Sequence[str], rows: Sequence[Row]) -> None:
    """A line for each component."""
    columns = [Column(row.label, right=True) for row in rows]
    lines = [[f"● {colour}", *(row.cells[k] for row in rows)] for k, colour in enumerate(colours)]
    styles = {k: f"of:{colour}" for k, colour in enumerate(colours)}
    sheet.table([Column(), *columns], lines, styles=styles)
