"""The textbook's picture of EM, of the user's rows: the likelihood and the bounds below it."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from emcli import palette
from emcli.errors import UsageError
from emcli.lower_bound import Curves, curves, instructive
from emcli.replay import Replay
from emcli.report.plots import style
from emcli.report.plots.scene import Scene
from emcli.settings import Plotting

# The share of the height that the likelihood has at least, where the bounds fall deep.
LEAST = 0.5
# Names of iterates that are nearer than this share of the width would overlap.
ROOM = 0.12
LOOKS = (palette.HEX["blue"], palette.HEX["orange"])


def draw(scene: Scene, ask: Plotting) -> Figure:
    """The picture."""
    replay = scene.replay
    t = _iteration(replay, ask.iteration)
    found = curves(replay.steps[t : t + 3], replay.source)
    picture = style.figure()
    axes = picture.subplots()
    lines = _lines(axes, found, t)
    _iterates(axes, found, t)
    picture.legend(
        handles=lines, loc="outside upper center", ncols=3, columnspacing=1.4, handletextpad=0.5
    )
    style.caption(picture, *_said(replay, found, t))
    return picture


def _iteration(replay: Replay, asked: int | None) -> int:
    """The step at which the picture begins: as asked, or one that tells much."""
    latest = replay.last - 2
    begun, reached = (replay.steps[i].log_likelihood for i in (0, -1))
    if latest < 0 or reached - begun <= 1e-12 * abs(reached):  # no more than rounding
        raise UsageError(
            "EM has nothing to climb here: its start is the maximum", "fit more components, -k 2"
        )
    if asked is None:
        return instructive(replay.steps)
    if asked > latest:
        raise UsageError(
            f"EM converged in {replay.last} steps from this start",
            f"the last picture is --iteration {latest}",
        )
    return asked


def _lines(axes: Axes, found: Curves, t: int) -> list[Line2D]:
    """The likelihood above, the bounds below it, each as far as the picture goes."""
    lines = axes.plot(found.x, found.likelihood, color=style.INK, label="log-likelihood")
    for i, (bound, look) in enumerate(zip(found.bounds, LOOKS, strict=True)):
        lines += axes.plot(
            found.x, bound, color=look, linestyle=style.dashes(i + 1),
            label=f"bound of the E step at θ({t + i})",
        )  # fmt: skip
    axes.set_xlim(found.x[0], found.x[-1])
    axes.set_ylim(*_heights(found))
    axes.set_ylabel("log-likelihood")
    axes.locator_params(axis="y", nbins=6)
    return lines


def _heights(found: Curves) -> tuple[float, float]:
    """Low and high: both curves where they meet and part, and the likelihood not flattened."""
    top = max(found.likelihood.max(), found.bounds.max())
    between = (found.x >= found.knots[0]) & (found.x <= found.knots[2])
    deep = top - min(found.likelihood.min(), found.bounds[:, between].min())
    deep = min(deep, (top - found.likelihood.min()) / LEAST)
    return top - 1.05 * deep, top + 0.08 * deep


def _iterates(axes: Axes, found: Curves, t: int) -> None:
    """Dots where the bounds touch and top out, and a thin line down to each iterate's name."""
    reached = [step.log_likelihood for step in found.steps]
    axes.vlines(
        found.knots, axes.get_ylim()[0], reached, color=style.SOFT, linewidth=0.6, zorder=1
    )
    axes.plot(found.knots, reached, "o", color=style.INK, markersize=4.5, zorder=4)
    for bound, knot, look in zip(found.bounds, found.knots[1:], LOOKS, strict=True):
        top = bound[np.searchsorted(found.x, knot)]
        axes.plot(knot, top, "o", color=look, markerfacecolor="white", markersize=4.5, zorder=4)
    digits = 1 - math.floor(math.log10(max(reached[2] - reached[0], 1e-9)))
    digits = min(max(digits, 2), 6)
    for i, (knot, level, side) in enumerate(zip(found.knots, reached, _sides(found), strict=True)):
        axes.annotate(
            f"θ({t + i})\n{level:.{digits}f}".replace("-", "−"), (knot, 0), ha=side, va="top",
            xycoords=("data", "axes fraction"), xytext=(0, -6), textcoords="offset points",
        )  # fmt: skip
    axes.set_xticks(found.knots, ["\n"] * 3)
    axes.set_xlabel("the path of EM")


def _sides(found: Curves) -> tuple[str, str, str]:
    """How the iterates' names are aligned: away from each other where there is little room."""
    whole = found.x[-1] - found.x[0]
    first, second = np.diff(found.knots) < ROOM * whole
    if first:
        return "right", "left", "center"
    return ("center", "right", "left") if second else ("center", "center", "center")


def _said(replay: Replay, found: Curves, t: int) -> list[str]:
    """What a reader must know."""
    reached = [step.log_likelihood for step in found.steps]
    gained = [after - before for before, after in pairwise(reached)]
    exact = found.steps[0].mixture.exact
    return [
        f"Plain EM from the {replay.name} start that the fit came from, steps {t} to {t + 2} of "
        f"{replay.last}: the log-likelihood rises by {gained[0]:.4g} and {gained[1]:.4g}.",
        "Each E step builds a lower bound that touches the log-likelihood where it was taken;",
        "the M step goes to where the bound is highest." if exact else
        "the M step is no exact maximum of it here, but a step uphill.",
        replay.elsewhere,
    ]
