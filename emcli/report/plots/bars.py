"""Counts: how often each number occurs, and how often the fit expects it."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import SubplotSpec
from matplotlib.ticker import MaxNLocator

from emcli.families.base import Family
from emcli.numerics import Array
from emcli.report.plots import bins, style
from emcli.report.plots.scene import Scene

LINES = True
ACROSS = 3  # panels side by side
MOST_SETTINGS = 200  # of the columns read beside the counts (trials)


def height(scene: Scene, family: Family) -> float:
    """Inches that the panels want, with their axes."""
    rows = -(-len(family.columns) // ACROSS)
    return 3.6 if len(scene.blocks) == len(family.columns) == 1 else 2.2 * rows


def draw(picture: Figure, spec: SubplotSpec, scene: Scene, family: Family) -> str:
    """A panel for each column; what their caption says."""
    across = min(len(family.columns), ACROSS)
    grid = spec.subgridspec(-(-len(family.columns) // across), across)
    for number, name in enumerate(family.columns):
        axes = picture.add_subplot(grid[divmod(number, across)])
        panel(axes, scene, family, name)
        axes.set_xlabel(name)
        if number % across == 0:
            axes.set_ylabel("rows")
    return "Bars: rows that were counted. Lines: rows the components expect; black: all together."


def panel(axes: Axes, scene: Scene, family: Family, name: str) -> None:
    """One column's bars and lines."""
    values = scene.column(name)
    ends = bins.whole_edges(values[~np.isnan(values)])
    middles = (ends[:-1] + ends[1:]) / 2
    axes.bar(
        middles, counted(scene, name, ends), width=0.8 * (ends[1] - ends[0]), color=style.PALE,
        alpha=0.6,
    )  # fmt: skip
    means = expected(scene, family, name, ends)
    small = 4.5 if len(middles) <= 25 else 0
    axes.plot(
        middles, means.sum(axis=0), color=style.INK, linewidth=1, marker=".", markersize=small
    )
    for k, (look, mean) in enumerate(zip(scene.looks, means, strict=True)):
        axes.plot(
            middles, mean, color=look, marker=style.marker(k), markersize=small,
            linestyle=style.dashes(k), linewidth=1,
        )  # fmt: skip
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.set_ylim(bottom=0)


def counted(scene: Scene, name: str, ends: Array) -> Array:
    """(b,): the weight of the rows in each bin."""
    values = scene.column(name)
    seen = ~np.isnan(values)
    return bins.by_colour(values[seen], scene.weights[None, seen], ends)[0]


def expected(scene: Scene, family: Family, name: str, ends: Array) -> Array:
    """(K, b): the weight of rows that each component is expected to have in each bin.

    Where the family reads other columns (trials), rows are taken with the values they have there.
    """
    whole = np.arange(ends[0] + 0.5, ends[-1])
    beside = family.inputs[len(family.columns) :]
    seen = ~np.isnan(scene.column(name))
    settings, shares = _settings(scene, beside, seen)
    found = np.zeros((scene.k, len(ends) - 1))
    for setting, share in zip(settings.T, shares, strict=True):
        around = np.repeat(setting[:, None], len(whole), axis=1)
        masses = scene.densities([name, *beside], np.vstack([whole, around]))
        found += share * bins.by_colour(whole, masses, ends)
    return found


def _settings(scene: Scene, names: tuple[str, ...], seen: Array) -> tuple[Array, Array]:
    """The values (columns, m) that other columns have, and the weight of their rows (m,)."""
    weights = scene.weights[seen]
    if not names:
        return np.empty((0, 1)), weights.sum(keepdims=True)
    values = np.array([scene.column(name)[seen] for name in names])
    settings, where = np.unique(values, axis=1, return_inverse=True)
    shares = np.bincount(where.ravel(), weights).astype(float)
    if len(shares) > MOST_SETTINGS:  # evenly spaced ones stand for all
        kept = np.linspace(0, len(shares) - 1, MOST_SETTINGS).astype(int)
        settings, shares = settings[:, kept], shares[kept] * shares.sum() / shares[kept].sum()
    return settings, shares
