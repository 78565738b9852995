"""Components of different kinds under the laws."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from emcli.assorted import Assorted
from emcli.families.base import Part
from emcli.kinds import Group, Kind

from ..example import Example, Row
from .counts import POISSON
from .gaussian import gaussian


@dataclass(frozen=True)
class Assortment(Example):
    """The first two components of one product of examples, the third of another."""

    kinds: tuple[tuple[Example, ...], ...] = ()

    def family(self, part: Part | None = None) -> Assorted:
        groups = []
        for examples, places in zip(self.kinds, ([0, 1], [2]), strict=True):
            families = tuple(
                replace(example, entries=[example.entries[k] for k in places]).family()
                for example in examples
            )
            name = Kind(tuple(example.part for example in examples)).name
            groups.append(Group(name, np.array(places), families))
        return Assorted(self.part.columns, tuple(groups))

    @property
    def independent(self) -> bool:
        return all(example.independent for kind in self.kinds for example in kind)

    @property
    def text(self) -> str:
        return " | ".join(" + ".join(e.text for e in kind) for kind in self.kinds)


def assortment(*kinds: tuple[Example, ...]) -> Assortment:
    parts = tuple(Kind(tuple(example.part for example in kind)) for kind in kinds)
    columns = tuple(name for example in kinds[0] for name in example.part.columns)
    entries = [
        {f"{i}.{key}": value for i, e in enumerate(kinds[k // 2])
         for key, value in e.entries[k].items()}
        for k in range(3)
    ]

    def twin(entry, x):
        kind = kinds[[entry is own for own in entries].index(True) // 2]
        found = 0.0
        for i, example in enumerate(kind):
            own = {key[2:]: value for key, value in entry.items() if key[0] == str(i)}
            at = [columns.index(name) for name in example.part.columns]
            logs = example.twin(own, x[at])
            logs = np.where(np.isnan(logs), 0.0, logs)
            found = found + (logs.sum(axis=0) if logs.ndim == 2 else logs)
        return found

    part = Part(Assorted, columns, options={"kinds": parts})
    return Assortment(part, entries, twin, kinds=kinds)


AB = gaussian("VVV", ("a", "b"))
ROWS = [
    Row("VVV | VVI", (assortment((AB,), (gaussian("VVI", ("a", "b")),)),)),
    Row("VVV+poisson | EII+poisson",
        (assortment((AB, POISSON), (gaussian("EII", ("a", "b")), POISSON)),)),
]
