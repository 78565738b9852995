"""Two columns of real numbers: points, ellipses, and contours of the mixture's density."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.gridspec import SubplotSpec
from matplotlib.patheffects import withStroke

from emcli.families.base import Family
from emcli.frozen import frozen
from emcli.numerics import Array
from emcli.report.plots import bins, shapes, style
from emcli.report.plots.scene import Scene

MANY = 20_000  # rows that are binned and not drawn
CELLS = 140  # of the grids, along each side
LINES = False


@frozen
class View:
    """The part of a plane that is shown: low and high of x, then of y."""

    x: tuple[float, float]
    y: tuple[float, float]

    def ends(self, cells: int) -> tuple[Array, Array]:
        """The ends of an even grid's cells."""
        return np.linspace(*self.x, cells + 1), np.linspace(*self.y, cells + 1)


def height(scene: Scene, family: Family) -> float:
    """Inches that the panel wants, with its axis."""
    return 4.6 if len(scene.blocks) == 1 else 3.4


def draw(picture: Figure, spec: SubplotSpec, scene: Scene, family: Family) -> str:
    """The panel; what its caption says."""
    axes = picture.add_subplot(spec)
    one, two = family.columns
    panel(axes, scene, (one, two), contours=True)
    axes.set_xlabel(style.word(one))
    axes.set_ylabel(style.word(two))
    return f"{said(scene)} Thin lines: the densest regions with 25, 50, 75 and 95% of all."


def said(scene: Scene) -> str:
    """What a reader must know of rings and points."""
    paler = "fewer rows" if scene.n > MANY else "less certain"
    return f"Rings: 1 and 2 standard deviations (39 and 86% of a component). Paler: {paler}."


def panel(axes: Axes, scene: Scene, names: tuple[str, str], contours: bool) -> None:
    """Points and rings, and contours where they are asked for."""
    x, y = (scene.column(name) for name in names)
    rings = [outline(scene, k, names) for k in range(scene.k)]
    whole = all(ring for ring, behind in zip(rings, scene.behind, strict=True) if not behind)
    room = (0.1 if whole else 0.2) if contours else 0.04  # for the outermost contour
    view = seen(x, y, [ring[-1] for ring in rings if ring], room)
    axes.set_xlim(view.x)
    axes.set_ylim(view.y)
    cloud(axes, scene, x, y, view, 1.0 if contours else 0.35)
    if contours:
        _contours(axes, scene, names, view)
    for k, ring in enumerate(rings):
        if ring:
            rings_of(axes, scene, k, ring, 1.0 if contours else 0.7)
        elif not scene.behind[k]:
            _regions(axes, scene, k, names, view)


def outline(scene: Scene, k: int, names: tuple[str, str]) -> list[Array]:
    """The ellipses at 1 and 2 standard deviations, (2, points) each; none for other shapes."""
    found = shapes.moments(scene.distributions[k], names)
    return [] if found is None else [shapes.ellipse(*found, radius) for radius in (1.0, 2.0)]


def seen(x: Array, y: Array, rings: list[Array], room: float) -> View:
    """The part of the plane that holds all rows and rings; room: a share of it, on each side."""
    sides = []
    for values, own in ((x, [ring[0] for ring in rings]), (y, [ring[1] for ring in rings])):
        low = min([float(np.nanmin(values)), *(float(side.min()) for side in own)])
        high = max([float(np.nanmax(values)), *(float(side.max()) for side in own)])
        beside = room * (high - low) or 0.5
        sides.append((low - beside, high + beside))
    return View(*sides)


def cloud(
    axes: Axes, scene: Scene, x: Array, y: Array, view: View, scale: float = 1.0
) -> None:
    """The rows: points in their colours, or where there are too many of them their density."""
    both = ~(np.isnan(x) | np.isnan(y))
    if np.count_nonzero(both) > MANY:
        masses = scene.masses[:, both]
        image = mixed(bins.on_grid(x[both], y[both], masses, *view.ends(CELLS)), scene.looks)
        axes.imshow(
            image, extent=(*view.x, *view.y), origin="lower", aspect="auto",
            interpolation="nearest",
        )  # fmt: skip
        return
    opacities = style.opacity(scene.responsibilities)
    size = scale * float(np.clip(5_000 / max(len(x), 1), 4, 20))
    for k, look in enumerate(scene.looks):
        own = both & (scene.best == k)
        axes.scatter(
            x[own], y[own], s=size, marker=style.marker(k), linewidths=0,
            c=style.shades(look, opacities[own]),
        )  # fmt: skip


def mixed(counts: Array, looks: tuple[str, ...]) -> Array:
    """(rows, columns, 4): each cell in its colours' blend, the paler the fewer rows it holds."""
    total = counts.sum(axis=0)
    blend = np.einsum("kij,kc->ijc", counts, np.array([to_rgb(look) for look in looks]))
    full = total > 0
    image = np.ones((*total.shape, 4))
    image[full, :3] = blend[full] / total[full][:, None]
    image[..., 3] = np.where(full, 0.2 + 0.8 * np.sqrt(total / total.max()), 0.0)
    return image


def rings_of(
    axes: Axes, scene: Scene, k: int, rings: list[Array], scale: float = 1.0
) -> None:
    """A component's ellipses: the inner one heavier."""
    for ring, width in zip(rings, (1.5, 1.0), strict=True):
        axes.plot(
            *ring, color=scene.looks[k], linewidth=scale * width, linestyle=style.dashes(k),
            path_effects=[withStroke(linewidth=scale * (width + 1.2), foreground="white")],
        )  # fmt: skip


def grid(scene: Scene, names: tuple[str, str], view: View) -> tuple[Array, Array, Array]:
    """x, y and the components' densities (K, rows, columns) at the middles of an even grid."""
    x, y = ((ends[:-1] + ends[1:]) / 2 for ends in view.ends(CELLS))
    where = np.array([np.tile(x, CELLS), np.repeat(y, CELLS)])
    return x, y, scene.densities(names, where).reshape(scene.k, CELLS, CELLS)


def _contours(axes: Axes, scene: Scene, names: tuple[str, str], view: View) -> None:
    x, y, density = grid(scene, names, view)
    total = density.sum(axis=0)
    if levels := shapes.levels(total, (0.95, 0.75, 0.5, 0.25)):
        axes.contour(x, y, total, levels=levels, colors=style.PALE, linewidths=0.6)


def _regions(axes: Axes, scene: Scene, k: int, names: tuple[str, str], view: View) -> None:
    """What ellipses are to a normal: the densest regions that hold as much."""
    x, y, density = grid(scene, names, view)
    if levels := shapes.levels(density[k], shapes.SHARES):
        axes.contour(
            x, y, density[k], levels=levels, colors=scene.looks[k], linewidths=(1.0, 1.5),
            linestyles=[style.dashes(k)],
        )  # fmt: skip
