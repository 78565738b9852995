"""How sure the colours are: every row's largest probability, in order."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

from emcli.numerics import Array, Codes
from emcli.report.plots import style
from emcli.report.plots.scene import Scene
from emcli.settings import Plotting

MOST = 1_500  # points of the picture


def draw(scene: Scene, ask: Plotting) -> Figure:
    """The picture: a point for each row, in its colour, the least sure first."""
    picture = style.figure()
    axes = picture.subplots()
    largest = scene.responsibilities.max(axis=0)
    order, rank = ordered(largest, scene.weights)
    axes.plot(rank, largest[order], color=style.PALE, linewidth=0.8)
    for k, look in enumerate(scene.looks):
        own = scene.best[order] == k
        if not own.any():
            continue
        axes.plot(
            rank[own], largest[order][own], color=look, marker=style.marker(k), linestyle="none",
            markersize=4, clip_on=False, zorder=3,
        )  # fmt: skip
    axes.axhline(1 / scene.k, color=style.PALE, linewidth=0.8, linestyle="--")
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:,.10g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_ylim(min(1 / scene.k, 0.98) - 0.02, 1.0)
    axes.set_xlabel("rows, the least sure first")
    axes.set_ylabel("probability of the colour shown")
    style.legend(picture, style.key(scene, lines=False))
    guess = f"Dashed: 1/{scene.k}, a guess." if scene.k > 1 else ""
    style.caption(picture, _sentence(largest, scene.weights), guess)
    return picture


def ordered(largest: Array, weights: Array) -> tuple[Codes, Array]:
    """Rows by increasing probability, and the weight up to each: of very many rows, some that lie
    evenly on a logarithmic axis."""
    order = np.argsort(largest, kind="stable")
    order = order[weights[order] > 0]
    if len(order) > MOST:
        kept = np.unique(np.geomspace(1, len(order), MOST).astype(int)) - 1
    else:
        kept = np.arange(len(order))
    return order[kept], np.cumsum(weights[order])[kept]


def _sentence(largest: Array, weights: Array) -> str:
    """How many rows are in doubt."""
    total = weights.sum()
    doubtful = {level: weights[largest < level].sum() / total for level in (0.9, 0.99)}
    return "; ".join(f"{share:.1%} of the rows are below {p:g}" for p, share in doubtful.items()) \
        + f". On average {largest @ weights / total:.1%} of the rows have the colour shown."
