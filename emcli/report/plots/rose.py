"""Directions in the plane: the rows by sectors of the circle, and the components' densities."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure
from matplotlib.gridspec import SubplotSpec
from matplotlib.projections.polar import PolarAxes
from matplotlib.ticker import MaxNLocator

from emcli.families.base import Family
from emcli.numerics import Array
from emcli.report.plots import bins, style
from emcli.report.plots.scene import Scene

LINES = True
SECTORS = 24
POINTS = 721
ACROSS = 2  # circles side by side


def height(scene: Scene, family: Family) -> float:
    """Inches that the circles want."""
    rows = -(-len(_columns(family)) // ACROSS)
    return 4.6 if len(scene.blocks) == len(_columns(family)) == 1 else 3.0 * rows


def _columns(family: Family) -> tuple[str, ...]:
    """What has a circle: a column of angles, or the two columns of a vector together."""
    return family.columns if family.measure == "circle" else (", ".join(family.columns),)


def draw(picture: Figure, spec: SubplotSpec, scene: Scene, family: Family) -> str:
    """A circle for each column; what their caption says."""
    shown = style.panels(picture, spec, _columns(family), ACROSS, projection="polar")
    for name, axes, title, _ in shown:
        assert isinstance(axes, PolarAxes)
        panel(axes, scene, *around(scene, family, name))
        axes.set_title(title)
    return "Areas are proportional to rows and to densities. Black: the sum of the curves."


def around(scene: Scene, family: Family, name: str) -> tuple[Array, Array, Array]:
    """The rows' angles in radians (n,), and the components' densities (K, points) by angle."""
    turn = np.linspace(0, 2 * np.pi, POINTS)
    if family.measure == "circle":
        unit = np.pi / 180 if family.options.get("degrees") else 1.0
        return scene.column(name) * unit, turn, scene.densities([name], turn[None] / unit)
    across, up = (scene.column(column) for column in family.columns)
    circle = np.vstack([np.cos(turn), np.sin(turn)])
    return np.arctan2(up, across), turn, scene.densities(family.columns, circle)


def panel(axes: PolarAxes, scene: Scene, angles: Array, turn: Array, curves: Array) -> None:
    """Sectors in which the rows' colours lie one outside the other, and the curves."""
    seen = ~np.isnan(angles)
    masses = scene.masses[:, seen]
    ends = np.linspace(0, 2 * np.pi, SECTORS + 1)
    density = bins.by_colour(angles[seen] % (2 * np.pi), masses, ends) / masses.sum() / ends[1]
    inner = np.zeros(SECTORS)
    for look, own in zip(scene.looks, density, strict=True):
        outer = np.sqrt(inner**2 + own)
        axes.bar(
            ends[:-1], outer - inner, width=ends[1], bottom=inner, align="edge", color=look,
            alpha=0.35, linewidth=0.3, edgecolor="white",
        )  # fmt: skip
        inner = outer
    axes.plot(turn, np.sqrt(curves.sum(axis=0)), color=style.INK, linewidth=1)
    for k, (look, curve) in enumerate(zip(scene.looks, curves, strict=True)):
        axes.plot(turn, np.sqrt(curve), color=look, linestyle=style.dashes(k))
    axes.yaxis.set_major_locator(MaxNLocator(3))
    axes.set_yticklabels([])
    axes.set_ylim(0)
    axes.grid(linewidth=0.4, color=style.PALE)
