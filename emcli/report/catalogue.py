"""The catalogue of families as people read it, taken from the families' own words."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, TextIO

from emcli.families import catalogue
from emcli.report.terminal import to_text

if TYPE_CHECKING:
    from rich.console import Console

_GRAMMAR = (
    "FAMILY[:VARIANT][(COLUMN, ..., name=value)]; blocks joined by '+' are independent; several "
    "models separated by ',' are compared. 'auto' chooses a family for each column."
)
_KINDS = {
    "real": "numbers", "count": "counts", "binary": "two levels", "category": "levels",
}  # fmt: skip


def overview(stream: TextIO | None) -> str:
    """A line for each family, and the grammar that combines them."""

    def draw(console: Console) -> None:
        from rich.table import Table

        table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="dim")
        for head in ("family", "columns", "what it describes"):
            table.add_column(head)
        for name in catalogue.names():
            family = catalogue.family(name)
            table.add_row(name, _KINDS[family.kind], family.summary)
        console.print(table)
        console.print()
        for line in textwrap.wrap(f"-m takes {_GRAMMAR}", console.width):
            console.print(line)
        console.print("\nAll about one: emcli models gaussian")

    return to_text(draw, stream)


def describe(name: str, stream: TextIO | None) -> str:
    """Density, parameters, support, M step, source and an example of one family.

    Raises `UsageError` with the nearest name when there is no such family.
    """
    family = catalogue.family(name.partition(":")[0])
    entries = [
        ("density", family.density), ("parameters", family.parameters),
        ("support", family.support), ("columns", _KINDS[family.kind]),
        ("variants", ", ".join(family.variants)), ("arguments", ", ".join(family.options)),
        ("M step", family.m_step), ("source", family.source), ("example", family.example),
    ]  # fmt: skip

    def draw(console: Console) -> None:
        from rich.table import Table
        from rich.text import Text

        console.print(Text.assemble((family.name, "bold"), f": {family.summary}"), soft_wrap=True)
        console.print()
        table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 3, 0, 0))
        table.add_column("", style="dim", no_wrap=True)
        table.add_column("", overflow="fold")
        for label, words in entries[:-1]:
            if words:
                table.add_row(label, words)
        console.print(table)
        console.print(f"\n{family.example}", soft_wrap=True)

    return to_text(draw, stream)
