"""One column of real numbers: the rows' histogram, each component's density, and their sum."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import SubplotSpec

from emcli.families.base import Family
from emcli.numerics import Array
from emcli.report.plots import bins, style
from emcli.report.plots.scene import Scene

POINTS = 1001  # of a curve
FEW = 150  # rows that are drawn as a rug too
LINES = True
BARS = "Bars: the rows, shared out among the colours. Black: the sum of the curves."


def height(scene: Scene, family: Family) -> float:
    """Inches that the panel wants, with its axis."""
    return 3.6 if len(scene.blocks) == 1 else 2.3


def draw(picture: Figure, spec: SubplotSpec, scene: Scene, family: Family) -> str:
    """The panel; what its caption says."""
    axes = picture.add_subplot(spec)
    name = family.columns[0]
    panel(axes, scene, name)
    axes.set_xlabel(style.word(name))
    axes.set_ylabel("density")
    if scene.n <= FEW:
        _rug(axes, scene, name)
    return BARS


def panel(axes: Axes, scene: Scene, name: str) -> None:
    """Histogram and curves, both of area 1 in all."""
    values = scene.column(name)
    seen = ~np.isnan(values)
    values, masses = values[seen], scene.masses[:, seen]
    ends = bins.edges(values, scene.settled.masses[:, seen])
    heights = bins.by_colour(values, masses, ends) / (masses.sum() * (ends[1] - ends[0]))
    base = np.zeros(len(ends) - 1)
    for look, own in zip(scene.looks, heights, strict=True):
        axes.stairs(base + own, ends, baseline=base, fill=True, color=look, alpha=0.3, linewidth=0)
        base = base + own
    x, curves = lines(scene, name, float(ends[0]), float(ends[-1]))
    total = curves.sum(axis=0)
    axes.plot(x, total, color=style.INK, linewidth=1)
    for k, (look, curve) in enumerate(zip(scene.looks, curves, strict=True)):
        axes.plot(x, curve, color=look, linestyle=style.dashes(k))
    # A density without bound must not flatten the rest.
    top = min(float(total[np.isfinite(total)].max()), 4 * float(base.max()))
    axes.set_ylim(0, 1.06 * max(top, float(base.max())))
    axes.set_xlim(x[0], x[-1])


def lines(scene: Scene, name: str, low: float, high: float) -> tuple[Array, Array]:
    """Where, and pi_k p_k there (K, points): a little beyond the rows on both sides."""
    room = 0.08 * (high - low)
    x = np.linspace(low - room, high + room, POINTS)
    return x, scene.densities([name], x[None])


def _rug(axes: Axes, scene: Scene, name: str) -> None:
    """A tick for each row, under the axis' foot."""
    values = scene.column(name)
    opacities = style.opacity(scene.responsibilities)
    for k, look in enumerate(scene.looks):
        own = scene.best == k
        axes.vlines(
            values[own], 0, 0.03, transform=axes.get_xaxis_transform(), linewidth=0.7,
            colors=[tuple(shade) for shade in style.shades(look, opacities[own])],
        )  # fmt: skip
