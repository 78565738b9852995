"""The components among the rows: one panel, or set of panels, for each block of columns."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from matplotlib.figure import Figure

from emcli.families.base import Family
from emcli.report.plots import style
from emcli.report.plots.scene import Scene
from emcli.settings import Plotting

MOST_PAIRED = 6  # columns of which every pair is shown


def draw(scene: Scene, ask: Plotting) -> Figure:
    """The picture."""
    blocks = [(sort_of(family, scene.last is not None), family) for family in scene.blocks]
    heights = [sort.height(scene, family) for sort, family in blocks]
    picture = style.figure(height=0.7 + sum(heights))
    grid = picture.add_gridspec(len(blocks), 1, height_ratios=heights)
    said = [
        sort.draw(picture, grid[number], scene, family)
        for number, (sort, family) in enumerate(blocks)
    ]
    style.legend(picture, style.key(scene, any(sort.LINES for sort, _ in blocks)))
    style.caption(picture, *said, scene.drawn)
    return picture


def sort_of(family: Family, moving: bool = False) -> ModuleType:
    """The module that draws such a block; a moving picture has one panel where it can.

    Each has `height(scene, family)` in inches, `draw(picture, spec, scene, family)`, which fills
    its place in the picture and returns what the caption should say, and `LINES`: do its
    components have line styles?
    """
    return import_module(f"emcli.report.plots.{_name(family, moving)}")


def _name(family: Family, moving: bool) -> str:
    d = len(family.columns)
    if family.conditional:
        return "lines"
    if family.measure in ("circle", "sphere"):
        return "sphere" if family.measure == "sphere" and d > 2 else "rose"
    if family.kind in ("category", "binary") or family.correlated:
        return "profiles"
    if family.kind == "count":
        return "bars"
    if d <= 2:
        return ("curves", "points")[d - 1]
    return "pairs" if d <= MOST_PAIRED and not moving else "directions"
