"""How EM came to its end: the log-likelihood and the gain still to come, pass by pass."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator, NullFormatter

from emcli import palette
from emcli.errors import InputError
from emcli.numerics import Array
from emcli.replay import SAME
from emcli.report.plots import style
from emcli.report.plots.scene import Scene
from emcli.report.trace import Recorded, read
from emcli.settings import Plotting

# Nearer than this to the best, log-likelihoods are told apart by rounding alone.
NEAREST = 1e-9
BEST = palette.HEX["blue"]
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def draw(scene: Scene, ask: Plotting) -> Figure:
    """The picture."""
    runs, said = _traced(scene, ask.trace) if ask.trace else _plain(scene)
    best = max(runs, key=lambda run: run.log_likelihood[-1])
    top = max(float(run.log_likelihood.max()) for run in runs)
    known = float(scene.fitted.fit["log_likelihood"])
    top = max(top, known) if known - top < SAME else top  # of other rows it says nothing
    if not any((top - run.log_likelihood > NEAREST).any() for run in runs):
        raise InputError("EM began where it ended: of its convergence there is nothing to see")
    picture = style.figure(height=5.4)
    upper, lower = picture.subplots(2, 1, sharex=True)
    for run in sorted(runs, key=lambda run: run is best):
        _line(upper, run, top - run.log_likelihood, run is best)
        _line(lower, run, run.remaining, run is best)
    if not any((run.remaining > NEAREST).any() for run in runs):
        lower.set_ylim(NEAREST, 1)
    for axes in (upper, lower):
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(_power)
        axes.yaxis.set_minor_formatter(NullFormatter())
    upper.invert_yaxis()
    upper.set_ylabel("nats below the best")
    lower.set_ylabel("gain still to come, nats")
    lower.set_xlabel("pass over the rows")
    lower.set_xlim(left=0)
    lower.xaxis.set_major_locator(MaxNLocator(integer=True))
    _legend(picture, runs, best)
    style.caption(picture, *said)
    return picture


def _traced(scene: Scene, path: str) -> tuple[list[Recorded], list[str]]:
    """The runs of the fit's own model and k, and what there is to say."""
    wanted = scene.fitted.mixture.name, scene.k
    found = [run for run in read(path) if (run.model, run.k) == wanted]
    if not found:
        raise InputError(
            f"{path} tells nothing of {wanted[0]} with k = {wanted[1]}",
            "give the trace that was written with these parameters",
        )
    return found, []


def _plain(scene: Scene) -> tuple[list[Recorded], list[str]]:
    """Plain EM from the start the fit came from, and what there is to say."""
    replay = scene.replay
    reached = np.array([step.log_likelihood for step in replay.steps])
    left = np.array([np.nan if gain is None else gain for gain in replay.remaining])
    run = Recorded(
        scene.fitted.mixture.name, scene.k, replay.name, np.arange(len(reached), dtype=float),
        reached, left, np.zeros(len(reached), dtype=bool),
    )
    said = f"Plain EM, without acceleration, run again from the {replay.name} start that the fit "
    return [run], [said + "came from; --trace shows every start as it went.", replay.elsewhere]


def _line(axes: Axes, run: Recorded, values: Array, best: bool) -> None:
    """One run on a logarithmic scale, its jumps marked."""
    shown = values > NEAREST  # nor NaN
    look, width = (BEST, 1.6) if best else (style.PALE, 0.8)
    axes.plot(run.passes[shown], values[shown], color=look, linewidth=width)
    jumps = shown & run.jumps
    axes.plot(
        run.passes[jumps], values[jumps], "^", color=look, markersize=3.5 if best else 2.5,
        markeredgewidth=0,
    )


def _power(value: float, position: int) -> str:
    """A power of ten as people write it."""
    return "10" + str(round(math.log10(value))).translate(_RAISED)


def _legend(picture: Figure, runs: Sequence[Recorded], best: Recorded) -> None:
    reached = f"{best.log_likelihood[-1]:.4f}".replace("-", "−")
    handles = [Line2D([], [], color=BEST, label=f"{best.start_name} start, {reached}")]
    if len(runs) > 1:
        handles.append(Line2D([], [], color=style.PALE, label=f"{len(runs) - 1} other runs"))
    if any(run.jumps.any() for run in runs):
        handles.append(Line2D(
            [], [], color=style.SOFT, marker="^", linestyle="none", label="a jump of acceleration",
        ))  # fmt: skip
    style.legend(picture, handles)
