"""What each column tells of the colours, in nats."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from emcli.numerics import Array, softmax_columns
from emcli.report.plots.scene import Scene


class Told(NamedTuple):
    """Columns that tell together, and how much: nats, of the uncertainty about a colour."""

    label: str
    nats: float


def entropy(shares: Array) -> Array:
    """- sum p log p over the first axis (K, ...)."""
    found: Array = -(shares * np.log(np.where(shares > 0, shares, 1.0))).sum(axis=0)
    return found


def between(r: Array, weights: Array) -> float:
    """The mutual information of the rows' values and their colours, r (K, n) the posteriors.

    The entropy of the colours less what is left of it on average once the values are known:
    H(mean r) - mean H(r) (Cover & Thomas 2006, 2.4), the generalised Jensen-Shannon divergence of
    the components (Lin 1991), averaged over the rows in place of the model. It is 0 where the
    values say nothing, and at most log k.
    """
    total = weights.sum()
    return float(max(entropy(r @ weights / total) - entropy(r) @ weights / total, 0.0))


class Part(NamedTuple):
    """Columns that have a density of their own, and what it depends on beside them."""

    label: str
    columns: tuple[str, ...]
    beside: tuple[str, ...] = ()


def parts(scene: Scene) -> list[Part]:
    """Every column of the model, alone where it has a density alone, else with its block's."""
    found: list[Part] = []
    for family in scene.blocks:
        own = family.columns
        beside = tuple(name for name in family.inputs if name not in own)
        if family.conditional:
            found.append(Part(f"{own[0]}, given the others", own, beside))
        elif family.correlated:
            found.append(Part(", ".join(own), own))
        else:
            found += [Part(name, (name,), beside) for name in own]
    return found


def told(scene: Scene) -> list[Told]:
    """Of each column alone (the others not observed), most first."""
    found = []
    for label, names, beside in parts(scene):
        points = np.array([scene.column(name) for name in (*names, *beside)])
        joint = scene.log_joint(names, points, beside)
        softmax_columns(joint)
        found.append(Told(label, between(joint, scene.weights)))
    return sorted(found, key=lambda one: -one.nats)
