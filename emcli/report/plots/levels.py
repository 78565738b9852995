"""Categories in numbers: the probability of each level in each component."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from emcli.families.base import Family
from emcli.numerics import Array, Codes
from emcli.report.plots.scene import Scene


class Profile(NamedTuple):
    """Levels next to each other: of what, their names, their probabilities in each component
    (K, L), and their shares of the rows (L,); what the probabilities are."""

    title: str
    levels: list[str]
    probabilities: Array
    shares: Array
    what: str = "probability"

    @property
    def told(self) -> Array:
        """(L,): how far the components' probabilities are apart."""
        return np.ptp(self.probabilities, axis=0)

    def only(self, which: Codes) -> Profile:
        """Some of the levels."""
        return self._replace(
            levels=[self.levels[i] for i in which],
            probabilities=self.probabilities[:, which], shares=self.shares[which],
        )  # fmt: skip


def profiles(scene: Scene, family: Family) -> list[Profile]:
    """One for each column; for columns of two levels, one of all; for counts of categories too."""
    if family.kind not in ("category", "binary"):
        return [_of_counts(scene, family)]
    each = [_of_column(scene, name) for name in family.columns]
    if family.kind == "binary" and len(each) > 1:
        seconds = {one.levels[1] for one in each}
        whose = seconds.pop() if len(seconds) == 1 else "the second level"
        return [Profile(
            "", [one.title for one in each],
            np.column_stack([one.probabilities[:, 1] for one in each]),
            np.array([one.shares[1] for one in each]), f"probability of {whose}",
        )]  # fmt: skip
    return each


def chosen(found: Sequence[Profile], most: int) -> list[Profile]:
    """The profiles, or of too many levels those in which the components differ most."""
    if sum(len(one.levels) for one in found) <= most:
        return list(found)
    short = [one.only(np.sort(np.argsort(-one.told, kind="stable")[:most])) for one in found]
    best = sorted(range(len(short)), key=lambda i: -float(short[i].told.max()))
    room, kept = most, []
    for i in best:
        if len(short[i].levels) <= room:
            room -= len(short[i].levels)
            kept.append(i)
    return [short[i] for i in sorted(kept)]


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
