"""Kinds of components in one mixture, and what a family of several kinds says of itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from emcli.evaluation import places
from emcli.families.base import Family, Part
from emcli.families.product import named, undrawn
from emcli.frozen import frozen, immutable
from emcli.numerics import Array, Codes, Mask


@frozen
class Kind:
    """What one kind of component is before any fit: its blocks, and the fit it is held at."""

    parts: tuple[Part, ...]
    held: tuple[Family, ...] = ()
    colour: str = ""

    @property
    def background(self) -> bool:
        """Is it what the others stand out from?"""
        return all(part.plain.family.background for part in self.parts)

    @property
    def name(self) -> str:
        """In the grammar's words."""
        return named([(p.family, p.family.title(p), p.columns, p.options) for p in self.parts])


@frozen
class Group:
    """The components of one kind: their places among all, and the families of their blocks."""

    name: str
    places: Codes
    families: tuple[Family, ...]
    held: bool = False
    colour: str = ""

    @property
    def free(self) -> int:
        return 0 if self.held else sum(family.free for family in self.families)


@immutable
class Gathered(Family):
    """columns: all that are described; groups: the components by kind."""

    groups: tuple[Group, ...]

    name: ClassVar = "assorted"
    kind: ClassVar = "real"
    continuous: ClassVar = True
    arrays: ClassVar = ()

    @classmethod
    def title(cls, part: Part) -> str:
        return " | ".join(kind.name for kind in part.options["kinds"])

    @classmethod
    def spelt(
        cls, columns: Sequence[str], options: Mapping[str, Any], alone: bool
    ) -> tuple[str, ...]:
        return ()

    @property
    def label(self) -> str:
        return " | ".join(group.name for group in self.groups)

    @classmethod
    def reads(cls, columns: tuple[str, ...], options: Mapping[str, Any]) -> tuple[str, ...]:
        inputs = [name for kind in options["kinds"] for p in kind.parts for name in p.inputs]
        return tuple(dict.fromkeys([*columns, *inputs]))

    @property
    def inputs(self) -> tuple[str, ...]:
        inputs = [name for family in self.leaves for name in family.inputs]
        return tuple(dict.fromkeys([*self.columns, *inputs]))

    @property
    def given(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(n for group in self.groups for n in undrawn(group.families)))

    @classmethod
    def remarks(cls, part: Part) -> Sequence[str]:
        parts = [p for kind in part.options["kinds"] for p in kind.parts]
        return [remark for p in parts for remark in p.family.remarks(p)]

    @property
    def leaves(self) -> tuple[Family, ...]:
        return tuple(family for group in self.groups for family in group.families)

    @property
    def k(self) -> int:
        return sum(len(group.places) for group in self.groups)

    @property
    def free(self) -> int:
        return sum(group.free for group in self.groups)

    # Facts that depend on the kinds.

    @property
    def bounded(self) -> bool:  # type: ignore[override]
        return all(family.bounded for family in self.leaves)

    @property
    def exact(self) -> bool:  # type: ignore[override]
        return all(family.exact for family in self.leaves)

    @property
    def hidden(self) -> bool:  # type: ignore[override]
        return any(family.hidden for family in self.leaves)

    @property
    def conditional(self) -> bool:  # type: ignore[override]
        return any(family.conditional for family in self.leaves)

    @classmethod
    def rows_wanted(cls, part: Part) -> int:
        return max(p.family.rows_wanted(p) for kind in part.options["kinds"] for p in kind.parts)

    @property
    def exempt(self) -> bool:
        return all(family.exempt for family in self.leaves)

    @property
    def least_rows(self) -> Array:  # type: ignore[override]
        found = np.zeros(self.k)
        for group in self.groups:
            least = [f.least_rows for f in group.families if not (f.bounded or group.held)]
            found[group.places] = max(least, default=0)
        return found

    def narrowest(self, unit: Array) -> Array:
        found = np.full(self.k, np.inf)
        for group in self.groups:
            for family in () if group.held else group.families:
                narrow = family.narrowest(unit[places(family.columns, self.columns)])
                found[group.places] = np.minimum(found[group.places], narrow)
        return found

    def boundary(self, component: int) -> list[str]:
        families, own = self._of(component)
        return [what for family in families for what in family.boundary(own)]

    @classmethod
    def extras(cls, part: Part) -> tuple[bool, ...]:
        return tuple(kind.background for kind in part.options["kinds"][1:])

    @property
    def behind(self) -> Mask:
        found = np.zeros(self.k, dtype=bool)
        for group in self.groups:
            found[group.places] = all(family.background for family in group.families)
        return found

    @property
    def learnt(self) -> Mask:
        found = ~self.behind
        for group in self.groups:
            found[group.places] &= not group.held
        return found

    @property
    def by_kind(self) -> Codes:
        return np.concatenate([group.places for group in self.groups])

    def _of(self, component: int) -> tuple[tuple[Family, ...], int]:
        """The families of a component, and its place in them."""
        for group in self.groups:
            found = np.flatnonzero(group.places == component)
            if len(found):
                return group.families, int(found[0])
        raise IndexError(component)
