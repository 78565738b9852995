"""Families side by side: the name of their product, and the order they can be drawn in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from emcli.errors import UsageError
from emcli.families.base import Family


def named(blocks: Sequence[tuple[type[Family], str, tuple[str, ...], Mapping[str, Any]]]) -> str:
    """A model's name, of each block's family, title, columns and options.

    Columns stand in it only where there are several blocks to tell apart.
    """
    found = []
    blocks = [block for block in blocks if block[0].written]
    for family, title, columns, options in blocks:
        words = family.spelt(columns, options, len(blocks) == 1)
        found.append(f"{title}({', '.join(words)})" if words else title)
    return " + ".join(found)


def drawing_order(blocks: Sequence[tuple[Sequence[str], Sequence[str]]]) -> list[int]:
    """The order in which blocks can be drawn: each after those that describe what it reads.

    blocks: of each the columns it describes and those it reads beside them. Raises `UsageError`
    where they wait for each other.
    """
    order: list[int] = []
    left = list(range(len(blocks)))
    while left:
        waited = {name for i in left for name in blocks[i][0]}
        ready = [i for i in left if not waited.intersection(blocks[i][1])]
        if not ready:
            names = " and ".join(f"'{name}'" for i in left for name in blocks[i][0])
            raise UsageError(
                f"{names} depend on each other" if len(left) > 1 else f"{names} depends on itself",
                "of two columns one can depend on the other",
            )
        order += ready
        left = [i for i in left if i not in ready]
    return order


def drawable(families: Sequence[Family]) -> list[Family]:
    """The families in the order in which they can be drawn."""
    blocks = [(f.columns, [name for name in f.given if name not in f.columns]) for f in families]
    return [families[i] for i in drawing_order(blocks)]


def undrawn(families: Sequence[Family]) -> tuple[str, ...]:
    """The columns that must be known to draw from these families: what none of them draws."""
    drawn = {name for f in families for name in f.columns if name not in f.given}
    return tuple(dict.fromkeys(n for f in families for n in f.given if n not in drawn))
