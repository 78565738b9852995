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


def parts(scene: Scene) -> list[tuple[str, tuple[str, ...]]]:
    """The columns that have densities of their own, each with its label; else whole blocks."""
    found: list[tuple[str, tuple[str, ...]]] = []
    for family in scene.blocks:
        if family.conditional:
            found.append((f"{family.columns[0]}, given the others", family.inputs))
        elif family.correlated:
            found.append((", ".join(family.columns), family.inputs))
        else:
            found += [(name, _read(name, family.inputs, family.columns)) for name in family.columns]
    return found


def _read(name: str, inputs: tuple[str, ...], columns: tuple[str, ...]) -> tuple[str, ...]:
    """The column, and what its family reads beside its columns (trials)."""
    return (name, *(other for other in inputs if other not in columns))


def told(scene: Scene) -> list[Told]:
    """Of each column alone (the others not observed), most first."""
    found = []
    for label, names in parts(scene):
        joint = scene.log_joint(names, np.array([scene.column(name) for name in names]))
        softmax_columns(joint)
        found.append(Told(label, between(joint, scene.weights)))
    return sorted(found, key=lambda one: -one.nats)
