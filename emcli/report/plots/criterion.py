"""The criterion by the number of components, a line a model, the choice marked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from emcli import palette
from emcli.errors import UsageError
from emcli.report.plots import style
from emcli.report.plots.scene import Scene
from emcli.settings import Plotting

Point = tuple[int, float]  # k and the criterion there


def lines(selection: Sequence[Mapping[str, Any]], criterion: str) -> dict[str, list[Point]]:
    """Every model's points by k; fits without a criterion have none. Best models first."""
    found: dict[str, list[Point]] = {}
    for row in selection:
        if row.get(criterion) is not None:
            found.setdefault(row["model"], []).append((row["k"], row[criterion]))
    best = {model: min(value for _, value in points) for model, points in found.items()}
    return {model: sorted(found[model]) for model in sorted(found, key=lambda m: best[m])}


def draw(scene: Scene, ask: Plotting) -> Figure:
    """The picture."""
    fitted = scene.fitted
    found = lines(fitted.selection, fitted.criterion)
    if not found:
        raise UsageError("these parameters were not chosen among fits", "fit with -k 1-9, say")
    picture = style.figure()
    axes = picture.subplots()
    looks = list(palette.HEX.values()) if len(found) > 1 else [style.INK]
    handles = [
        axes.plot(
            *zip(*points, strict=True), color=looks[i % len(looks)], marker=style.marker(i),
            linestyle=style.dashes(i // len(looks)), linewidth=1,
        )[0]
        for i, points in enumerate(found.values())
    ]  # fmt: skip
    chosen = dict(found[fitted.mixture.name])[fitted.mixture.k]
    axes.plot(
        fitted.mixture.k, chosen, "o", markersize=11, markerfacecolor="none",
        markeredgecolor=style.INK, zorder=5,
    )  # fmt: skip
    axes.annotate(
        f"chosen: k = {fitted.mixture.k}, {chosen:,.2f}", (fitted.mixture.k, chosen),
        xytext=(0, -9), textcoords="offset points", ha="center", va="top",
    )  # fmt: skip
    axes.margins(0.06, 0.12)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    ks = [k for points in found.values() for k, _ in points]
    axes.set_xlim(min(ks) - 0.5, max(ks) + 0.5)
    axes.set_xlabel("k, the number of components")
    axes.set_ylabel(f"{fitted.criterion.upper()} (smaller is better)")
    if len(found) > 1:
        named = [style.word(model, 36) for model in found]
        axes.legend(handles, named, loc="upper left", bbox_to_anchor=(1.01, 1))
    else:
        axes.set_title(style.word(next(iter(found)), 80), loc="left")
    return picture
