"""More than six columns: the two directions in which the components lie farthest apart."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure
from matplotlib.gridspec import SubplotSpec

from emcli.families.base import Family
from emcli.numerics import Array
from emcli.report.plots import discriminants, points, shapes, style
from emcli.report.plots.scene import Scene

LINES = False
NAMED = 3  # columns that an axis names


def height(scene: Scene, family: Family) -> float:
    """Inches that the panel wants, with its axis."""
    return 4.6 if len(scene.blocks) == 1 else 3.6


def draw(picture: Figure, spec: SubplotSpec, scene: Scene, family: Family) -> str:
    """The panel; what its caption says."""
    axes = picture.add_subplot(spec)
    r = scene.settled.responsibilities
    values = np.array([scene.column(name) for name in family.columns])
    values = discriminants.filled(values, r, scene.weights)
    plane = discriminants.plane(values, r, scene.weights)
    x, y = plane.axes @ values
    rings = [
        [shapes.ellipse(*where, radius) for radius in (1.0, 2.0)]
        for where in _places(scene, family, values, plane.axes)
    ]
    view = points.seen(x, y, [ring[-1] for ring in rings], 0.05)
    axes.set_xlim(view.x)
    axes.set_ylim(view.y)
    points.cloud(axes, scene, x, y, view)
    for k, ring in enumerate(rings):
        if not scene.behind[k]:
            points.rings_of(axes, scene, k, ring)
    spread = np.nanstd(values, axis=1)
    axes.set_xlabel(_named(plane.axes[0] * spread, plane.shares[0], family.columns))
    axes.set_ylabel(_named(plane.axes[1] * spread, plane.shares[1], family.columns))
    return (
        f"The {len(family.columns)} columns in two directions, each named by the columns that "
        f"count most in it. {points.said(scene)}"
    )


def _places(
    scene: Scene, family: Family, values: Array, axes: Array
) -> list[tuple[Array, Array]]:
    """Each component's mean (2,) and covariance (2, 2) in the plane: the fitted ones, or those of
    its rows where its distribution has no ellipses."""
    found = []
    for k in range(scene.k):
        known = shapes.moments(scene.distributions[k], family.columns)
        if known is None:
            masses = scene.responsibilities[k] * scene.weights
            mean = values @ masses / masses.sum()
            away = values - mean[:, None]
            known = mean, (away * masses) @ away.T / masses.sum()
        mean, covariance = known
        found.append((axes @ mean, axes @ covariance @ axes.T))
    return found


def _named(loadings: Array, share: float | None, names: tuple[str, ...]) -> str:
    """An axis in words: its heaviest columns, with the sign they have in it."""
    heavy = np.argsort(-np.abs(loadings), kind="stable")[:NAMED]
    signed = [("+" if loadings[i] > 0 else "−") + style.word(names[i], 16) for i in heavy]
    listed = ", ".join(signed)
    more = ", …" if len(names) > NAMED else ""
    if share is None:
        return f"largest variance of the rest\n({listed}{more})"
    return f"discriminant, {share:.0%} of the separation\n({listed}{more})"
