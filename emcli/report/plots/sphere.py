"""Directions in space: the rows on a map of the sphere, each component's mean and spread."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import SubplotSpec

from emcli.families.base import Family
from emcli.numerics import Array
from emcli.report.plots import points, style
from emcli.report.plots.scene import Scene

LINES = False


def height(scene: Scene, family: Family) -> float:
    """Inches that the map wants."""
    return 4.2 if len(scene.blocks) == 1 else 3.2


def draw(picture: Figure, spec: SubplotSpec, scene: Scene, family: Family) -> str:
    """The map; what its caption says."""
    axes = picture.add_subplot(spec)
    rows = np.array([scene.column(name) for name in family.columns])
    rows = rows / np.sqrt((rows**2).sum(axis=0))
    means = np.array([entry["mean_direction"] for entry in _entries(scene, family)])
    across, up, what = _plane(family.columns, means)
    x, y = across @ rows, up @ rows
    view = points.View((-1.08, 1.08), (-1.08, 1.08))
    turn = np.linspace(0, 2 * np.pi, 200)
    axes.plot(np.cos(turn), np.sin(turn), color=style.PALE, linewidth=0.8)
    points.cloud(axes, scene, x, y, view)
    _spokes(axes, scene, means @ np.array([across, up]).T)
    axes.set_aspect("equal")
    axes.set_xlim(view.x)
    axes.set_ylim(view.y)
    axes.set_xlabel("towards the largest component's mean direction")
    axes.set_ylabel("across it, towards the others'")
    return what


def _entries(scene: Scene, family: Family) -> list[dict[str, object]]:
    """The block's entry of each component that has such a one."""
    return [
        entry for entries in scene.distributions for entry in entries
        if entry["columns"] == list(family.columns) and "mean_direction" in entry
    ]  # fmt: skip


def _plane(names: tuple[str, ...], means: Array) -> tuple[Array, Array, str]:
    """Two orthogonal unit vectors (d,): the first mean direction, and where the others lie."""
    across = means[0] / np.linalg.norm(means[0])
    rest = means - np.outer(means @ across, across)
    _, strength, axes = np.linalg.svd(rest)
    up = axes[0] if strength[0] > 1e-9 else _aside(across)
    up = up * np.sign(up[np.abs(up).argmax()])
    listed = style.word(", ".join(names), 60)
    return across, up, f"Unit vectors of {listed} in the plane of the mean directions (the spokes)."


def _aside(across: Array) -> Array:
    """Any direction across that one."""
    up = np.eye(len(across))[np.abs(across).argmin()]
    up = up - (up @ across) * across
    found: Array = up / np.linalg.norm(up)
    return found


def _spokes(axes: Axes, scene: Scene, tips: Array) -> None:
    for k, tip in enumerate(tips):
        axes.plot(
            [0, tip[0]], [0, tip[1]], color=scene.looks[k], marker=style.marker(k), markersize=9,
            markeredgecolor="white", markevery=[1], zorder=3,
        )  # fmt: skip
