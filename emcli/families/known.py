"""Colours that are known of some rows: a column of labels, empty where the colour is masked.

p_k(label) is one for the component of that label and zero for the others, or P and (1 - P)/(K - 1)
where labels are trusted by P only. It is observed as any other column is: a labelled row adds
log pi_k p_k(x) of its own component to the log-likelihood, and a masked one the sum over all
(McLachlan & Peel 2000, section 2.19). Nothing is estimated, and nothing of it is in the file.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Self

import numpy as np

from emcli.families.base import Part
from emcli.families.block import Block
from emcli.families.categorical import Categorical
from emcli.families.still import Still
from emcli.frozen import immutable
from emcli.numerics import Array


@immutable
class Known(Still, Categorical):
    name: ClassVar = "known"
    written: ClassVar = False

    @property
    def free(self) -> int:
        return 0

    @classmethod
    def estimate(cls, part: Part, block: Block, r: Array) -> Self:
        *lead, k, _ = r.shape
        table = _table(part, k)
        whole = np.broadcast_to(table, (*lead, *table.shape)).copy()
        return cls(part.columns, (whole,), tuple(some or () for some in part.levels))

    @classmethod
    def least_k(cls, part: Part) -> int:
        return len(part.levels[0] or ())

    @classmethod
    def of(cls, part: Part, k: int) -> Self:
        """The labels' probabilities in k components, of which the first are the labels'."""
        return cls(part.columns, (_table(part, k),), tuple(some or () for some in part.levels))

    @classmethod
    def coordinates(cls, part: Part, block: Block) -> Array:
        return np.empty((0, block.n))

    @classmethod
    def steered(cls, part: Part, block: Block, r: Array) -> Array:
        """Clusters in the order of the labels that most of them have; labelled rows in theirs."""
        table = _table(part, len(r))
        codes = block.values[0]
        seen = np.flatnonzero(~np.isnan(codes))
        labels = codes[seen].astype(np.intp)
        mass = np.ones(len(seen)) if block.weights is None else block.weights[seen]
        shared = np.zeros((len(r), table.shape[1]))
        for label in range(table.shape[1]):
            shared[:, label] = (r[:, seen] * mass) @ (labels == label)
        order: list[int] = []
        for label in range(table.shape[1]):
            left = [cluster for cluster in range(len(r)) if cluster not in order]
            order.append(max(left, key=lambda cluster: shared[cluster, label]))
        order += [cluster for cluster in range(len(r)) if cluster not in order]
        found = r[order]
        found[:, seen] = table[:, labels] / table[:, labels].sum(axis=0)
        return found

    def boundary(self, component: int) -> list[str]:
        return []

    def colour_of(self, component: int) -> str:
        (levels,), (table,) = self.levels, self.probabilities
        own = np.flatnonzero(table.argmax(axis=0) == component)
        return str(levels[int(own[0])]) if len(own) else ""

    def to_dict(self, component: int) -> dict[str, Any]:
        return {}

    def entries(self, component: int) -> list[dict[str, Any]]:
        return []


def _table(part: Part, k: int) -> Array:
    """(K, labels) probabilities, up to a factor, of a label in each component."""
    labels: Sequence[Any] = part.levels[0] or ()
    trust = 1.0 if k == 1 else float(part.options["trust"])
    found = np.full((k, len(labels)), (1 - trust) / max(k - 1, 1))
    np.fill_diagonal(found, trust)
    return found
