"""Categories: the probability of each level in each component."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import SubplotSpec

from emcli.families.base import Family
from emcli.report.plots import style
from emcli.report.plots.levels import Profile, chosen, profiles
from emcli.report.plots.scene import Scene

LINES = True
ACROSS, MOST = 24, 96  # levels side by side on a page, and in all


def height(scene: Scene, family: Family) -> float:
    """Inches that the panels want, with their axes."""
    rows = len(lines_of(profiles(scene, family)))
    return 3.4 if rows == 1 == len(scene.blocks) else 2.3 * rows


def draw(picture: Figure, spec: SubplotSpec, scene: Scene, family: Family) -> str:
    """A panel for each profile, its width by the number of levels; what the caption says."""
    found = profiles(scene, family)
    rows = lines_of(found)
    outer = spec.subgridspec(len(rows), 1)
    for number, row in enumerate(rows):
        widths = [len(one.levels) + 1 for one in row]
        inner = outer[number].subgridspec(1, len(row), width_ratios=widths)
        for j, one in enumerate(row):
            axes = picture.add_subplot(inner[j])
            panel(axes, scene, one)
            if j:
                axes.tick_params(labelleft=False)
            else:
                axes.set_ylabel(one.what)
    left = sum(len(one.levels) for one in found) - sum(len(o.levels) for row in rows for o in row)
    more = f" The {left} levels in which the components differ least are not shown." if left else ""
    return f"Grey bars: shares among the rows.{more}"


def lines_of(found: Sequence[Profile]) -> list[list[Profile]]:
    """Profiles in lines that fit the page, long ones in pieces."""
    rows: list[list[Profile]] = []
    room = 0
    for one in chosen(found, MOST):
        for start in range(0, len(one.levels), ACROSS):
            piece = one.only(np.arange(start, min(start + ACROSS, len(one.levels))))
            if not rows or room < len(piece.levels):
                rows.append([])
                room = ACROSS
            rows[-1].append(piece)
            room -= len(piece.levels) + 1
    return rows


def panel(axes: Axes, scene: Scene, one: Profile) -> None:
    """A bar for each level's share of the rows, and a line for each component."""
    places = np.arange(len(one.levels))
    axes.bar(places, one.shares, width=0.62, color=style.PALE, alpha=0.45)
    aside = min(0.1, 0.5 / scene.k)  # so that none hides another
    for k, (look, own) in enumerate(zip(scene.looks, one.probabilities, strict=True)):
        axes.plot(
            places + aside * (k - (scene.k - 1) / 2), own, color=look, marker=style.marker(k),
            linestyle=style.dashes(k), linewidth=1, markersize=5, clip_on=False, zorder=3,
        )  # fmt: skip
    axes.set_xlim(-0.6, len(places) - 0.4)
    axes.set_ylim(0, 1.0)
    words = [style.word(level, 20) for level in one.levels]
    longest = max(map(len, words))
    tilted = longest > 5 if len(places) > 3 else longest > 12
    axes.set_xticks(
        places, words, rotation=40 if tilted else 0, ha="right" if tilted else "center",
        rotation_mode="anchor" if tilted else "default",
    )  # fmt: skip
    axes.set_title(style.word(one.title, 3 + 4 * len(words)), loc="left")
