"""Three to six columns of real numbers: every pair of them, and each by itself."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import SubplotSpec
from matplotlib.ticker import MaxNLocator

from emcli.families.base import Family
from emcli.report.plots import curves, points, style
from emcli.report.plots.scene import Scene

LINES = False
NAME = 18  # letters of a name that have room


def height(scene: Scene, family: Family) -> float:
    """Inches that the panels want, with their axes."""
    return 1.0 + 1.3 * min(len(family.columns), 4)


def draw(picture: Figure, spec: SubplotSpec, scene: Scene, family: Family) -> str:
    """The panels below and on the diagonal; what their caption says."""
    names = family.columns
    d = len(names)
    grid = spec.subgridspec(d, d)
    for i, low in enumerate(names):
        for j, left in enumerate(names[: i + 1]):
            axes = picture.add_subplot(grid[i, j])
            if i == j:
                curves.panel(axes, scene, low)
                axes.set_yticks([])
                axes.spines["left"].set_visible(False)
            else:
                points.panel(axes, scene, (left, low), contours=False)
            _labelled(axes, left if i == d - 1 else "", low if j == 0 and i else "")
    return f"{points.said(scene)} {curves.BARS}"


def _labelled(axes: Axes, below: str, left: str) -> None:
    """Names and numbers at the outer panels only."""
    axes.xaxis.set_major_locator(MaxNLocator(3))
    if not left:
        axes.tick_params(labelleft=False)
    else:
        axes.yaxis.set_major_locator(MaxNLocator(3))
        axes.set_ylabel(style.word(left, NAME))
    axes.set_xlabel(style.word(below, NAME))
    if not below:
        axes.tick_params(labelbottom=False)
