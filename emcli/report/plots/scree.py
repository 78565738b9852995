"""What each column tells of the colours, in nats and as a share of what there is to know."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from emcli.report.plots import information, style
from emcli.report.plots.scene import Scene
from emcli.settings import Plotting

MOST = 40  # bars on a page
LONGEST = 28  # letters of a label


def draw(scene: Scene, ask: Plotting) -> Figure:
    """The picture: a bar for each column, the most telling first."""
    found = information.told(scene)
    shown = found[:MOST]
    whole = information.between(scene.responsibilities, scene.weights)
    most = float(information.entropy(scene.responsibilities @ scene.weights / scene.total))
    picture = style.figure(height=1.5 + 0.24 * len(shown))
    axes = picture.subplots()
    places = np.arange(len(shown))
    axes.barh(places, [one.nats for one in shown], height=0.62, color=style.SOFT)
    for place, one in zip(places, shown, strict=True):
        share = f"{one.nats / most:.0%}" if most > 0 else ""
        axes.annotate(
            f"{one.nats:.3f}  {share}", (one.nats, place), xytext=(4, 0),
            textcoords="offset points", va="center", fontsize=7.5,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},
        )  # fmt: skip
    axes.axvline(whole, color=style.INK, linewidth=0.9)
    axes.axvline(most, color=style.PALE, linewidth=0.9, linestyle="--")
    axes.set_yticks(places, [style.word(one.label, LONGEST) for one in shown])
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(len(shown) - 0.4, -0.6)
    axes.set_xlim(0, 1.12 * max(most, whole) or 1.0)
    axes.set_xlabel("information about the colour, in nats")
    left = f" The {len(found) - MOST} least telling are not shown." if len(found) > MOST else ""
    style.caption(
        picture,
        "Bars: how much knowing a column, and nothing else, lowers the uncertainty (entropy) about "
        f"a row's colour. Black line: all columns together, {whole:.3f}. Dashed: all there is to "
        f"know, {most:.3f}.{left}",
    )  # fmt: skip
    return picture
