"""Categories: the probability of each level in each component."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import SubplotSpec

from emcli.families.base import Family
from emcli.numerics import Array
from emcli.report.plots import style
from emcli.report.plots.scene import Scene

LINES = True
MOST_LEVELS = 24  # side by side on a page


class Profile(NamedTuple):
    """Levels next to each other: of what, their names, their probabilities in each component
    (K, L), and their shares of the rows (L,); what the probabilities are."""

    title: str
    levels: list[str]
    probabilities: Array
    shares: Array
    what: str = "probability"


def height(scene: Scene, family: Family) -> float:
    """Inches that the panels want, with their axes."""
    rows = len(lines_of(profiles(scene, family)))
    return 3.4 if rows == 1 == len(scene.blocks) else 2.3 * rows


def draw(picture: Figure, spec: SubplotSpec, scene: Scene, family: Family) -> str:
    """A panel for each profile, its width by the number of levels; what the caption says."""
    rows = lines_of(profiles(scene, family))
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
    return "Grey bars: shares among the rows."


def lines_of(found: Sequence[Profile]) -> list[list[Profile]]:
    """Profiles in lines that fit the page."""
    rows: list[list[Profile]] = []
    room = 0
    for one in found:
        if not rows or room < len(one.levels):
            rows.append([])
            room = MOST_LEVELS
        rows[-1].append(one)
        room -= len(one.levels) + 1
    return rows


def profiles(scene: Scene, family: Family) -> list[Profile]:
    """One for each column; for columns of two levels, one of all; for counts of categories too."""
    if family.kind == "category":
        return [_of_column(scene, name) for name in family.columns]
    if family.kind == "binary":
        each = [_of_column(scene, name) for name in family.columns]
        seconds = {one.levels[1] for one in each}
        whose = seconds.pop() if len(seconds) == 1 else "the second level"
        return [Profile(
            "", [one.title for one in each],
            np.column_stack([one.probabilities[:, 1] for one in each]),
            np.array([one.shares[1] for one in each]), f"probability of {whose}",
        )]  # fmt: skip
    return [_of_counts(scene, family)]


def _of_column(scene: Scene, name: str) -> Profile:
    """A column of levels."""
    levels = scene.levels(name)
    codes = np.arange(len(levels), dtype=float)
    weights = scene.fitted.mixture.weights[:, None]
    density = scene.densities([name], codes[None]) / np.where(weights > 0, weights, 1.0)
    values = scene.column(name)
    seen = ~np.isnan(values)
    counted = np.bincount(values[seen].astype(int), scene.weights[seen], len(levels))
    return Profile(name, levels, density, counted / counted.sum())


def _of_counts(scene: Scene, family: Family) -> Profile:
    """Columns that count the categories of one thing."""
    probabilities = np.array([
        next(_probabilities(entry) for entry in entries if entry["columns"] == list(family.columns))
        for entries in scene.distributions
    ])
    sums = np.array([scene.column(name) @ scene.weights for name in family.columns])
    return Profile("", list(family.columns), probabilities, sums / sums.sum())


def _probabilities(entry: Any) -> list[float]:
    found: list[float] = entry["probabilities"]
    return found


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
    longest = max(map(len, one.levels))
    tilted = longest > 5 if len(places) > 3 else longest > 12
    axes.set_xticks(
        places, one.levels, rotation=40 if tilted else 0, ha="right" if tilted else "center",
        rotation_mode="anchor" if tilted else "default",
    )  # fmt: skip
    axes.set_title(one.title, loc="left")
