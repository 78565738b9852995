"""Regressions: the rows, and the line of each component."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import SubplotSpec

from emcli.families.base import Family
from emcli.families.regression import Regression
from emcli.numerics import Array
from emcli.report.plots import points, style
from emcli.report.plots.scene import Scene

LINES = True
POINTS = 200
ACROSS = 2  # panels side by side
# Levels are moved aside by a share of this: rows of one level do not hide each other.
SPREAD = 0.25


def height(scene: Scene, family: Family) -> float:
    """Inches that the panels want, with their axes."""
    count = max(len(regressors(family)), 1)
    return 4.2 if count == len(scene.blocks) == 1 else 2.6 * -(-count // ACROSS)


def regressors(family: Family) -> tuple[str, ...]:
    """The columns on the right of the formula, each of which has a panel."""
    return family.inputs[len(family.columns) :]


def draw(picture: Figure, spec: SubplotSpec, scene: Scene, family: Family) -> str:
    """A panel for each regressor; what their caption says."""
    shown = regressors(family) or family.columns
    for name, axes, title, first in style.panels(picture, spec, shown, ACROSS):
        panel(axes, scene, family, name)
        axes.set_xlabel(title)
        if first:
            axes.set_ylabel(style.word(family.columns[0], 36))
    more = ", the other columns at their means or commonest levels" if len(shown) > 1 else ""
    return f"Lines: what each component expects{more}. Paler: less certain."


def panel(axes: Axes, scene: Scene, family: Family, name: str) -> None:
    """The response against one regressor."""
    x, y = _apart(scene, name), _apart(scene, family.columns[0])
    view = points.seen(x, y, [], 0.04)
    axes.set_xlim(view.x)
    axes.set_ylim(view.y)
    points.cloud(axes, scene, x, y, view)
    levels = scene.levels(name)
    where = np.arange(len(levels)) if levels else np.linspace(*view.x, POINTS)
    for k, line in expected(scene, name, where.astype(float)):
        axes.plot(
            where, line, color=scene.looks[k], linestyle="none" if levels else style.dashes(k),
            marker=style.marker(k) if levels else "", markersize=9, linewidth=1.6, zorder=1.5,
        )  # fmt: skip
    for side, column in (("x", name), ("y", family.columns[0])):
        if words := [style.word(level, 20) for level in scene.levels(column)]:
            axes.set(**{f"{side}ticks": np.arange(len(words)), f"{side}ticklabels": words})


def expected(scene: Scene, name: str, where: Array) -> list[tuple[int, Array]]:
    """Of every component of a regression on this column, its number and the responses it expects
    where the column has these values (m,)."""
    found = []
    for places, family in scene.pieces():
        if isinstance(family, Regression) and (name in family.inputs):
            values = np.array([np.full(len(where), _usual(scene, c)) for c in family.inputs])
            values[family.inputs.index(name)] = where
            found += list(zip(places.tolist(), family.expected(values), strict=True))
    return found


def _usual(scene: Scene, name: str) -> float:
    """A column's mean, or its commonest level."""
    values = scene.column(name)
    seen = ~np.isnan(values)
    values, weights = values[seen], scene.weights[seen]
    if scene.levels(name):
        return float(np.bincount(values.astype(int), weights).argmax())
    return float(values @ weights / weights.sum())


def _apart(scene: Scene, name: str) -> Array:
    """A column's values; those of levels moved aside, row by row."""
    values = scene.column(name)
    if not scene.levels(name):
        return values
    golden = (np.arange(len(values)) * 0.6180339887498949) % 1  # evenly, without chance
    return values + SPREAD * (golden - 0.5)
