"""Counts: how often each number occurs, and how often the fit expects it."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import SubplotSpec
from matplotlib.ticker import MaxNLocator

from emcli.families.base import Family
from emcli.numerics import Array
from emcli.report.plots import bins, information, style
from emcli.report.plots.scene import Scene

LINES = True
ACROSS, MOST = 3, 15  # panels side by side, and in all
MOST_SETTINGS = 200  # of the columns read beside the counts (trials)


def height(scene: Scene, family: Family) -> float:
    """Inches that the panels want, with their axes."""
    rows = -(-min(len(family.columns), MOST) // ACROSS)
    return 3.6 if len(scene.blocks) == len(family.columns) == 1 else 2.2 * rows


def draw(picture: Figure, spec: SubplotSpec, scene: Scene, family: Family) -> str:
    """A panel for each column; what their caption says."""
    names = family.columns
    if len(names) > MOST:
        best = [one.label for one in information.told(scene) if one.label in names][:MOST]
        names = tuple(name for name in names if name in best)
    for name, axes, title, first in style.panels(picture, spec, names, ACROSS):
        panel(axes, scene, family, name)
        axes.set_xlabel(title)
        if first:
            axes.set_ylabel("rows")
    left = len(family.columns) - len(names)
    more = f" The {left} columns that tell least of the colours are not shown." if left else ""
    return f"Bars: rows that were counted. Lines: rows expected; black: all together.{more}"


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
        masses = scene.densities([name], np.vstack([whole, around]), beside)
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
